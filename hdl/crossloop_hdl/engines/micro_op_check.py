"""Checks a micro-op's fields against the build, before anything of it happens."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.errors import Status
from crossloop.protocol.microops import LineState, Opcode, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.records import RECORD_HEADER
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import pulse_gap_min_taps
from crossloop_hdl.layouts import MicroOpLayout, beyond, family_lines, less_than


class MicroOpCheck(wiring.Component):
    """Check of the micro-ops that engines execute, in the order that `crossloop.protocol.microops` promises.

    Everything is compared in the micro-op's CHECK cycle, and decided in PREPARE; the answer is there in EXECUTE.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    op : In(MicroOpLayout)
        The micro-op.
    records_free : In(16)
        Bytes that still fit into the reply.
    pointer : In(16)
        Where SAMPLE writes to.
    status : Out(8)
        `Status`: OK, or why the micro-op must not be executed; valid when that has been there for two cycles.
    okay : Out(1)
        It is OK.
    width : Out(25)
        Gate time of PULSE, COINCIDE, CONVERT and SAMPLE in taps; valid in the cycle after.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__({
            "op": In(MicroOpLayout), "records_free": In(16), "pointer": In(16), "status": Out(8), "okay": Out(1), "width": Out(25),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the comparators, one case per opcode."""
        m = Module()
        op, build = self.op, self._parameters
        first, second = op.c[:16], op.c[16:]
        third, absent = Signal(), Signal()
        """Bit 1 of the micro-op's family: gate lines, or nudge lines. The build has none."""
        none_such, too_many, too_many_channels = Signal(), Signal(), Signal()
        """Line b does not exist; there are fewer than b lines, or channels."""
        zero_count, zero_time, short_gap = Signal(), Signal(), Signal()
        """Nothing is asked for; no time is given; a pause is too short."""
        no_words, no_room = Signal(), Signal()
        """The vector memory ends before; the reply has no room for the record."""
        status, width = Signal.like(self.status), Signal.like(self.width)
        m.d.sync += [self.status.eq(status), self.okay.eq(status == Status.OK), self.width.eq(width)]
        further = [family_lines(build).get(family, 0) for family in (Family.GATES, Family.NUDGES)]
        of_family = Mux(
            op.opcode == Opcode.CONNECT,
            op.a[7],
            (op.opcode != Opcode.CONVERT) & (op.opcode != Opcode.SAMPLE) & op.a[1],
        )
        lines, channels, start = Signal(16), Signal(16), Signal(32)
        m.d.comb += [
            lines.eq(Mux(op.a[0], build.columns, build.rows)),
            channels.eq(Mux(op.a[1], lines >> 1, lines)),
            start.eq(op.c),
            status.eq(Status.OK),
            width.eq(first * build.gate_taps),
        ]
        if any(further):  # a family that the build has not is refused as such
            with m.If(of_family):
                m.d.comb += lines.eq(Mux(op.a[0], further[1], further[0]))
        # LEVELS has a start of 32 bits.
        with m.Switch(op.opcode):
            with m.Case(Opcode.SAMPLE):
                m.d.comb += start.eq(self.pointer)
            with m.Case(Opcode.STREAMS):
                m.d.comb += start.eq(op.c[:16])
        m.d.sync += [
            third.eq(of_family), absent.eq(of_family & Mux(op.a[0], not further[1], not further[0])),
            none_such.eq(op.b >= lines), too_many.eq(op.b > lines), too_many_channels.eq(op.b > channels),
            zero_count.eq(op.b == 0), zero_time.eq((first == 0) | (second == 0)),
            short_gap.eq(second < build.gap_min_cycles),
            no_room.eq(less_than(self.records_free, 2 * op.b + 2 * RECORD_HEADER.size, exact_log2(build.frame_bytes))),
            no_words.eq(beyond(start, op.b, build.vector_words)),
        ]  # fmt: skip
        outside = Signal()
        with m.If(outside):
            m.d.comb += status.eq(Status.LINE_RANGE)
        with m.Switch(op.opcode):
            with m.Case(Opcode.TILE):
                m.d.comb += outside.eq(op.a >= build.tiles)
            with m.Case(Opcode.LEVEL):
                m.d.comb += outside.eq((none_such & (op.b != ALL_LINES)) | absent)
            with m.Case(Opcode.LEVELS):
                m.d.comb += outside.eq(zero_count | too_many | absent)
                with m.If(~outside & no_words):
                    m.d.comb += status.eq(Status.ADDRESS_RANGE)
            with m.Case(Opcode.CONNECT):
                sensed = (op.a[1:3] == LineState.SENSE) | (op.a[3:5] == LineState.SENSE)
                # State 3 of gate lines is CURRENT.
                without_sources = int(build.gate_full_scale_pa == 0)
                m.d.comb += outside.eq(absent | (third & sensed & (op.a[0] | without_sources)))
                with m.Switch(op.a[5:7]):
                    with m.Case(Selection.ONE):
                        with m.If(none_such):
                            m.d.comb += outside.eq(1)
                    with m.Case(Selection.FIRST):
                        with m.If(too_many):
                            m.d.comb += outside.eq(1)
                    with m.Case(Selection.SIGNED):
                        with m.If(third & ~op.a[0]):
                            m.d.comb += outside.eq(1)
            with m.Case(Opcode.PULSE):
                m.d.comb += [
                    outside.eq(zero_count | (op.c[:24] == 0) | (Cat(op.c[24:], op.a) < pulse_gap_min_taps(build))),
                    width.eq(op.c[:24]),
                ]
            if build.coincidence:
                with m.Case(Opcode.COINCIDE):
                    m.d.comb += outside.eq(zero_count | zero_time | short_gap)
            with m.Case(Opcode.CONVERT):
                # The gates are still on in the cycle of the conversion strobe.
                m.d.comb += [
                    outside.eq(zero_count | zero_time | too_many_channels),
                    width.eq((first + second + 1) * build.gate_taps),
                ]
                with m.If(~outside & no_room):
                    m.d.comb += status.eq(Status.REPLY_FULL)
            if build.arithmetic:
                with m.Case(Opcode.SAMPLE):
                    m.d.comb += [
                        outside.eq(zero_count | zero_time | too_many_channels),
                        width.eq((first + second + 1) * build.gate_taps),
                    ]
                    with m.If(~outside & no_words):
                        m.d.comb += status.eq(Status.ADDRESS_RANGE)
                with m.Case(Opcode.STREAMS):
                    m.d.comb += outside.eq(zero_count | too_many | op.a[1])
                    with m.If(~outside & no_words):
                        m.d.comb += status.eq(Status.ADDRESS_RANGE)
            with m.Default():
                m.d.comb += status.eq(Status.UNKNOWN_MICRO_OP)
        return m
