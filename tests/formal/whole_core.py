"""What is proved of the whole controller at its pins: whatever the host sends and a program says, no engine goes around the gate.

Cut away, so that they may do anything in any cycle: link, dispatcher, arithmetic unit, memories, stream banks, random lanes and counters.
What they do in a real build is part of that. So registers are written, outputs armed, programs started and micro-ops fetched as the
solver likes, and the few cycles that it looks ahead reach pulses. Sequencer, register file, engines and safety gate are as built.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Mux, Signal
from formal.prover import Specification, implies

from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import GateLines, Parameters
from crossloop.protocol.registers import WIDTH_BITS, Register
from crossloop.protocol.streams import MAGNITUDE_BITS, Family
from crossloop.protocol.timing import COMPLIANCE_CYCLES
from crossloop_hdl.core import Core
from crossloop_hdl.registers import CLEARED

BREAK, DEAD = 1, 4
PARAMETERS = Parameters(
    rows=2, columns=2, gate_lines=GateLines.ROWS, level_bits=3, sample_bits=2, vector_words=16, program_ops=16, frame_bytes=128,
    request_slots=1, loop_depth=1, break_cycles=BREAK, dead_cycles=DEAD, tiles=2,
)  # fmt: skip
FAMILIES = {Family.ROWS: "row", Family.COLUMNS: "column", Family.GATES: "gate_line"}
CUT = tuple(
    f"top.component.{part}"
    for part in (
        "link", "dispatcher", "arithmetic", "program", "vectors", "bay.counters", "bay.coincidence.row_lanes",
        "bay.coincidence.column_lanes", "bay.coincidence.row_bank", "bay.coincidence.column_bank",
    )
)  # fmt: skip
"""Modules that may do anything."""
STOP_CYCLES = 3
"""From a rise of the emergency stop input to the end of the pulse: two to take it into the clock domain, one to act."""
RUN_ENDS_CYCLES = MAGNITUDE_BITS + 2
"""From a trip to the end of the run, at most, if no record is to be completed."""


class CoreProperties(Specification):
    """The controller with its limits, its arming and its programs free."""

    resets = False

    def __init__(self) -> None:
        super().__init__(Core(PARAMETERS))

    def specify(self) -> None:
        core, m = self.component, self.m
        parts = self.opened()
        self.dispatcher, self.link, self.registers = parts.dispatcher, parts.link, parts.registers
        self.limits = {
            Register.WIDTH_CAP: self.limit(Register.WIDTH_CAP, WIDTH_BITS),
            Register.DEAD_MAN: self.limit(Register.DEAD_MAN, 32),
            Register.RULES: self.limit(Register.RULES, 1),
            **{
                register: self.limit(register, 32)
                for register in (
                    Register.LEVEL_MIN, Register.LEVEL_MAX, Register.GATE_LEVEL_MIN, Register.GATE_LEVEL_MAX,
                )
            },
        }  # fmt: skip
        self.gates = Cat(*(getattr(core, f"{name}_gates") for name in FAMILIES.values()))
        self.drive = Cat(
            *(getattr(core, f"{name}_states_high") & ~getattr(core, f"{name}_states_low") for name in FAMILIES.values())
        )
        self.gate_on = Signal()
        m.d.comb += self.gate_on.eq(self.gates.any())
        self.was_on = self.past(self.gate_on)
        # The gate hears of them a cycle later.
        self.arm, self.stop = self.past(self.dispatcher.arm), self.past(self.link.stop)
        self.heard = self.past(self.link.frame_seen)
        self.asked_to_stop = self.past(self.dispatcher.disarm | self.link.session_opened) | self.stop
        self.promises(parts.sequencer)
        self.armed()
        self.trips()
        self.lines()
        self.levels()
        self.timers()
        self.programs()
        self.reaching()

    def promises(self, sequencer: Any) -> None:
        """Add what is proved of dispatcher and session: while a program runs nothing else is executed, and no session begins."""
        dispatcher, waiting = self.dispatcher, Signal()
        with self.m.If(dispatcher.run):
            self.m.d.sync += waiting.eq(1)
        with self.m.Elif(sequencer.done):
            self.m.d.sync += waiting.eq(0)
        other = (
            dispatcher.register_write | dispatcher.run | dispatcher.arm | dispatcher.disarm | self.link.session_opened
        )
        self.assumes(implies(waiting, ~other))
        where = Cat(dispatcher.register_address, dispatcher.register_high)
        stays = (where == self.past(where)) & self.started
        self.assumes(implies(dispatcher.register_write, stays & self.registers.writable))
        self.assumes(implies(dispatcher.register_write, ~self.past(dispatcher.register_write)))
        self.assumes(implies(self.registers.count, self.registers.counter < len(CLEARED)))

    def limit(self, register: Register, bits: int) -> Signal:
        """Return what the host wrote to a limit first, 0 before."""
        dispatcher, written = self.dispatcher, Signal(name=f"{register.name}_written")
        value = Signal(bits, name=f"{register.name}_limit")
        counted = self.past(self.registers.count)
        whole = dispatcher.register_write & dispatcher.register_high & ~counted
        with self.m.If(whole & (dispatcher.register_address == register) & ~written):
            self.m.d.sync += [value.eq(dispatcher.register_value), written.eq(1)]
        return value

    def armed(self) -> None:
        core, m = self.component, self.m
        allowed = Signal()
        with m.If(self.asked_to_stop | core.tripped):
            m.d.sync += allowed.eq(self.arm & ~self.asked_to_stop)
        with m.Elif(self.arm):
            m.d.sync += allowed.eq(1)
        self.proves(
            "No gate is on unless an ARM came after reset and after the last trip, DISARM, STOP and new session.",
            implies(self.gate_on, allowed),
        )
        self.proves("Gates are on only on lines in state DRIVE.", (self.gates & ~self.drive) == 0)

    def trips(self) -> None:
        core = self.component
        self.proves("After a trip no gate is on.", ~(core.tripped & self.gate_on))
        self.proves(
            "A trip ends only by an ARM.",
            implies(self.past(core.tripped) & ~self.past(self.arm), core.tripped),
        )
        self.proves(
            "A STOP trips and turns all gates off two cycles later; DISARM and a new session turn them off too.",
            implies(self.past(self.stop), core.tripped),
            implies(self.past(self.asked_to_stop), ~self.gate_on),
        )
        pressed = self.past(self.past(self.past(core.emergency_stop)))
        self.proves(
            f"{STOP_CYCLES} cycles after the emergency stop input the outputs have tripped.",
            implies(pressed, core.tripped),
        )
        hot = Signal(range(COMPLIANCE_CYCLES + 2))
        self.m.d.sync += hot.eq(Mux(self.gate_on & core.compliance, hot + 1, 0))
        self.proves(
            f"A pulse ends {COMPLIANCE_CYCLES} cycles after a current was found too high, at the latest.",
            hot <= COMPLIANCE_CYCLES,
        )

    def lines(self) -> None:
        core, m = self.component, self.m
        moved = self.changed(core.tile)
        self.connected = 0
        through_float, long_enough, grounded = [], [], []
        for name in FAMILIES.values():
            low, high = getattr(core, f"{name}_states_low"), getattr(core, f"{name}_states_high")
            for line in range(2):
                state = Signal(2, name=f"{name}_{line}")
                m.d.comb += state.eq(Cat(low[line], high[line]))
                before, changed = self.past(state), self.changed(state)
                floating = Signal(range(BREAK + 1), init=BREAK, name=f"{name}_{line}_floating")
                m.d.sync += floating.eq(Mux(state != LineState.FLOAT, 0, Mux(floating == BREAK, BREAK, floating + 1)))
                moved = moved | changed
                self.connected = self.connected | (changed & state[1])
                through_float.append(implies(changed & (before != LineState.FLOAT), state == LineState.FLOAT))
                long_enough.append(implies(changed & (state != LineState.FLOAT), floating == BREAK))
                grounded.append(state == LineState.GROUND)
        self.proves("A line goes from one connected state to another only through FLOAT.", *through_float)
        self.proves("It floats for the break time at least.", *long_enough)
        self.proves(
            "Neither line states nor tile change while a gate is on or in the cycle after.",
            implies(moved, ~self.gate_on & ~self.was_on),
        )
        since = Signal(range(BREAK + 2))
        m.d.sync += since.eq(Mux(core.tripped, Mux(since == BREAK + 1, BREAK + 1, since + 1), 0))
        self.proves(
            "Break time and one cycle after a trip every line is at ground, and stays there until an ARM.",
            *(implies(core.tripped & (since == BREAK + 1), ground) for ground in grounded),
        )
        driven = core.gate_line_states_high & ~core.gate_line_states_low
        # A CONNECT that was under way when the rule was written is not bound by it.
        ruled = Signal(range(BREAK + 3))
        with m.If((self.limits[Register.RULES] != 0) & (ruled != BREAK + 2)):
            m.d.sync += ruled.eq(ruled + 1)
        newly = (driven & ~self.past(driven)).any()
        self.proves(
            "With the rule ONE_GATE no second gate line gets driven.",
            implies(newly & (ruled == BREAK + 2), ~driven.all()),
        )

    def levels(self) -> None:
        core = self.component
        valid, payload = core.level.valid, core.level.payload
        gates = payload.family == Family.GATES
        # What counts is the window three cycles ago: a level is compared, asked for in the next cycle, and written in the one after that.
        inside = []
        for register, family in ((Register.LEVEL_MIN, 0), (Register.GATE_LEVEL_MIN, 1)):
            least = self.past(self.past(self.past(self.limits[register]))).as_signed()
            most = self.past(self.past(self.past(self.limits[Register(register + 1)]))).as_signed()
            inside.append(implies(valid & (gates == family), (payload.code >= least) & (payload.code <= most)))
        self.proves("A level that is written is inside the window of its line's family.", *inside)
        quiet = Signal(range(DEAD + 1), init=DEAD)
        self.m.d.sync += quiet.eq(Mux(self.gate_on, 0, Mux(quiet == DEAD, DEAD, quiet + 1)))
        self.proves(
            "A level changes only with all gates off, and only after the dead time.",
            implies(valid, ~self.gate_on & (quiet == DEAD)),
        )

    def timers(self) -> None:
        m = self.m
        self.on_time = Signal(8)
        m.d.sync += self.on_time.eq(Mux(self.gate_on, self.on_time + 1, 0))
        self.proves(
            "No gate stays on longer than WIDTH_CAP.",
            implies(self.gate_on, self.on_time < self.limits[Register.WIDTH_CAP]),
        )
        silent = Signal(8)
        m.d.sync += silent.eq(Mux(self.heard | self.arm, 0, silent + 1))
        self.proves(
            "No gate is on later than DEAD_MAN and a cycle after the last frame or ARM.",
            implies(self.gate_on, silent <= self.limits[Register.DEAD_MAN]),
        )

    def programs(self) -> None:
        core, m = self.component, self.m
        ran = self.past(core.running)
        self.proves("A gate is on only while a program runs.", implies(self.gate_on, core.running))
        self.proves(
            "Levels change and lines are driven or sensed only by a program that runs.",
            implies(core.level.valid | self.connected, ran),
        )
        sampling = core.conversion.valid
        self.proves(
            "The converters sample only while a program runs, with the gates of all driven lines on unless it has just tripped.",
            implies(sampling, ran & (core.tripped | ~core.running | (self.gates == self.drive))),
        )
        self.converted = Signal()
        with m.If(~core.running):
            m.d.sync += self.converted.eq(0)
        with m.Elif(sampling):
            m.d.sync += self.converted.eq(1)
        since = Signal(range(RUN_ENDS_CYCLES + 2))
        m.d.sync += since.eq(Mux(core.tripped & core.running, since + (since <= RUN_ENDS_CYCLES), 0))
        self.proves(
            f"A run ends at most {RUN_ENDS_CYCLES} cycles after a trip, unless a conversion's record is still to be completed.",
            implies(since > RUN_ENDS_CYCLES, self.converted),
        )

    def changed(self, value: Any) -> Any:
        """Return whether a value is another one than in the cycle before."""
        return self.started & (value != self.past(value))

    def reaching(self) -> None:
        core, m = self.component, self.m
        pulsed, tripped_before = Signal(), Signal()
        with m.If(self.gate_on):
            m.d.sync += pulsed.eq(1)
        with m.If(core.tripped):
            m.d.sync += tripped_before.eq(1)
        self.covers("A pulse on a row and a gate line.", core.row_gates.any() & core.gate_line_gates.any())
        self.covers(
            "A pulse of WIDTH_CAP that is over.",
            ~self.gate_on & (self.on_time == 3) & (self.limits[Register.WIDTH_CAP] == 3),
        )
        self.covers("A second pulse.", self.gate_on & ~self.was_on & pulsed)
        self.covers("A pulse that a trip has ended.", core.tripped & self.was_on)
        self.covers("A pulse after a trip.", self.gate_on & tripped_before)
        self.covers(
            "A slot of a coincidence update in which some lines fire.",
            self.gate_on & (core.row_gates != self.drive[:2]),
        )
        self.covers("A negative level after a pulse.", core.level.valid & (core.level.payload.code < 0) & pulsed)
        self.covers("A conversion with a gate on.", core.conversion.valid & self.gate_on)
        self.covers("A tile.", core.tile == 1)
        self.covers(
            "A run that ends well after a pulse.", ~core.running & self.past(core.running) & pulsed & ~core.tripped
        )
