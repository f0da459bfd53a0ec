"""A board and a front end of one's own: an HX8K breakout with sigma-delta outputs as levels, and a comparator per line as converter."""

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop_boards.board import Board, FrontEndWiring
from crossloop_hdl.core import UartCore

LINES = 4
COUNTED_CYCLES = 256
"""Cycles in which the ones of a comparator are counted."""
SHOWN = tuple(f"{family}_{what}" for family in ("row", "column") for what in ("gates", "states_low", "states_high"))
"""What the analog switches need to know of every line."""


class SigmaDeltaController(wiring.Component):
    """Controller, modulators and counters."""

    def __init__(self, parameters: Parameters, divisor: int) -> None:
        self._parameters, self._divisor = parameters, divisor
        super().__init__({
            "uart_rx": In(1, init=1), "uart_tx": Out(1, init=1), "emergency_stop": In(1), "compliance": In(1), "running": Out(1),
            "tripped": Out(1), **{name: Out(LINES) for name in SHOWN}, "row_levels": Out(LINES), "column_levels": Out(LINES),
            "comparators": In(LINES), "feedback": Out(LINES),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the controller, a modulator per line, and the counters."""
        m, bits = Module(), self._parameters.level_bits
        m.submodules.core = core = UartCore(self._parameters, self._divisor)
        for name in ("uart_rx", "emergency_stop", "compliance"):
            m.d.comb += getattr(core, name).eq(getattr(self, name))
        for name in ("uart_tx", "running", "tripped", *SHOWN):
            m.d.comb += getattr(self, name).eq(getattr(core, name))
        level = core.level.payload
        for family, outputs in enumerate((self.row_levels, self.column_levels)):
            for line in range(LINES):
                code, total = Signal(signed(bits)), Signal(bits + 1)
                mine = (level.family == family) & ((level.line == line) | (level.line == ALL_LINES))
                with m.If(core.level.valid & mine):
                    m.d.sync += code.eq(level.code)
                m.d.sync += total.eq(total[:bits] + (code + (1 << (bits - 1))).as_unsigned())
                m.d.comb += outputs[line].eq(total[-1])  # as many ones as the code is high
        m.submodules.synchroniser = FFSynchronizer(self.comparators, self.feedback)
        ones = Array(Signal(range(COUNTED_CYCLES + 1), name=f"ones_{line}") for line in range(LINES))
        window, channel, left, pair = Signal(range(COUNTED_CYCLES + 1)), Signal(range(LINES)), Signal(16), Signal()
        first, second = (Mux(pair, channel << 1, channel), (channel << 1) + 1)
        difference = ones[first] - Mux(pair, ones[second], COUNTED_CYCLES // 2)
        m.d.comb += [
            core.samples.valid.eq((window == 0) & (left != 0)), core.samples.payload.code.eq(difference),
            core.samples.payload.saturated.eq((ones[first] == 0) | (ones[first] == COUNTED_CYCLES)),
        ]  # fmt: skip
        asked = core.conversion.payload
        with m.If(core.conversion.valid):
            m.d.sync += [window.eq(COUNTED_CYCLES), channel.eq(0), left.eq(asked.count), pair.eq(asked.pair)]
            m.d.sync += [count.eq(0) for count in ones]
        with m.Elif(window != 0):
            m.d.sync += window.eq(window - 1)
            m.d.sync += [ones[line].eq(ones[line] + self.feedback[line]) for line in range(LINES)]
        with m.Elif(core.samples.valid & core.samples.ready):
            m.d.sync += [channel.eq(channel + 1), left.eq(left - 1)]
        return m


PLACES = dict(zip((*SHOWN, "row_levels", "column_levels", "comparators", "feedback"), (
    "B1 B2 C1 C2", "D1 D2 E2 F1", "F2 G1 G2 H1", "H2 J1 J2 K1", "K3 L1 L3 M1", "M2 N2 N3 P1", "P2 R1 R2 T1", "T2 T3 R3 R4",
    "P16 N16 M16 M15", "L16 K16 K15 J16",
), strict=True))  # fmt: skip
BOARD = Board(
    name="sigma_delta", title="HX8K breakout with sigma-delta levels", platform="amaranth_boards.ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform",
    clock_resource="clk12", oscillator_hz=12_000_000, clock_hz=24_000_000, front_ends={"sigma-delta": FrontEndWiring(
        base="direct", controller=SigmaDeltaController, pins=PLACES, build={"rows": LINES, "columns": LINES, "arithmetic": False,
            "vector_words": 128, "program_ops": 128, "frame_bytes": 128, "conversion_cycles": COUNTED_CYCLES + 2})},
)  # fmt: skip
