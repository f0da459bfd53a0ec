"""The line-state switch sequencer: turns CONNECT and TILE into a request to the line states."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.microops import Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_hdl.layouts import family_lines


class LineSwitch(wiring.Component):
    """Executes CONNECT and TILE.

    In the cycle of the start the selected lines are found for a register; the request follows in the next cycle.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start, change_tile : In(1), In(1)
        Strobe; TILE instead of CONNECT.
    a, b : In(8), In(16)
        Fields of the micro-op, see `Opcode.CONNECT` and `Opcode.TILE`; they stay until `done`.
    abort : In(1)
        Forget it.
    row_signs, column_signs : In(rows), In(columns)
        Sign planes of the stream banks.
    request : Out(1)
        Strobe: ask the line states for the change.
    mask : Out(max(rows, columns))
        The selected lines; valid with `request`.
    settled : In(1)
        The line states are not changing.
    done : Out(1)
        Strobe in the first cycle in which the new states show, or `switch_settle_cycles` of the build later.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._lines = family_lines(parameters)
        self._width = max(self._lines.values())
        self._settle_cycles = parameters.switch_settle_cycles
        super().__init__({
            "start": In(1), "change_tile": In(1), "a": In(8), "b": In(16), "abort": In(1),
            "row_signs": In(parameters.rows), "column_signs": In(parameters.columns),
            "request": Out(1), "mask": Out(self._width), "settled": In(1), "done": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return decoder and two-step control."""
        m = Module()
        waiting = Signal()
        # FIRST may name all lines. Larger numbers are refused before they come here.
        number = self.b[: self._width.bit_length()]
        with m.Switch(self.a[5:7]):
            with m.Case(Selection.ALL):
                m.d.sync += self.mask.eq((1 << self._width) - 1)
            with m.Case(Selection.ONE):
                m.d.sync += self.mask.eq(Const(1, 1) << number)
            with m.Case(Selection.FIRST):
                m.d.sync += self.mask.eq(_first(number))
            with m.Case(Selection.SIGNED):
                # Gate lines have no stream bank; that is refused before it comes here. Nudge lines go by the columns'.
                m.d.sync += self.mask.eq(Mux(self.a[0] == Family.COLUMNS, self.column_signs, self.row_signs))
        m.d.sync += self.request.eq(self.start & ~self.abort)
        with m.If(self.abort):
            m.d.sync += waiting.eq(0)
        with m.Elif(self.request):
            m.d.sync += waiting.eq(1)
        with m.Elif(self.done):
            m.d.sync += waiting.eq(0)
        left = Signal(range(self._settle_cycles + 1))
        with m.If(self.start):
            m.d.sync += left.eq(self._settle_cycles)
        with m.Elif(waiting & self.settled & (left != 0)):
            m.d.sync += left.eq(left - 1)
        m.d.comb += self.done.eq(waiting & self.settled & (left == 0))
        return m


def _first(number: Value) -> Value:
    """Return a one for each line below a number, lowest line first; by halves, which takes less than a comparison per line."""
    if not len(number):
        return Const(0, 1)
    lower, top = _first(number[:-1]), number[-1].replicate(1 << (len(number) - 1))
    return Cat(lower | top, lower & top)
