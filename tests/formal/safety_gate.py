"""What is proved of the safety gate, for any behaviour of engines and host (2x2 lines with gate and nudge lines, short timers)."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal, Value
from formal.prover import Specification, implies

from crossloop.protocol.errors import TripCause
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import GateLines, Parameters
from crossloop.protocol.registers import DUTY_UNIT
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import COMPLIANCE_CYCLES
from crossloop_hdl.line_states import Change
from crossloop_hdl.safety import SafetyGate

BREAK, DEAD = 3, 4
PARAMETERS = Parameters(
    rows=2, columns=2, gate_lines=GateLines.ROWS, nudge_lines=1, level_bits=3, break_cycles=BREAK, dead_cycles=DEAD
)
FAMILIES = ("row", "column", "gate_line", "nudge_line")
TIMER_BITS, DUTY_BITS = 3, 5
LIMITS = (
    "width_cap",
    "dead_man",
    "level_min",
    "level_max",
    "gate_level_min",
    "gate_level_max",
    "one_gate",
    "duty_rest",
)


class SafetyProperties(Specification):
    """The gate with free inputs; limits are write-once registers, so they stay."""

    parameters = PARAMETERS

    def __init__(self) -> None:
        super().__init__(
            SafetyGate(self.parameters, width_bits=TIMER_BITS, dead_man_bits=TIMER_BITS, duty_bits=DUTY_BITS)
        )
        self.gate = self.component

    def taps_of(self, late: Any, early: Any) -> Any:
        """Return in how many taps of a cycle gates are on."""
        return Mux(late | early, 1, 2) if self.parameters.gate_taps > 1 else 1

    def specify(self) -> None:
        gate = self.gate
        self.gate_on = Signal()
        self.m.d.comb += self.gate_on.eq(Cat(*(getattr(gate, f"{family}_gates") for family in FAMILIES)).any())
        none = Signal()
        self.ask_late, self.ask_early = (gate.late, gate.early) if self.parameters.gate_taps > 1 else (none, none)
        self.late, self.early = (gate.gates_late, gate.gates_early) if self.parameters.gate_taps > 1 else (none, none)
        self.taps = self.taps_of(self.late, self.early)
        self.was_on = self.past(self.gate_on)
        for name in LIMITS:
            limit = getattr(gate, name)
            self.assumes(implies(self.started, limit == self.past(limit)))
        self.on_taps = (gate.next_taps - 1)[:TIMER_BITS]
        self.silence = Signal(TIMER_BITS + 2)
        self.m.d.sync += self.silence.eq(Mux(gate.armed & ~gate.frame_seen & ~gate.arm, self.silence + 1, 0))
        self.gates_and_trips()
        self.levels()
        self.lines()
        self.requests()
        self.reasons()
        self.rule_kept()
        self.ways_to_safety()
        self.timers()
        self.rests()
        self.compliance()
        if self.parameters.gate_taps > 1:
            self.halves()
        self.reaching()

    def driven(self, family: str, low: Any, high: Any) -> Any:
        """Return the lines that may have a gate: those in state DRIVE, and gate lines in state CURRENT if they have sources."""
        return high if family == "gate_line" and self.parameters.gate_full_scale_pa else high & ~low

    def gates_and_trips(self) -> None:
        gate = self.gate
        on_driven = []
        for family in FAMILIES:
            low, high = (getattr(gate, f"{family}_states_{bit}") for bit in ("low", "high"))
            on_driven.append((getattr(gate, f"{family}_gates") & ~self.driven(family, low, high)) == 0)
        self.proves("Gates are on only while armed and not tripped.", implies(self.gate_on, gate.armed & ~gate.tripped))
        self.proves("Gates are on only on lines in state DRIVE, or CURRENT where gate lines have sources.", *on_driven)
        self.proves("`gates_off` tells the truth.", implies(self.gate_on, ~gate.gates_off))
        self.proves("After a trip there is no gate.", implies(gate.tripped, ~self.gate_on))
        self.proves(
            "A trip keeps its first cause and ends only by arming.",
            implies(
                self.past(gate.tripped) & ~self.past(gate.arm),
                gate.tripped & (gate.trip_cause == self.past(gate.trip_cause)),
            ),
            gate.tripped == (gate.trip_cause != TripCause.NONE),
            ~(gate.tripped & gate.armed),
        )
        self.proves(
            "The emergency stop input counts from two cycles later on, the time that its synchroniser takes.",
            gate.stop_active == self.past(self.past(gate.emergency_stop)),
        )
        self.proves(
            "The emergency stop trips, and forbids arming while it lasts.",
            implies(self.past(gate.stop_active), gate.tripped & ~gate.armed),
        )
        self.proves(
            "A stop, a disarming and the way to the safe state turn all gates off in the next cycle.",
            *(implies(self.past(strobe), ~self.gate_on) for strobe in (gate.stop, gate.disarm, gate.make_safe)),
        )
        self.helps(implies(gate.on, gate.armed & gate.lines.settled))
        self.helps(implies(gate.armed, self.started))
        self.helps(implies(self.gate_on, gate.on))

    def levels(self) -> None:
        gate = self.gate
        code = self.past(self.past(gate.level_code))
        valid, payload = gate.level.valid, gate.level.payload
        windows = {
            False: (gate.level_min, gate.level_max, gate.low, gate.high),
            True: (gate.gate_level_min, gate.gate_level_max, gate.gate_low, gate.gate_high),
        }
        inside = []
        for is_gate_line, (low, high, near_low, near_high) in windows.items():
            asked = valid & ((payload.family == Family.GATES) == is_gate_line)
            inside.append(implies(asked, (code >= self.past(self.past(low))) & (code <= self.past(self.past(high)))))
            # The windows say the same of every code as the limits do.
            for value in range(-4, 4):
                self.helps(implies(self.started, (near_low <= value) == (low <= value)))
                self.helps(implies(self.started, (near_high >= value) == (high >= value)))
        self.proves(
            "A level that is written is the one that was asked for, on the line and in the family that were named.",
            implies(valid, (payload.code == code) & (payload.line == self.past(gate.level_line))),
            implies(valid, payload.family == self.past(self.past(gate.level_family))),
        )
        self.proves(
            "A level that is asked for and not refused is written.",
            valid == self.past(gate.level_write & gate.armed & ~gate.refused & ~gate.disarm & ~gate.make_safe),
        )
        self.proves("A level that is written is inside the window of its line's family.", *inside)
        self.proves(
            "A level together with a change of lines is refused.",
            implies(gate.armed & gate.level_write & gate.switch, gate.refused),
        )
        self.proves(
            "No level changes while a gate is on or in the cycle after.", implies(valid, ~self.gate_on & ~self.was_on)
        )
        self.quiet = quiet = Signal(range(DEAD + 1), init=DEAD)
        self.m.d.sync += quiet.eq(Mux(gate.on, 0, Mux(quiet == DEAD, DEAD, quiet + 1)))
        self.proves("A level changes only after the dead time.", implies(valid, quiet == DEAD))
        self.helps(gate.dead_left == Mux(quiet < DEAD - 1, DEAD - 1 - quiet, 0))

    def lines(self) -> None:
        gate, lines, m = self.gate, self.gate.lines, self.m
        moved = gate.tile != self.past(gate.tile)
        grounded, through_float, long_enough = [], [], []
        for family in FAMILIES:
            low, high = getattr(gate, f"{family}_states_low"), getattr(gate, f"{family}_states_high")
            for line in range(2):
                state = Signal(2, name=f"{family}_{line}")
                m.d.comb += state.eq(Cat(low[line], high[line]))
                before = self.past(state)
                floating = Signal(range(BREAK + 1), init=BREAK, name=f"{family}_{line}_floating")
                with m.If(state != LineState.FLOAT):
                    m.d.sync += floating.eq(0)
                with m.Elif(floating != BREAK):
                    m.d.sync += floating.eq(floating + 1)
                changed = state != before
                moved = moved | changed
                through_float.append(implies(changed & (before != LineState.FLOAT), state == LineState.FLOAT))
                long_enough.append(implies(changed & (state != LineState.FLOAT), floating == BREAK))
                grounded.append(state == LineState.GROUND)
                self.break_invariants(family, line, state, floating)
        self.proves("A line goes from one connected state to another only through FLOAT.", *through_float)
        self.proves("It floats for the break time at least.", *long_enough)
        self.proves(
            "Neither line states nor tile change while a gate is on or in the cycle after.",
            implies(moved, ~self.gate_on & ~self.was_on),
        )
        self.safe_state(reduce(lambda a, b: a & b, grounded))
        self.helps(implies(lines.changing, lines.left < BREAK))
        self.helps(implies(lines.changing, lines.over == (lines.left == 0)))
        mine = Cat(lines.mine.values())
        self.helps(implies(lines.changing & (lines.change == Change.SAFE), mine.all()))
        self.helps(implies(lines.changing & (lines.change == Change.TILE), mine == 0))
        self.helps(implies(lines.changing & (lines.change == Change.CONNECT), (mine & (mine - 1)) == 0))
        driven = self.driven("gate_line", gate.gate_line_states_low, gate.gate_line_states_high)
        target = self.driven("gate_line", lines.target_low, lines.target_high)
        coming = lines.changing & (lines.change == Change.CONNECT) & lines.mine[Family.GATES]
        self.proves(
            "With the rule ONE_GATE at most one gate line is driven.",
            implies(gate.one_gate & self.started, ~driven.all()),
        )
        self.helps(implies(gate.one_gate & self.started & coming, ~target.all()))

    def requests(self) -> None:
        """Add that what is asked for and not refused is what comes."""
        gate, lines, m = self.gate, self.gate.lines, self.m
        nothing = self.ask_late & self.ask_early
        granted = self.past(gate.gate & ~nothing & gate.armed & ~gate.refused & ~gate.disarm & ~gate.make_safe)
        self.granted = granted
        whole = self.past(~gate.masked)
        given = []
        for family in FAMILIES:
            low, high = (self.past(getattr(gate, f"{family}_states_{bit}")) for bit in ("low", "high"))
            mask = self.past(getattr(gate, f"{family}_mask")) if family in {"row", "column"} else 0b11
            chosen = self.driven(family, low, high) & Mux(whole, 0b11, mask)
            given.append(getattr(gate, f"{family}_gates") == Mux(granted, chosen, 0))
        self.proves(
            "Gates are on exactly when they were asked for and not refused, and on the lines that were named.", *given
        )
        self.proves(
            "Lines are asked to change exactly when that was asked for and not refused.",
            lines.request == (gate.switch & gate.armed & ~gate.refused & ~gate.disarm & ~gate.make_safe),
        )
        plan = {
            family: (Signal(2, init=0b11, name=f"{family}_plan_low"), Signal(2, name=f"{family}_plan_high"))
            for family in FAMILIES
        }
        tile = Signal(8)
        for number, (low, high) in enumerate(plan.values()):
            with m.If(lines.make_safe):
                m.d.sync += [low.eq(0b11), high.eq(0)]
            with m.Elif(lines.request & gate.change_tile):
                m.d.sync += [low.eq(0), high.eq(0), tile.eq(gate.tile_wanted)]
            with m.Elif(lines.request & (gate.family == number)):
                for bit, planned in enumerate((low, high)):
                    selected, others = gate.selected[bit].replicate(2), gate.others[bit].replicate(2)
                    m.d.sync += planned.eq(gate.mask & selected | ~gate.mask & others)
        with m.If(lines.make_safe & lines.changing & (lines.change == Change.TILE) & (lines.left != 0)):
            m.d.sync += tile.eq(gate.tile)
        arrived, kept = [], []
        settled = ~lines.changing & ~lines.pending_safe
        going_safe = lines.pending_safe | (lines.changing & (lines.change == Change.SAFE))
        connecting = lines.changing & (lines.change == Change.CONNECT)
        changing_tile = lines.changing & (lines.change == Change.TILE)
        for number, (family, (low, high)) in enumerate(plan.items()):
            now = [getattr(gate, f"{family}_states_{bit}") for bit in ("low", "high")]
            same = (now[0] == low) & (now[1] == high)
            arrived.append(implies(settled, same))
            mine = connecting & lines.mine[number]
            kept.append(implies(connecting & ~mine, same))
            kept.append(implies(mine, (lines.target_low == low) & (lines.target_high == high)))
            kept.append(implies(changing_tile, (now[0] == 0) & (now[1] == 0) & (low == 0) & (high == 0)))
            kept.append(implies(going_safe, (low == 0b11) & (high == 0)))
        self.proves(
            "When the lines have settled they are in the states that were asked for last, the others in theirs.",
            *arrived,
        )
        self.proves(
            "When the lines have settled the tile is the one that was asked for last.",
            implies(settled, gate.tile == tile),
        )
        asked = self.past(lines.request & ~gate.change_tile)
        untouched = []
        for number, family in enumerate(FAMILIES):
            mine = asked & (self.past(gate.family) == number)
            before = [self.past(getattr(gate, f"{family}_states_{bit}")) for bit in ("low", "high")]
            now = [getattr(gate, f"{family}_states_{bit}") for bit in ("low", "high")]
            mask = self.past(gate.mask)
            for line in range(2):
                state = Cat(before[0][line], before[1][line])
                wanted = Mux(mask[line], self.past(gate.selected), self.past(gate.others))
                untouched.append(
                    implies(mine, Cat(now[0][line], now[1][line]) == Mux(state == wanted, state, LineState.FLOAT))
                )
        self.proves(
            "Of the lines that are asked for those float whose state changes; the others are not touched.", *untouched
        )
        for condition in kept:
            self.helps(condition)
        self.helps(implies(changing_tile, lines.tile_target == tile))
        self.helps(implies(connecting | going_safe, gate.tile == tile))

    def reasons(self) -> None:
        """Add that nothing trips without a reason."""
        gate = self.gate
        code = self.past(gate.level_code)
        gates_asked = self.past(gate.level_family) == Family.GATES
        outside = Mux(gates_asked, (code < gate.gate_level_min) | (code > gate.gate_level_max),
                      (code < gate.level_min) | (code > gate.level_max)) | (code < -4) | (code > 3)  # fmt: skip
        too_wide = self.on_taps + self.taps_of(self.ask_late, self.ask_early) > gate.width_cap
        unrested = Mux(gate.on, self.ask_late | self.early, gate.debt > Mux(self.ask_late, DUTY_UNIT, 0))
        armed = (
            (self.silence >= gate.dead_man)
            | (gate.level_write & (outside | gate.on | gate.gate | gate.switch | (self.quiet < DEAD - 1)))
            | (gate.switch & (gate.on | gate.gate | ~gate.settled | (gate.one_gate & (gate.family == Family.GATES) & ~gate.change_tile)))
            | self.past(gate.width_check & (self.past(gate.width) > gate.width_cap))
            | (gate.gate & (too_wide | ~gate.settled | unrested))
            | (gate.on & self.past(self.past(gate.compliance)))
        )  # fmt: skip
        self.proves(
            "Nothing trips without a reason.",
            implies(
                gate.refused & self.started & self.past(self.started),
                gate.stop | gate.stop_active | (gate.armed & armed),
            ),
        )
        self.proves("Every refusal is a trip.", implies(self.past(gate.refused), gate.tripped))
        self.helps(implies(gate.armed, ~gate.tripped))

    def rule_kept(self) -> None:
        """Add that the rule ONE_GATE refuses nothing that keeps it, and that a pulse that would be too long does not begin."""
        gate = self.gate
        self.proves(
            "Pulses of a width above the cap are refused before the first of them.",
            implies(gate.armed & self.past(gate.width_check & (self.past(gate.width) > gate.width_cap)), gate.refused),
        )
        asked = [Value.cast(state) for state in (gate.selected, gate.others)]
        drives = [self.driven("gate_line", state[0], state[1]) for state in asked]
        both = (drives[0] & drives[1]) | (Mux(gate.mask.all(), drives[0], 0)) | (Mux(gate.mask == 0, drives[1], 0))
        refused = gate.tripped & ~self.past(gate.tripped) & (gate.trip_cause == TripCause.GATE_RULE)
        self.proves(
            "The rule ONE_GATE trips only when a CONNECT of the gate lines would drive two.",
            implies(refused, self.past(both)),
        )

    def ways_to_safety(self) -> None:
        """Add that lines go to ground without a trip, too."""
        gate, lines, m = self.gate, self.gate.lines, self.m
        sent, since = Signal(init=1), Signal(range(BREAK + 2))  # after power-on, too
        with m.If(gate.disarm | gate.make_safe):
            m.d.sync += [sent.eq(1), since.eq(0)]
        with m.Elif(lines.request):
            m.d.sync += sent.eq(0)
        with m.Elif(since != BREAK + 1):
            m.d.sync += since.eq(since + 1)
        grounded = Signal()
        m.d.comb += grounded.eq(
            Cat(
                *(
                    getattr(gate, f"{family}_states_low") & ~getattr(gate, f"{family}_states_high")
                    for family in FAMILIES
                )
            ).all()
        )
        self.proves(
            "Break time and one cycle after power-on, a disarming or the way to the safe state every line is at ground, until a request.",
            implies(sent & (since == BREAK + 1), grounded),
        )
        ripening = lines.changing & (lines.change == Change.SAFE) & (since + lines.left <= BREAK)
        self.helps(implies(sent, grounded | (lines.pending_safe & (since == 0)) | ripening))
        self.helps(implies(sent & lines.changing, lines.change == Change.SAFE))

    def break_invariants(self, family: str, line: int, state: Signal, floating: Signal) -> None:
        """While lines change, those that wait for their new state have floated since the change began."""
        lines = self.gate.lines
        mine = lines.mine[FAMILIES.index(family)]
        target = Cat(lines.target_low[line], lines.target_high[line])
        ripening = (state == LineState.FLOAT) & (floating + lines.left >= BREAK - 1)
        connecting = lines.changing & (lines.change == Change.CONNECT)
        self.helps(implies(connecting & mine, (state == target) | ripening))
        self.helps(implies(lines.changing & (lines.change == Change.SAFE), (state == LineState.GROUND) | ripening))

    def safe_state(self, grounded: Any) -> None:
        gate, lines = self.gate, self.gate.lines
        since = Signal(range(BREAK + 2))
        with self.m.If(~gate.tripped):
            self.m.d.sync += since.eq(0)
        with self.m.Elif(since != BREAK + 1):
            self.m.d.sync += since.eq(since + 1)
        self.proves(
            "Break time and one cycle after a trip every line is at ground, and stays there.",
            implies(gate.tripped & (since == BREAK + 1), grounded),
        )
        alone = Signal(range(BREAK + 2))
        with self.m.If(~gate.tripped | gate.disarm | gate.make_safe):
            self.m.d.sync += alone.eq(0)
        with self.m.Elif(alone != BREAK + 1):
            self.m.d.sync += alone.eq(alone + 1)
        self.proves(
            "A cause that lasts does not send the lines there again and again: they settle.",
            implies(alone == BREAK + 1, gate.settled),
        )
        on_the_way = (lines.pending_safe & (alone == 0)) | (lines.changing & (alone + lines.left <= BREAK))
        self.helps(implies(gate.tripped, gate.settled | on_the_way))
        self.grounded_after_trip = gate.tripped & (since == BREAK + 1) & grounded
        ripening = lines.changing & (lines.change == Change.SAFE) & (since + lines.left <= BREAK)
        self.helps(implies(gate.tripped, grounded | (lines.pending_safe & (since == 0)) | ripening))
        self.helps(implies(gate.tripped & lines.changing, lines.change == Change.SAFE))
        self.helps(~(lines.pending_safe & lines.changing))

    def timers(self) -> None:
        gate = self.gate
        self.on_time = on_time = Signal(TIMER_BITS + 1)
        self.m.d.sync += on_time.eq(Mux(self.gate_on, on_time + self.taps, 0))
        self.proves(
            "No gate stays on longer than the width cap.",
            implies(self.gate_on, on_time + self.taps <= gate.width_cap),
        )
        self.proves(
            "The outputs stay armed for the dead-man time at most without a frame, and not at all without such a time.",
            implies(gate.armed, self.silence <= gate.dead_man),
            implies(gate.armed, gate.dead_man != 0),
        )
        self.helps(implies(gate.on, self.on_taps <= gate.width_cap))
        self.helps(gate.next_taps != 0)
        self.helps(gate.next_taps <= 1 << TIMER_BITS)
        self.helps(implies(~gate.on, self.on_taps == 0))
        self.helps((on_time == 0) | self.was_on)
        self.helps(implies(self.gate_on, on_time + self.taps <= self.on_taps))
        self.helps(implies(gate.armed, (self.silence + 1)[:TIMER_BITS] == gate.silence))
        self.helps(implies(gate.armed, gate.silent == (self.silence >= gate.dead_man)))

    def rests(self) -> None:
        gate = self.gate
        due = Signal.like(gate.debt)
        first = self.after_tap(due, gate.on & ~self.late)
        after = self.after_tap(first, gate.on & ~self.early) if self.parameters.gate_taps > 1 else first
        self.m.d.sync += due.eq(after)
        self.begins = gate.on & ~self.past(gate.on)
        self.proves(
            "No pulse begins before the rest that the last one demands is over.",
            implies(self.begins, Mux(self.late, first, due) == 0),
        )
        self.rested_before = self.past(gate.duty_rest == 20)
        length = Signal(TIMER_BITS + 1)
        with self.m.If(gate.on):
            self.m.d.sync += length.eq(Mux(self.begins, self.taps, length + self.taps))
        self.proves(
            "The delivered width is the time for which gates were on.", implies(~gate.on, gate.delivered == length)
        )
        # The gate takes the half in which a pulse ended off the debt a cycle later.
        self.helps(due == self.past(Mux(self.early, self.after_tap(gate.debt, Const(0)), gate.debt)))
        self.helps(implies(~gate.on, gate.rested == (gate.debt == 0)))
        if self.parameters.gate_taps > 1:
            self.helps(implies(~gate.on, gate.rested_late == (gate.debt <= DUTY_UNIT)))
        self.helps(implies(gate.on, gate.delivered == self.on_taps))
        self.helps(implies(gate.on, self.on_taps == Mux(self.begins, self.taps, length + self.taps)))
        self.helps(implies(gate.on, gate.debt == (self.on_taps * gate.duty_rest)[: len(gate.debt)]))
        self.helps(implies(gate.on & self.started, self.on_taps != 0))

    def after_tap(self, due: Any, on: Any) -> Any:
        """Return the rest that is due after a tap with gates on or off."""
        return Mux(on, due + self.gate.duty_rest, Mux(due <= DUTY_UNIT, 0, due - DUTY_UNIT))[: len(self.gate.debt)]

    def halves(self) -> None:
        """Add what holds of half cycles."""
        first, second = self.gate_on & ~self.late, self.gate_on & ~self.early
        first_before, second_before = self.past(first), self.past(second)
        self.proves(
            "Gates are on in exactly those halves of a cycle that were asked for and not refused.",
            self.late == (self.granted & self.past(self.ask_late)),
            self.early == (self.granted & self.past(self.ask_early)),
            ~(self.late & self.early),
        )
        self.proves(
            "A pulse begins late in its first cycle and ends early in its last one only.",
            implies(self.late, ~self.past(self.gate.on)),
            implies(self.past(self.early), ~self.gate.on),
        )
        self.proves(
            "Between two pulses all gates are off for a whole cycle.",
            implies(first & ~second_before, ~first_before),
            implies(second & ~first, ~first_before & ~second_before),
        )
        self.helps(implies(self.late | self.early, self.gate.on))

    def compliance(self) -> None:
        hot = Signal(range(COMPLIANCE_CYCLES + 2))
        self.m.d.sync += hot.eq(Mux(self.gate_on & self.gate.compliance, hot + 1, 0))
        self.proves(
            "A pulse ends three cycles after a current was found too high, at the latest.", hot <= COMPLIANCE_CYCLES
        )
        self.ends_hot = hot == COMPLIANCE_CYCLES

    def reaching(self) -> None:
        gate, m = self.gate, self.m
        tripped_before, driven = Signal(), Signal()
        with m.If(gate.tripped):
            m.d.sync += tripped_before.eq(1)
        with m.If(gate.row_drive.any()):
            m.d.sync += driven.eq(1)
        level = gate.level.payload
        self.covers(
            "A pulse of the full width.",
            self.gate_on & (self.on_time + self.taps == gate.width_cap) & (gate.width_cap == 5),
        )
        if self.parameters.gate_taps > 1:
            self.covers("A pulse of one tap, late.", self.gate_on & self.late & (gate.width_cap == 1))
            self.covers("A pulse of one tap, early.", self.gate_on & self.early & self.begins)
            self.covers("A pulse that began late and ends early.", self.gate_on & self.early & (self.on_time == 3))
            self.covers("A late pulse after a rest.", self.begins & self.late & tripped_before & self.rested_before)
        self.covers("A pulse after a trip.", self.gate_on & tripped_before)
        self.covers("A negative level.", gate.level.valid & (level.code == -3))
        self.covers("All gates at once.", gate.row_gates.all() & gate.column_gates.all())
        self.covers("Driven lines on another tile.", driven & (gate.tile == 3) & gate.row_drive.all())
        self.covers("Ground after a trip from driven lines.", self.grounded_after_trip & driven)
        for cause in TripCause:
            if cause is not TripCause.NONE:
                self.covers(f"A trip by {cause.name}.", gate.tripped & (gate.trip_cause == cause))
        self.covers("A pulse that ended with its current too high.", self.ends_hot & ~self.gate_on)
        self.covers("A pulse after a rest.", self.begins & tripped_before & self.rested_before)
        self.covers(
            "A gate line with a row, under the rule.", gate.gate_line_gates.any() & gate.row_gates.any() & gate.one_gate
        )
        self.covers("A nudge line with a row.", gate.nudge_line_gates.any() & gate.row_gates.any())
        self.covers(
            "A gate level above the window of the rows.",
            gate.level.valid & (level.family == Family.GATES) & (level.code == 2) & (gate.level_max == 1),
        )
        self.covers("Lines in every state.", driven & (gate.row_states_low == 0b11) & (gate.row_states_high == 0b10))


class CurrentProperties(SafetyProperties):
    """The same of a build whose gate lines have current sources."""

    parameters = replace(PARAMETERS, gate_full_scale_pa=1)

    def reaching(self) -> None:
        gate = self.gate
        super().reaching()
        self.covers(
            "A pulse of current.",
            (gate.gate_line_gates & gate.gate_line_states_low & gate.gate_line_states_high).any() & gate.one_gate,
        )


class SubClockSafetyProperties(SafetyProperties):
    """The gate of a build with two taps per cycle."""

    parameters = replace(PARAMETERS, gate_taps=2)
