"""The line-state registers, and the break before make that stands between any two states of a line."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_hdl.layouts import PREFIX, family_lines


class Change(enum.Enum, shape=2):
    """What the lines are changing to."""

    CONNECT = 0
    """The requested states of one family."""
    TILE = 1
    """Another tile, every line FLOAT."""
    SAFE = 2
    """Every line at GROUND."""


class LineStates(wiring.Component):
    """Owns every line's state and the tile. Part of the safety gate, which lets a request through only when no gate is on.

    After power-on every line goes to GROUND.

    Lines whose state changes are FLOAT for `break_cycles` cycles first; the others are not touched.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    request, change_tile : In(1), In(1)
        Strobe: start a change, to the states of one family or to a tile. Not while `settled` is 0.
    family, mask, selected, others : In(2), In(max(rows, columns)), In(2), In(2)
        The family's lines in the mask go to the state `selected`, the rest of the family to `others`.
    tile_wanted : In(8)
        The tile to go to.
    make_safe : In(1)
        Strobe: drop any other change that is under way and take every line to GROUND, beginning in the next cycle.
    settled : Out(1)
        No change is under way.
    tile : Out(8)
        The tile.
    several : Out(1)
        Combinational: more than one line of the family would be driven. 0 in a build without gate lines.
    row_low, row_high, column_low, ... : Out(rows), Out(rows), Out(columns), ...
        Bit 0 and bit 1 of every line's state.
    row_drive, column_drive, gate_line_drive, nudge_line_drive : Out(rows), Out(columns), Out(gate lines), Out(nudge lines)
        The lines in state DRIVE, gate lines in state CURRENT among them. A build without gate or nudge lines has no members for them.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._lines = family_lines(parameters)
        self._sources = parameters.gate_full_scale_pa > 0
        break_cycles = parameters.break_cycles
        width = max(self._lines.values())
        super().__init__({
            "request": In(1), "change_tile": In(1), "family": In(2), "mask": In(width), "selected": In(2), "others": In(2),
            "tile_wanted": In(8), "make_safe": In(1), "settled": Out(1), "tile": Out(8), "several": Out(1),
            **{f"{PREFIX[family]}_{part}": Out(count) for family, count in self._lines.items() for part in ("low", "high", "drive")},
        })  # fmt: skip
        # In the open, so that a proof can name them.
        self._break_cycles = break_cycles
        # From power-on: nobody needs to come for the lines to be grounded.
        self.pending_safe = Signal(init=1)
        self.changing = Signal()
        self.change = Signal(Change)
        self.mine = {family: Signal(name=f"mine_{PREFIX[family]}") for family in self._lines}
        """Families that the change takes to new states when it is over."""
        self.left = Signal(range(break_cycles + 1))
        self.over = Signal()
        """Nothing is left."""
        self.target_low = Signal(width)
        self.target_high = Signal(width)
        self.tile_target = Signal(8)

    def elaborate(self, _platform: Any) -> Module:
        """Return state registers and break timer."""
        m = Module()
        low, high, drive = (
            {family: getattr(self, f"{PREFIX[family]}_{part}") for family in self._lines}
            for part in ("low", "high", "drive")
        )
        wanted_low, wanted_high = Signal.like(self.mask), Signal.like(self.mask)
        tile_target = self.tile_target
        m.d.comb += [
            self.settled.eq(~self.changing & ~self.pending_safe),
            *(drive[family].eq(self._driven(family, low[family], high[family])) for family in self._lines),
        ]
        for bit, wanted in enumerate((wanted_low, wanted_high)):
            others = self.others[bit].replicate(len(wanted))
            m.d.comb += wanted.eq((self.mask & self.selected[bit].replicate(len(wanted))) | (~self.mask & others))
        if Family.GATES in self._lines:
            driven = Signal(self._lines[Family.GATES])
            m.d.comb += [
                driven.eq(self._driven(Family.GATES, wanted_low, wanted_high)),
                self.several.eq((driven & (driven - 1)).any()),
            ]

        # Which families a change is for, and that its break time is over, is known a cycle before anything moves: there are many lines.
        with m.If(self.pending_safe):
            m.d.sync += [self.pending_safe.eq(0), self.changing.eq(1), self.change.eq(Change.SAFE)]
            m.d.sync += [mine.eq(1) for mine in self.mine.values()]
            for family in self._lines:
                # LineState.GROUND stays, everything else floats.
                m.d.sync += [low[family].eq(low[family] & ~high[family]), high[family].eq(0)]
            m.d.sync += [self.left.eq(self._break_cycles - 1), self.over.eq(self._break_cycles == 1)]
        with m.Elif(self.changing):
            m.d.sync += [self.left.eq(self.left - 1), self.over.eq(self.left == 1)]
            with m.If(self.over):
                m.d.sync += self.changing.eq(0)
                self._finish(m, low, high, tile_target)
        with m.Elif(self.request):
            m.d.sync += [
                self.changing.eq(1), self.left.eq(self._break_cycles - 1), self.over.eq(self._break_cycles == 1),
                self.target_low.eq(wanted_low), self.target_high.eq(wanted_high), tile_target.eq(self.tile_wanted),
                self.change.eq(Mux(self.change_tile, Change.TILE, Change.CONNECT)),
            ]  # fmt: skip
            for family in self._lines:
                asked = ~self.change_tile & (self.family == family)
                same = ~((low[family] ^ wanted_low) | (high[family] ^ wanted_high)) & ~self.change_tile.replicate(
                    len(wanted_low)
                )
                m.d.sync += self.mine[family].eq(asked)
                with m.If(asked | self.change_tile):
                    m.d.sync += [
                        low[family].eq(low[family] & same[: len(low[family])]),
                        high[family].eq(high[family] & same[: len(low[family])]),
                    ]
        # Once on the way to the safe state, further causes must not start over.
        with m.If(self.make_safe & ~self.pending_safe & ~(self.changing & (self.change == Change.SAFE))):
            m.d.sync += [self.pending_safe.eq(1), self.changing.eq(0)]
        return m

    def _driven(self, family: Family, low: Value, high: Value) -> Value:
        """Return the lines of a family that a pulse gate may turn on; state 3 of gate lines is CURRENT where there are sources."""
        return high if family is Family.GATES and self._sources else high & ~low

    def _finish(self, m: Module, low: dict[Family, Signal], high: dict[Family, Signal], tile_target: Signal) -> None:
        """Add what happens at the end of the FLOAT time."""
        ground = self.change == Change.SAFE
        for family, mine in self.mine.items():
            with m.If(mine):
                for registers, target, bit in ((low, self.target_low, 0), (high, self.target_high, 1)):
                    grounded = LineState.GROUND >> bit & 1
                    m.d.sync += registers[family].eq(Mux(ground, -grounded, target))
        with m.If(self.change == Change.TILE):
            m.d.sync += self.tile.eq(tile_target)
