"""The safety gate: the last thing before the pins. Nothing goes around it.

Engines ask, the gate does or refuses. It owns the registers behind every pin that can hurt an array: gates, line states, tile and
level strobe. A trip turns all gates off in the next cycle, takes all lines to ground after a FLOAT time, and stays until the next
arming. `tests/formal/` proves its properties.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.errors import TripCause
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import DEAD_MAN_BITS, DUTY_BITS, DUTY_UNIT, WIDTH_BITS
from crossloop.protocol.streams import Family
from crossloop_hdl.frontend.direct import StrobeSignature, line_members
from crossloop_hdl.layouts import PREFIX, family_lines, level_layout
from crossloop_hdl.line_states import LineStates


class SafetyGate(wiring.Component):
    """Trips, arming, and the registers behind the pins.

    Parameters
    ----------
    parameters : Parameters
        The build.
    width_bits, dead_man_bits, duty_bits : int
        Widths of the timers and of `duty_rest`; a proof takes short ones.

    Members
    -------
    level_write, level_line, level_family, level_code : In(1), In(16), In(2), In(signed(32))
        Strobe: write to this line the level code of the cycle before; outside the window of its family, or no code of the DAC: trip
        LEVEL_WINDOW. Too soon after a pulse: trip HOT_SWITCH.
    switch, change_tile, family, mask, selected, others, tile_wanted : In
        Strobe: change line states or tile, see `LineStates`; against the rule ONE_GATE: trip GATE_RULE.
    width_check, width : In(1), In(width_bits)
        Strobe: pulses are about to be asked for, of the width of the cycle before; above `width_cap`: trip PULSE_WIDTH in the next cycle.
    gate, masked, row_mask, column_mask : In(1), In(1), In(rows), In(columns)
        Gates of the next cycle: those of all DRIVE lines, or of the DRIVE lines in the masks and of all DRIVE gate and nudge lines. Before
        the rest after the last pulse is over: trip DUTY.
    late, early : In(1), In(1)
        Only in builds with two taps per cycle: in the second half of that cycle only, in the first half only; both ask for nothing. A pulse
        that goes on although it has ended early, or begins late although it has begun, would be a second one: trip DUTY.
    compliance : In(1)
        Asynchronous, active high: while a gate is on, trip COMPLIANCE.
    make_safe : In(1)
        Strobe: gates off, lines to ground, still armed.
    arm, disarm, stop, frame_seen, emergency_stop : In(1)
        See `EngineBay`.
    level_min, level_max, gate_level_min, gate_level_max, width_cap, dead_man, one_gate, duty_rest : In
        The limits, see `Register`. `width_cap` and `dead_man` count from the cycle after they were written, windows from the one after
        that.
    too_wide : Out(1)
        The width of the cycle before was above `width_cap`.
    refused : Out(1)
        Combinational: the gate trips in this cycle, and nothing that is asked for in it is done.
    settled : Out(1)
        Line states are not changing.
    armed, tripped, trip_cause, stop_active, gates_off : Out
        See `EngineBay`.
    delivered : Out(width_bits)
        For how many taps the gates were on when they were last on, or have been on so far.
    row_drive, column_drive : Out(rows), Out(columns)
        The lines in state DRIVE.
    tile, row_gates, row_states_low, row_states_high, column_gates, ..., gates_late, gates_early, level : Out
        See `DirectSignature`.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        width_bits: int = WIDTH_BITS,
        dead_man_bits: int = DEAD_MAN_BITS,
        duty_bits: int = DUTY_BITS,
    ) -> None:
        rows, columns = parameters.rows, parameters.columns
        self._level_bits = parameters.level_bits
        self._dead_cycles = parameters.dead_cycles
        self._taps = parameters.gate_taps
        self._families = family_lines(parameters)
        self.lines = LineStates(parameters)
        """Submodule; in the open, so that a proof can name its registers."""
        self.on = Signal()
        """Gates may be on: the last request was granted."""
        self.next_taps = Signal(width_bits + 1, init=1)
        """For how many taps they have been on so far, and one more."""
        self.overlong = Signal()
        """Pulses that were too wide were about to be asked for."""
        self.full = Signal()
        """They have been on for as long as they may."""
        self.nearly_full = Signal()
        """They have been on for as long as they may, or for one tap less; only with two taps."""
        self.silence = Signal(dead_man_bits, init=1)
        """Cycles since the last frame or arming, the one at hand included."""
        self.silent = Signal()
        """For as long as it may last."""
        self.debt = Signal(width_bits + duty_bits)
        """Rest that is due before the next pulse, in parts of a tap."""
        self.rested = Signal(init=1)
        """None is due."""
        self.rested_late = Signal(init=1)
        """None is due after half a cycle more; only with two taps."""
        self.dead_left = Signal(range(parameters.dead_cycles))
        """Cycles until a level may be written."""
        window = signed(parameters.level_bits + 1)
        self.low, self.high = Signal(window), Signal(window)
        """Lowest and highest code of rows and columns, as near to the limits as codes of the DACs are."""
        self.gate_low, self.gate_high = Signal(window), Signal(window)
        """The same of gate lines."""
        self.has_windows = Signal()
        """A cycle after power-on they say what the limits do; no code is inside before."""
        self.code = Signal(signed(parameters.level_bits))
        """The level code of the cycle before."""
        self.code_family = Signal(2)
        """Its family."""
        self.outside = Signal()
        """It was outside the window, or no code of the DAC."""
        super().__init__({
            "level_write": In(1), "level_line": In(16), "level_family": In(2), "level_code": In(signed(32)),
            "switch": In(1), "change_tile": In(1), "family": In(2), "mask": In(max(rows, columns)), "selected": In(2),
            "others": In(2), "tile_wanted": In(8), "width_check": In(1), "width": In(width_bits), "gate": In(1), "masked": In(1),
            "row_mask": In(rows), "column_mask": In(columns), "make_safe": In(1),
            "arm": In(1), "disarm": In(1), "stop": In(1), "frame_seen": In(1), "emergency_stop": In(1),
            "compliance": In(1), "level_min": In(signed(32)), "level_max": In(signed(32)), "gate_level_min": In(signed(32)),
            "gate_level_max": In(signed(32)), "width_cap": In(width_bits), "dead_man": In(dead_man_bits), "one_gate": In(1),
            "duty_rest": In(duty_bits), "delivered": Out(width_bits),
            **({"late": In(1), "early": In(1)} if self._taps > 1 else {}),
            "too_wide": Out(1), "refused": Out(1), "settled": Out(1), "armed": Out(1), "tripped": Out(1), "trip_cause": Out(8),
            "stop_active": Out(1), "gates_off": Out(1), "row_drive": Out(rows), "column_drive": Out(columns), "tile": Out(8),
            **line_members(parameters), "level": Out(StrobeSignature(level_layout(parameters))),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return trip logic, gate registers, level strobe and line states."""
        m = Module()
        trip, calm = Signal(), Signal()
        """A cause holds; none of those that have nothing to do with what is asked for."""
        stop_first, compliance_first, too_much = Signal(), Signal(), Signal()
        m.d.sync += [
            stop_first.eq(self.emergency_stop), self.stop_active.eq(stop_first),
            compliance_first.eq(self.compliance), too_much.eq(compliance_first),
        ]  # fmt: skip
        m.d.comb += [
            trip.eq(self._trip_now(m, too_much)),
            self.refused.eq(trip),
            calm.eq(
                self.armed & ~self.stop & ~self.stop_active & ~self.silent & ~self.overlong & ~(self.on & too_much)
                & ~self.disarm & ~self.make_safe
            ),
        ]  # fmt: skip
        self._add_arming(m, trip)
        self._add_windows(m)
        # Each says for itself what must not be, without waiting for `trip`: the ways to gates and lines are long. The proofs
        # compare what is done with `refused`.
        self._add_gates(m, calm)
        self._add_levels(m, calm)
        self._add_lines(m, trip, calm)
        return m

    def _trip_now(self, m: Module, too_much: Signal) -> Any:
        """Add the trip causes; return whether one holds in this cycle. Whatever is compared was compared in the cycle before."""
        wanted, too_long, too_soon = self._wanted()
        causes = {
            TripCause.STOP_FRAME: self.stop,
            TripCause.STOP_INPUT: self.stop_active,
            TripCause.DEAD_MAN: self.armed & self.silent,
            TripCause.GATE_RULE: self.switch & self.armed & self._breaks_gate_rule(),
            TripCause.LEVEL_WINDOW: self.level_write & self.armed & self.outside,
            TripCause.PULSE_WIDTH: (self.armed & self.overlong) | (wanted & too_long),
            TripCause.DUTY: wanted & too_soon,
            TripCause.COMPLIANCE: self.armed & self.on & too_much,
            TripCause.HOT_SWITCH: (self.armed & (self.level_write | self.switch) & (self.on | self.gate))
            | (self.armed & self.level_write & ((self.dead_left != 0) | self.switch))
            | (self.armed & self.switch & ~self.settled)
            | (wanted & ~self.settled),
        }
        holds = {cause: Signal(name=f"trips_{cause.name.lower()}") for cause in causes}
        m.d.comb += [holds[cause].eq(condition) for cause, condition in causes.items()]
        with m.If(~self.tripped):
            # The first of the list decides when several hold in one cycle.
            branch = m.If
            for cause, signal in holds.items():
                with branch(signal):
                    m.d.sync += self.trip_cause.eq(cause)
                branch = m.Elif
        return Cat(holds.values()).any()

    def _wanted(self) -> tuple[Any, Any, Any]:
        """Return whether gates are wanted, whether they have been on for too long for it, and whether it is too soon for another pulse."""
        if self._taps == 1:
            return self.gate & self.armed, self.full, ~self.on & ~self.rested
        again = self.late | self.gates_early
        return (
            self.gate & self.armed & ~(self.late & self.early),
            self.full | (self.nearly_full & ~self.late & ~self.early),
            Mux(self.on, again, ~self.rested & ~(self.late & self.rested_late)),
        )

    def _breaks_gate_rule(self) -> Any:
        """Return whether more than one gate line was to be driven although only one may."""
        return self.one_gate & ~self.change_tile & (self.family == Family.GATES) & self.lines.several

    def _outside_window(self) -> Any:
        """Return whether the level code is outside its family's window."""
        code = self.level_code[: self._level_bits].as_signed()
        above = self.level_code[self._level_bits - 1 :]
        outside = (code < self.low) | (code > self.high)
        if Family.GATES in self._families:
            gates = self.level_family == Family.GATES
            outside = Mux(gates, (code < self.gate_low) | (code > self.gate_high), outside)
        return (above.any() & ~above.all()) | outside | ~self.has_windows

    def _add_windows(self, m: Module) -> None:
        """Add the windows: limits outside the codes of the DACs are brought to the nearest number that says the same."""
        first, last = -(1 << (self._level_bits - 1)), (1 << (self._level_bits - 1)) - 1

        def nearest(limit: Any, below: int, above: int) -> Any:
            upper = limit[self._level_bits - 1 :]
            return Mux(upper.all() | ~upper.any(), limit[: self._level_bits].as_signed(), Mux(limit[-1], below, above))

        limits = [(self.low, self.level_min, self.high, self.level_max)]
        if Family.GATES in self._families:
            limits.append((self.gate_low, self.gate_level_min, self.gate_high, self.gate_level_max))
        m.d.sync += self.has_windows.eq(1)
        for low, least, high, most in limits:
            m.d.sync += [
                low.eq(nearest(least, first, last + 1)),
                high.eq(nearest(most, first - 1, last)),
            ]

    def _add_arming(self, m: Module, trip: Signal) -> None:
        """Add the armed and tripped registers and the dead-man timer."""
        with m.If(trip):
            m.d.sync += [self.armed.eq(0), self.tripped.eq(1)]
        with m.Elif(self.disarm):
            m.d.sync += self.armed.eq(0)
        with m.Elif(self.arm & (self.dead_man != 0)):
            m.d.sync += [self.armed.eq(1), self.tripped.eq(0), self.trip_cause.eq(TripCause.NONE)]
        with m.If(self.frame_seen | self.arm | ~self.armed):
            m.d.sync += [self.silence.eq(1), self.silent.eq(0)]
        with m.Else():
            m.d.sync += [self.silence.eq(self.silence + 1), self.silent.eq(self.silence >= self.dead_man)]

    def _add_gates(self, m: Module, calm: Signal) -> None:
        """Add the gate registers, and the timers that know how long they have been on and how long they must rest."""
        granted = Signal()
        gates = {family: getattr(self, f"{PREFIX[family]}_gates") for family in self._families}
        drive = {Family.ROWS: self.row_drive, Family.COLUMNS: self.column_drive}
        masks = {Family.ROWS: self.row_mask, Family.COLUMNS: self.column_mask}
        drive |= {
            family: getattr(self.lines, f"{PREFIX[family]}_drive") for family in self._families if family not in drive
        }
        if self._taps == 1:
            reached, debt, paid = self.next_taps, self.debt + self.duty_rest, DUTY_UNIT
        else:
            reached, debt, paid = self._add_halves(m, granted)
        wanted, too_long, too_soon = self._wanted()
        m.d.comb += [
            granted.eq(calm & wanted & ~too_long & ~too_soon & self.settled & ~self.level_write & ~self.switch),
            self.gates_off.eq(~self.on),
        ]
        m.d.sync += self.on.eq(granted)
        self._add_width_limit(m, granted)
        with m.If(granted):
            m.d.sync += [self.next_taps.eq(reached + 1), self.delivered.eq(reached)]
            m.d.sync += [register.eq(drive[family]) for family, register in gates.items()]
            with m.If(self.masked):
                m.d.sync += [gates[family].eq(drive[family] & mask) for family, mask in masks.items()]
            m.d.sync += self.debt.eq(debt)  # what `rested` says matters only after the first cycle without gates
        with m.Else():
            m.d.sync += self.next_taps.eq(1)
            m.d.sync += [register.eq(0) for register in gates.values()]
            m.d.sync += self.rested.eq(self.debt <= paid)
            m.d.sync += self.debt.eq(Mux(self.debt <= paid, 0, self.debt - paid))
        with m.If(self.on):
            m.d.sync += self.dead_left.eq(self._dead_cycles - 1)
        with m.Elif(self.dead_left != 0):
            m.d.sync += self.dead_left.eq(self.dead_left - 1)

    def _add_width_limit(self, m: Module, granted: Signal) -> None:
        """Add the comparisons with `width_cap`, in the cycle before they are needed: the way from a cause to the gates is long."""
        cap, taps = self.width_cap, self.next_taps
        m.d.sync += [self.too_wide.eq(self.width > cap), self.overlong.eq(self.width_check & self.too_wide)]
        if self._taps == 1:
            m.d.sync += self.full.eq(Mux(granted, taps >= cap, cap == 0))
            return
        half = self.late | self.early
        m.d.sync += [
            self.full.eq(Mux(granted, Mux(half, taps >= cap, taps + 1 >= cap), cap == 0)),
            self.nearly_full.eq(Mux(granted, Mux(half, taps + 1 >= cap, taps + 2 >= cap), cap <= 1)),
        ]

    def _add_halves(self, m: Module, granted: Signal) -> tuple[Any, Any, Any]:
        """Add the halves of gates; return taps and debt after a granted cycle, and what a cycle without gates takes off the debt."""
        half = self.late | self.early
        # The half without gates that ended a pulse counts with the first cycle after it.
        paid = Mux(self.gates_early, 3 * DUTY_UNIT, 2 * DUTY_UNIT)
        m.d.sync += [
            self.gates_late.eq(granted & self.late),
            self.gates_early.eq(granted & self.early),
            self.rested_late.eq(self.debt <= paid + DUTY_UNIT),
        ]
        # What was due when a pulse begins late is rested in the half before.
        debt = Mux(self.late, 0, self.debt) + Mux(half, self.duty_rest, self.duty_rest << 1)
        return self.next_taps + Mux(half, 0, 1), debt, paid

    def _add_levels(self, m: Module, calm: Signal) -> None:
        """Add the level strobe."""
        payload = self.level.payload
        m.d.sync += [
            self.code.eq(self.level_code), self.code_family.eq(self.level_family), self.outside.eq(self._outside_window()),
            self.level.valid.eq(calm & self.level_write & ~self.outside & (self.dead_left == 0) & ~self.on & ~self.gate & ~self.switch),
        ]  # fmt: skip
        with m.If(self.level_write):  # what shows without `valid` is nobody's
            m.d.sync += [
                payload.family.eq(self.code_family), payload.line.eq(self.level_line), payload.code.eq(self.code),
            ]  # fmt: skip

    def _add_lines(self, m: Module, trip: Signal, calm: Signal) -> None:
        """Add the line states."""
        m.submodules.lines = lines = self.lines
        for name in ("change_tile", "family", "mask", "selected", "others", "tile_wanted"):
            m.d.comb += getattr(lines, name).eq(getattr(self, name))
        m.d.comb += [
            lines.request.eq(
                calm
                & self.switch
                & self.settled
                & ~self._breaks_gate_rule()
                & ~self.on
                & ~self.gate
                & ~self.level_write
            ),
            # A cause that persists must not start over again and again.
            lines.make_safe.eq((trip & ~self.tripped) | self.disarm | self.make_safe),
            self.settled.eq(lines.settled),
            self.row_drive.eq(lines.row_drive),
            self.column_drive.eq(lines.column_drive),
            self.tile.eq(lines.tile),
        ]
        for prefix in (PREFIX[family] for family in self._families):
            for bit in ("low", "high"):
                m.d.comb += getattr(self, f"{prefix}_states_{bit}").eq(getattr(lines, f"{prefix}_{bit}"))
