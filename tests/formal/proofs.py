"""Every proof there is, in two groups of about the same time: a test process each."""

from __future__ import annotations

from formal.line_bytes import CrcProperties, DeframerProperties, LineProperties, PausingLineProperties
from formal.link_memories import LINK_CUT, TRANSMITTER_CUT, LinkProperties, TransmitterProperties
from formal.promises import DispatcherProperties, LimitProperties, RegisterProperties
from formal.prover import Proof
from formal.queues import EncoderProperties, FifoProperties, ReaderProperties
from formal.safety_gate import CurrentProperties, SafetyProperties, SubClockSafetyProperties
from formal.session_rules import SessionProperties
from formal.whole_core import CUT, CoreProperties

FLAT = ("flatten", "opt -full", "opt_clean -purge")
"""What nothing that is proved depends on is left out."""
MAPPED = ("memory_map", *FLAT)
"""Memories as registers: quicker for small ones, and for tables that never change."""

CONTROLLER_PROOFS = {
    "safety gate": Proof(
        "`SafetyGate` with 2x2 lines, gate lines and nudge lines, short timers", SafetyProperties, 5, 24
    ),
    "safety gate with current sources": Proof(
        "The same gate with current sources at its gate lines", CurrentProperties, 5, 24
    ),
    "safety gate with two taps": Proof(
        "`SafetyGate` with 2x2 lines, gate lines, nudge lines and two taps per cycle, short timers",
        SubClockSafetyProperties,
        5,
        24,
    ),
    "limits": Proof("`RegisterFile`, what the safety gate gets from it", LimitProperties, 3, 8),
    "register file": Proof(
        "`RegisterFile`, what the host gets from it", RegisterProperties, 8, 10, unbounded=False, passes=MAPPED
    ),
    "dispatcher": Proof("`Dispatcher`, and programs that end when they like", DispatcherProperties, 7, 18),
    "whole core": Proof(
        "`Core` with 2x2 lines and gate lines; anything may come from link, dispatcher, arithmetic unit, memories, stream banks and random "
        "lanes, so that registers, arming and programs are free in every cycle",
        CoreProperties, 23, 30, unbounded=False, cut=CUT, passes=FLAT,
    ),
}  # fmt: skip
LINK_PROOFS = {
    "session rules": Proof("`SessionRules`, two slots, 32-bit numbers", SessionProperties, 4, 24),
    "checksum": Proof("`Crc32`", CrcProperties, 6, 8, passes=MAPPED),
    "deframer": Proof("`Deframer` with any bytes of the line", DeframerProperties, 4, 20, passes=MAPPED),
    "stuffing": Proof(
        "`CobsEncoder` into `CobsDecoder`, blocks of at most 3 bytes and a ring of 16, a byte in every cycle",
        LineProperties, 16, 12, unbounded=False, passes=MAPPED,
    ),
    "stuffing with pauses": Proof(
        "The same with a ring of 8, bytes that come and a line that takes them when they like",
        PausingLineProperties, 12, 16, unbounded=False, passes=MAPPED,
    ),
    "line encoder": Proof("`CobsEncoder`, its output stream", EncoderProperties, 14, 14, unbounded=False),
    "link": Proof(
        "`RequestLink` with its memories, frames of 32 bytes, two slots, room for four notices; deframer, transmitter and dispatcher do "
        "anything that is not excluded by what is proved of them",
        LinkProperties, 20, 21, unbounded=False, cut=LINK_CUT, passes=MAPPED,
    ),
    "transmitter": Proof(
        "`Transmitter` before an encoder that pauses once", TransmitterProperties, 24, 26, unbounded=False, cut=TRANSMITTER_CUT,
        passes=MAPPED,
    ),
    "stretch reader": Proof("`StretchReader` over a memory that holds still", ReaderProperties, 4, 12),
    "notice queue": Proof("`SyncFIFOBuffered`, depth 4", FifoProperties, 14, 14, unbounded=False, passes=MAPPED),
}  # fmt: skip
PROOFS = CONTROLLER_PROOFS | LINK_PROOFS
"""Name and proof."""
