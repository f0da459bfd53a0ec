"""What is compared with its netlist: the safety gate, and what the link is made of."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from formal.equivalence import REGISTERS_FOR_MEMORIES, Equivalence
from formal.line_bytes import BLOCK_BYTES, RING_BYTES, Line
from formal.link_memories import FRAME_BYTES as LINK_BYTES
from formal.link_memories import PARAMETERS as LINK
from formal.link_memories import WITH_IDENTITY
from formal.safety_gate import DUTY_BITS, PARAMETERS, TIMER_BITS, CurrentProperties, SubClockSafetyProperties
from formal.session_rules import SLOTS

from crossloop.protocol.parameters import GateLines, Parameters
from crossloop_hdl.crc import Crc32
from crossloop_hdl.elaborate import to_rtlil
from crossloop_hdl.link.deframer import Deframer
from crossloop_hdl.link.reader import StretchReader
from crossloop_hdl.link.request_link import RequestLink
from crossloop_hdl.link.session import SessionRules
from crossloop_hdl.link.transmitter import Transmitter
from crossloop_hdl.safety import SafetyGate
from crossloop_hdl.uart import UartReceiver, UartTransmitter

NOTICES = 5
"""Their queue has one place more than its memory, and a memory of four has no address without a place."""
BUILD = Parameters(rows=4, columns=4, gate_lines=GateLines.ROWS, nudge_lines=1)
DIVISOR = 12


def _gate(parameters: Parameters) -> str:
    """Return a safety gate with short timers."""
    return to_rtlil(SafetyGate(parameters, width_bits=TIMER_BITS, dead_man_bits=TIMER_BITS, duty_bits=DUTY_BITS))


def _short(component: Any) -> str:
    """Return a part of the link with short memories: of each byte there are eight registers and what chooses among them."""
    with (
        patch("crossloop_hdl.link.request_link._NOTICES", NOTICES),
        patch.multiple("crossloop_hdl.cobs", BLOCK_MAX=BLOCK_BYTES + 1, _RING_BYTES=RING_BYTES),
    ):
        return to_rtlil(component)


EQUIVALENCES = {
    "safety gate": Equivalence(
        "`SafetyGate` with 2x2 lines, gate lines and nudge lines, short timers", lambda: _gate(PARAMETERS)
    ),
    "safety gate of a build": Equivalence(
        "The same with 4x4 lines, and timers and level codes as wide as in a build", lambda: to_rtlil(SafetyGate(BUILD))
    ),
    "safety gate with current sources": Equivalence(
        "The small gate with current sources at its gate lines", lambda: _gate(CurrentProperties.parameters)
    ),
    "safety gate with two taps": Equivalence(
        "The small gate with two taps per cycle", lambda: _gate(SubClockSafetyProperties.parameters)
    ),
    "session rules": Equivalence(
        f"`SessionRules`, {SLOTS} slots, 32-bit numbers", lambda: to_rtlil(SessionRules(SLOTS))
    ),
    "checksum": Equivalence("`Crc32`", lambda: to_rtlil(Crc32())),
    "deframer": Equivalence("`Deframer` of a build", lambda: to_rtlil(Deframer(BUILD))),
    "stuffing": Equivalence(
        f"`CobsEncoder` into `CobsDecoder`, blocks of at most {BLOCK_BYTES} bytes and a ring of {RING_BYTES}",
        lambda: to_rtlil(Line(RING_BYTES)),
        REGISTERS_FOR_MEMORIES,
    ),
    "transmitter": Equivalence(
        "`Transmitter` with its identity, and such an encoder",
        lambda: _short(Transmitter(WITH_IDENTITY)),
        REGISTERS_FOR_MEMORIES,
    ),
    "stretch reader": Equivalence("`StretchReader`, 7-bit offsets", lambda: to_rtlil(StretchReader(offset_bits=7))),
    "serial receiver": Equivalence(
        f"`UartReceiver`, {DIVISOR} cycles per bit", lambda: to_rtlil(UartReceiver(divisor=DIVISOR))
    ),
    "serial transmitter": Equivalence(
        f"`UartTransmitter`, {DIVISOR} cycles per bit", lambda: to_rtlil(UartTransmitter(divisor=DIVISOR))
    ),
    "link": Equivalence(
        f"`RequestLink`: deframer, rules, reader, transmitter and memories together, frames of {LINK_BYTES} bytes, {SLOTS} slots, room for "
        f"{NOTICES} notices",
        lambda: _short(RequestLink(LINK)),
        REGISTERS_FOR_MEMORIES,
        slow=True,
    ),
}
"""Name and comparison."""
