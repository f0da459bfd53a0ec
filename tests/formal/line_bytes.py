"""What is proved of the bytes of the line: checksum, checks of a frame, and that stuffing is undone."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from amaranth.hdl import Cat, Fragment, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from formal.prover import Specification, implies

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.cobs import CobsDecoder, CobsEncoder, Tail
from crossloop_hdl.crc import Crc32
from crossloop_hdl.link.deframer import Deframer

FRAME_BYTES = 128
HEADER_BYTES, CHECKSUM_BYTES = 8, 4
BLOCK_BYTES, RING_BYTES, SHORTEST_RING_BYTES = 3, 16, 8
"""Of the encoder that is proved: its longest block, and its ring, which fills up where the line pauses; a real one has 254 and 512."""


def stepped(state: Value, byte: Value) -> Value:
    """Return the CRC-32 of zlib after one more byte, bit by bit. Source: RFC 1952, section 8."""
    value = state ^ byte
    for _ in range(8):
        value = value[1:] ^ Mux(value[0], 0xEDB88320, 0)
    return value


class CrcProperties(Specification):
    """The checksum's register from any state on."""

    def __init__(self) -> None:
        super().__init__(Crc32())

    def specify(self) -> None:
        crc = self.component
        takes = crc.valid & ~crc.clear
        self.proves(
            "A byte changes the state as eight steps of the bitwise definition do, from any state.",
            implies(self.past(takes) & self.started, crc.state == stepped(self.past(crc.state), self.past(crc.data))),
        )
        self.proves(
            "It begins, and begins anew, with all bits set.",
            implies(self.past(crc.clear) | ~self.started, crc.state.all()),
        )
        idle = self.past(~crc.valid & ~crc.clear) & self.started
        self.proves("Otherwise the state stays.", implies(idle, crc.state == self.past(crc.state)))
        # The state, the byte and whether one was taken, one to four cycles ago.
        states, bytes_, taken, begun = [crc.state], [crc.data], [takes], [self.started]
        for history in (states, bytes_, taken, begun):
            for _ in range(CHECKSUM_BYTES):
                history.append(self.past(history[-1]))
        in_a_row = Cat(taken[1:], begun[1:]).all()
        self.proves(
            "After four bytes `match` says whether they are the checksum of all that came before, and only then.",
            implies(in_a_row, crc.match == (Cat(*reversed(bytes_[1:])) == ~states[CHECKSUM_BYTES])),
        )
        self.covers("A byte and its checksum.", in_a_row & crc.match & (states[CHECKSUM_BYTES] != 2**32 - 1))


class DeframerProperties(Specification):
    """The deframer with any bytes of the line."""

    def __init__(self) -> None:
        super().__init__(Deframer(Parameters(frame_bytes=FRAME_BYTES)))

    def decoded(self, cobs: CobsDecoder) -> tuple[Value, Value, Value, Value]:
        """Return whether there is a byte of the frame, which, whether the frame ends, and with a whole block: decoded as in the paper."""
        deframer, m = self.component, self.m
        left, owed, begun = Signal(8), Signal(), Signal()
        comes, value = deframer.i_valid, deframer.i_data
        with m.If(comes & (value == 0)):
            m.d.sync += [left.eq(0), owed.eq(0), begun.eq(0)]
        with m.Elif(comes & (left == 0)):
            m.d.sync += [left.eq(value - 1), owed.eq(value != 0xFF), begun.eq(1)]
        with m.Elif(comes):
            m.d.sync += left.eq(left - 1)
        self.helps((cobs.left == left) & (cobs.zero_owed == owed) & (cobs.begun == begun))
        byte = comes & (value != 0) & ((left != 0) | owed)
        return byte, Mux(left == 0, 0, value), comes & (value == 0) & begun, left == 0

    def specify(self) -> None:
        deframer, m = self.component, self.m
        parts = self.opened()
        byte, data, end, whole = self.decoded(parts.cobs)
        # The frame as it comes: its length, its first bytes, its last bytes, and the checksum's states before them.
        length, first, last = Signal(16), Signal(8 * HEADER_BYTES), Signal(8 * CHECKSUM_BYTES)
        states = [Signal(32, init=0xFFFFFFFF, name=f"state_{back}") for back in range(CHECKSUM_BYTES + 1)]
        with m.If(end):
            m.d.sync += [length.eq(0), *(state.eq(state.init) for state in states)]
        with m.Elif(byte):
            m.d.sync += [length.eq(length + (length != 0xFFFF)), last.eq(Cat(last[8:], data))]
            m.d.sync += [
                state.eq(after) for state, after in zip(states, (stepped(states[0], data), *states), strict=False)
            ]
            with m.If(length < HEADER_BYTES):
                m.d.sync += first.word_select(length[:3], 8).eq(data)
        self.passed = deframer.end & (deframer.status == Status.OK)
        was_length, was_whole = self.past(length), self.past(whole)
        right = self.past(last) == ~self.past(states[CHECKSUM_BYTES])
        known = deframer.header.kind.matches(FrameKind.HELLO, FrameKind.REQUEST, FrameKind.KICK, FrameKind.STOP)
        self.proves(
            "A frame passes only if its last four bytes are the CRC-32 of those before them.",
            implies(self.passed, right),
        )
        self.proves(
            "A frame passes only if it is as long as its header says, and not longer than a frame may be.",
            implies(self.passed, was_length == deframer.header.length + HEADER_BYTES + CHECKSUM_BYTES),
            implies(self.passed, was_length <= FRAME_BYTES),
        )
        self.proves(
            "A frame passes only with a kind that a host sends.",
            implies(self.passed, known),
        )
        fits = (was_length >= HEADER_BYTES + CHECKSUM_BYTES) & (was_length <= FRAME_BYTES)
        agrees = was_length == deframer.header.length + HEADER_BYTES + CHECKSUM_BYTES
        verdict = Mux(known, Status.OK, Status.UNKNOWN_KIND)
        verdict = Mux(was_whole & right, Mux(agrees, verdict, Status.LENGTH_MISMATCH), Status.CRC_MISMATCH)
        self.proves(
            "A frame passes if nothing of that is wrong; else the verdict names what is, first of all a length that no frame has.",
            implies(deframer.end, deframer.status == Mux(fits, verdict, Status.LENGTH_MISMATCH)),
        )
        self.proves(
            "The header of a frame that passes is its first eight bytes.",
            implies(self.passed, deframer.header.as_value() == self.past(first)),
        )
        self.proves(
            "Every byte behind the header is offered for storing once, at its place, and nothing else is.",
            deframer.store == (byte & (length >= HEADER_BYTES) & (length < FRAME_BYTES)),
            implies(deframer.store, (deframer.store_data == data) & (deframer.store_offset == length - HEADER_BYTES)),
        )
        self.proves(
            "A frame's end is told once, one cycle after its delimiter.",
            deframer.end == (self.past(end) & self.started),
        )
        self.proves(
            "The end of the header is told with its last byte.",
            deframer.header_end == (byte & (length == HEADER_BYTES - 1)),
        )
        told = self.past(deframer.end)
        self.proves(
            "Verdict and header stay for a cycle more.",
            implies(told, deframer.status == self.past(deframer.status)),
            implies(told, deframer.header.as_value() == self.past(deframer.header.as_value())),
        )
        self.proves(
            "No header is complete in the cycle in which an end is told, nor in the next one.",
            ~((deframer.end | told) & deframer.header_end),
        )
        self.proves("No two ends are told in cycles that follow one another.", ~(deframer.end & told))
        self.helps(states[0] == parts.crc.state)
        self.helps(deframer.count == Mux(length > FRAME_BYTES, FRAME_BYTES + 1, length))
        for place in range(HEADER_BYTES + 1):
            here = (length == place) if place < HEADER_BYTES else (length >= place)
            self.helps(implies(here, deframer.header.as_value()[64 - 8 * place :] == first[: 8 * place]))
        for back in range(CHECKSUM_BYTES):
            known = states[back] == stepped(states[back + 1], last.word_select(CHECKSUM_BYTES - 1 - back, 8))
            self.helps(implies(length > back, known))
        self.covers("A HELLO passes.", self.passed & (deframer.header.kind == FrameKind.HELLO))
        self.covers("A request with a byte of payload passes.", self.passed & (deframer.header.length == 1))
        self.covers(
            "A frame fails its checksum.", deframer.end & (deframer.status == Status.CRC_MISMATCH) & (was_length == 12)
        )


class Line(wiring.Component):
    """An encoder, a line that stalls when it likes, and a decoder; blocks and ring are short."""

    def __init__(self, ring_bytes: int) -> None:
        self._ring_bytes = ring_bytes
        super().__init__({
            "i": In(stream.Signature(Tail)), "line": Out(stream.Signature(8)), "o_valid": Out(1), "o_data": Out(8), "end": Out(1),
            "whole": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        with patch.multiple("crossloop_hdl.cobs", BLOCK_MAX=BLOCK_BYTES + 1, _RING_BYTES=self._ring_bytes):
            self.encoder = encoder = CobsEncoder()
            decoder = CobsDecoder()
            m.submodules.encoder, m.submodules.decoder = Fragment.get(encoder, None), Fragment.get(decoder, None)
        connect(m, flipped(self.i), encoder.i)
        connect(m, encoder.o, flipped(self.line))
        m.d.comb += [decoder.i_valid.eq(self.line.valid & self.line.ready), decoder.i_data.eq(self.line.payload)]
        m.d.comb += [getattr(self, name).eq(getattr(decoder, name)) for name in ("o_valid", "o_data", "end", "whole")]
        return m


class LineProperties(Specification):
    """Frames through encoder, line and decoder; bytes come and leave in every cycle, so that the solver sees far enough."""

    pauses = False
    ring_bytes = RING_BYTES
    resets = False

    def __init__(self) -> None:
        super().__init__(Line(self.ring_bytes))
        self.index, self.frame = Signal(4), Signal(2)
        """Free: which byte of all, and which frame of all, is looked at."""

    def inputs(self) -> list[Any]:
        return [*super().inputs(), self.index, self.frame]

    def specify(self) -> None:
        line, m = self.component, self.m
        for choice in (self.index, self.frame):
            self.assumes(implies(self.started, choice == self.past(choice)))
        if not self.pauses:
            self.assumes(line.i.valid & line.line.ready)
        goes_in, ends = line.i.valid & line.i.ready, line.i.valid & line.i.ready & line.i.p.last
        bytes_in, bytes_out, frames_in, frames_out = (
            Signal(6, name=name) for name in ("bytes_in", "bytes_out", "frames_in", "frames_out")
        )
        m.d.sync += [bytes_in.eq(bytes_in + goes_in), frames_in.eq(frames_in + ends)]
        m.d.sync += [bytes_out.eq(bytes_out + line.o_valid), frames_out.eq(frames_out + line.end)]
        # The byte that is looked at, and the frame it is of; where the frame that is looked at ends.
        data, of_frame, seen = Signal(8), Signal(6), Signal()
        with m.If(goes_in & (bytes_in == self.index)):
            m.d.sync += [data.eq(line.i.p.data), of_frame.eq(frames_in), seen.eq(1)]
        total, over = Signal(6), Signal()
        with m.If(ends & (frames_in == self.frame)):
            m.d.sync += [total.eq(bytes_in + 1), over.eq(1)]
        here = line.o_valid & (bytes_out == self.index)
        self.proves(
            "What is decoded is what was encoded, byte by byte and frame by frame.",
            implies(here, seen & (line.o_data == data) & (frames_out == of_frame)),
        )
        self.proves(
            "A frame that is decoded ends where it ended, and with all its bytes.",
            implies(line.end & (frames_out == self.frame), over & line.whole & (bytes_out == total)),
        )
        self.proves(
            "No zero stands on the line but the one at the end of a frame.",
            implies(line.line.valid & (line.line.payload == 0) & line.line.ready, line.end),
        )
        zero_inside = (data == 0) & seen & (of_frame == self.frame) & (bytes_out > self.index)
        self.covers(
            "A frame of three bytes with a zero inside.",
            zero_inside & line.end & (total == 3) & over & (self.index == 1),
        )
        self.covers(
            "A frame that is longer than a block.",
            line.end & (total == BLOCK_BYTES + 1) & (data != 0) & (self.index == BLOCK_BYTES),
        )
        self.covers("A second frame.", line.end & (frames_out == 1))


class PausingLineProperties(LineProperties):
    """The same where bytes come, and the line takes them, when they like: the ring fills up."""

    pauses = True
    ring_bytes = SHORTEST_RING_BYTES

    def specify(self) -> None:
        super().specify()
        waits, line = Signal(range(SHORTEST_RING_BYTES)), self.component
        self.opened()
        # The true distance from what leaves next to what comes next, which their addresses know but for whole rounds.
        steps = [
            (address - self.past(address))[: len(address)] & self.started.replicate(len(address))
            for address in (line.encoder.head, line.encoder.tail)
        ]
        before = Signal(range(2 * SHORTEST_RING_BYTES), init=1)
        distance = Signal.like(before)
        self.m.d.comb += distance.eq(before + steps[0] - steps[1])
        self.m.d.sync += before.eq(distance)
        self.proves("Nothing is written over a byte that waits.", (distance != 0) & (distance < SHORTEST_RING_BYTES))
        stalled = Signal(range(4))
        free = distance <= SHORTEST_RING_BYTES - 4
        self.m.d.sync += stalled.eq(Mux(free & ~line.i.ready, stalled + (stalled != 3), 0))
        self.proves(
            "While three places are free, bytes are taken but for the two cycles that end a frame, and the one that ends a block.",
            stalled <= 2,
        )
        with self.m.If(line.i.valid & ~line.i.ready & ~line.line.ready):
            self.m.d.sync += waits.eq(waits + (waits != SHORTEST_RING_BYTES - 1))
        with self.m.Else():
            self.m.d.sync += waits.eq(0)
        self.covers("A full ring.", waits == SHORTEST_RING_BYTES - 1)
