"""The safety gate by itself: what trips it, what it refuses, and how it comes to rest."""

import pytest
from amaranth.sim import Simulator

from crossloop.protocol.errors import TripCause
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.safety import SafetyGate

BREAK = 4
PARAMETERS = Parameters(rows=3, columns=2, break_cycles=BREAK)


class Panel:
    """Sets inputs and reads outputs of a gate by name; strobes last one cycle."""

    def __init__(self, ctx, gate):
        self.ctx, self.gate = ctx, gate

    def set(self, **values):
        for name, value in values.items():
            self.ctx.set(getattr(self.gate, name), value)

    def __getattr__(self, name):
        return self.ctx.get(getattr(self.gate, name))

    async def wait(self, cycles=1):
        for _ in range(cycles):
            await self.ctx.tick()

    async def strobe(self, **values):
        self.set(**values)
        await self.wait()
        self.set(**dict.fromkeys(values, 0))

    async def drive_rows(self):
        await self.strobe(switch=1, mask=0b111, selected=LineState.DRIVE)
        await self.wait(BREAK)

    async def settle(self):
        await self.wait(BREAK + 2)

    @property
    def states(self):
        return tuple(getattr(self, f"{family}_states_{bit}") for family in ("row", "column") for bit in ("low", "high"))


ALL_GROUND = (0b111, 0, 0b11, 0)
ALL_FLOAT = (0, 0, 0, 0)
ROWS_DRIVEN = (0, 0b111, 0b11, 0)
ROWS_FLOAT = (0, 0, 0b11, 0)


@pytest.fixture(scope="module")
def play():
    """Run a scenario against a gate fresh from reset with limits set, armed unless told otherwise."""
    gate = SafetyGate(PARAMETERS)
    jobs = []

    async def bench(ctx):
        for job in jobs:
            await job(Panel(ctx, gate))

    simulator = Simulator(gate)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)

    def run(scenario, *, arm=True, **limits):
        ended = []

        async def job(panel):
            panel.set(**{"level_min": -20, "level_max": 20, "width_cap": 30, "dead_man": 1000} | limits)
            if arm:
                await panel.wait(BREAK + 1)  # from power-on, lines go to GROUND
                await panel.strobe(arm=1)
            await scenario(panel)
            ended.append(True)

        if jobs:  # It has run before.
            simulator.reset()
        jobs[:] = [job]
        simulator.run()
        assert ended

    return run


def test_after_reset_everything_is_off_and_the_lines_go_to_ground(play):
    async def scenario(panel):
        assert (panel.armed, panel.tripped, panel.trip_cause, panel.gates_off) == (0, 0, TripCause.NONE, 1)
        assert panel.states == ALL_FLOAT
        assert (panel.row_gates, panel.column_gates) == (0, 0)
        # Without arming nothing can be had.
        panel.set(gate=1)
        await panel.strobe(level_write=1, switch=1, mask=7, selected=LineState.DRIVE)
        await panel.wait(20)
        assert panel.states == ALL_GROUND
        assert (panel.row_gates, panel.ctx.get(panel.gate.level.valid), panel.tripped) == (0, 0, 0)

    play(scenario, arm=False)


def test_gates_reach_only_lines_in_state_drive(play):
    async def scenario(panel):
        await panel.strobe(switch=1, mask=0b101, selected=LineState.DRIVE, others=LineState.SENSE)
        await panel.wait(BREAK)
        await panel.strobe(gate=1)
        assert (panel.row_gates, panel.column_gates, panel.gates_off) == (0b101, 0, 0)
        await panel.wait()
        assert (panel.row_gates, panel.gates_off) == (0, 1)
        await panel.strobe(gate=1, masked=1, row_mask=0b110)
        assert panel.row_gates == 0b100

    play(scenario)


def test_unchanged_lines_are_not_touched_by_a_switch(play):
    async def scenario(panel):
        await panel.drive_rows()
        assert panel.states == ROWS_DRIVEN
        await panel.strobe(switch=1, mask=0b011, selected=LineState.DRIVE, others=LineState.GROUND)
        for _ in range(BREAK):
            assert (panel.row_states_low, panel.row_states_high, panel.settled) == (0, 0b011, 0)
            await panel.wait()
        assert (panel.row_states_low, panel.row_states_high, panel.settled) == (0b100, 0b011, 1)

    play(scenario)


@pytest.mark.parametrize(
    ("cause", "before", "act", "later"),
    [(TripCause.STOP_FRAME, {}, {"stop": 1}, 0), (TripCause.LEVEL_WINDOW, {"level_code": 21}, {"level_write": 1}, 0),
     (TripCause.LEVEL_WINDOW, {"level_code": -21}, {"level_write": 1}, 0),
     (TripCause.PULSE_WIDTH, {"width": 31}, {"width_check": 1}, 1)],
    ids=str,
)  # fmt: skip
def test_a_trip_grounds_every_line_and_keeps_its_first_cause(play, cause, before, act, later):
    async def scenario(panel):
        await panel.drive_rows()
        await panel.strobe(**before)  # code and width are back at 0 in the cycle of the strobe
        panel.set(**act)
        for _ in range(later):
            assert not panel.refused
            await panel.strobe(**act)  # and so is the strobe in the cycle that trips
        assert panel.refused
        await panel.strobe(**act)
        assert (panel.tripped, panel.armed, panel.trip_cause) == (1, 0, cause)
        await panel.wait()
        assert panel.states == ROWS_FLOAT
        await panel.wait(BREAK)
        assert panel.states == ALL_GROUND
        await panel.strobe(stop=1)
        assert panel.trip_cause == cause
        panel.set(gate=1)
        await panel.wait(5)
        assert panel.row_gates == 0
        panel.set(gate=0)
        await panel.strobe(arm=1)
        assert (panel.tripped, panel.armed, panel.trip_cause) == (0, 1, TripCause.NONE)

    play(scenario)


def test_limits_themselves_are_allowed(play):
    async def scenario(panel):
        # What comes with the strobe is beyond the limit, and does not count.
        for code, with_strobe in ((20, 21), (-20, -21)):
            await panel.strobe(level_code=code)
            await panel.strobe(level_write=1, level_code=with_strobe, level_line=2)
            assert panel.ctx.get(panel.gate.level.valid) == 1
            assert panel.ctx.get(panel.gate.level.payload.code) == code
            assert panel.ctx.get(panel.gate.level.payload.line) == 2
        await panel.strobe(width=30)
        panel.set(width=31)
        assert panel.too_wide == 0
        await panel.strobe(width_check=1)
        assert (panel.refused, panel.too_wide) == (0, 1)
        await panel.wait(2)
        assert panel.tripped == 0

    play(scenario)


@pytest.mark.parametrize("cycles", [0, 1])
def test_a_width_is_compared_with_the_cap_of_the_cycle_before_its_strobe(play, cycles):
    async def scenario(panel):
        panel.set(width=9)
        await panel.wait(2)
        panel.set(width_cap=8)
        await panel.wait(cycles)
        panel.set(width=cycles * 8)
        await panel.strobe(width_check=1)
        panel.set(width_cap=30)
        assert panel.refused == cycles
        await panel.wait(2)
        assert panel.trip_cause == (TripCause.PULSE_WIDTH if cycles else TripCause.NONE)

    play(scenario)


@pytest.mark.parametrize(
    ("cause", "limit", "asked", "cycles"),
    [(TripCause.PULSE_WIDTH, {"width_cap": 8}, {"width_check": 1, "width": 9}, 2), (TripCause.DEAD_MAN, {"dead_man": 3}, {}, 1),
     (TripCause.LEVEL_WINDOW, {"level_max": 4}, {"level_write": 1, "level_code": 5}, 2),
     (TripCause.LEVEL_WINDOW, {"level_min": 6}, {"level_write": 1, "level_code": 5}, 2)],
    ids=str,
)  # fmt: skip
def test_new_limits_count_from_the_next_cycle_and_windows_from_the_one_after(play, cause, limit, asked, cycles):
    async def scenario(panel):
        panel.set(**asked)
        await panel.wait(5)
        panel.set(**limit)
        # A width that is too large trips in the cycle after its strobe.
        for _ in range(cycles):
            assert not panel.refused
            await panel.wait()
        assert panel.refused
        await panel.wait()
        assert panel.trip_cause == cause

    play(scenario)


@pytest.mark.parametrize("cycles", [1, 2])
def test_windows_are_empty_until_limits_have_been_there_for_a_cycle(play, cycles):
    async def scenario(panel):
        await panel.strobe(arm=1)
        await panel.wait(cycles - 1)
        await panel.strobe(level_write=1)
        assert panel.trip_cause == (TripCause.LEVEL_WINDOW if cycles == 1 else TripCause.NONE)
        assert panel.ctx.get(panel.gate.level.valid) == (cycles > 1)

    play(scenario, arm=False)


def test_a_gate_that_stays_on_is_cut_at_the_cap(play):
    async def scenario(panel):
        await panel.drive_rows()
        panel.set(gate=1)
        await panel.wait()
        for _ in range(30):
            assert panel.row_gates == 0b111
            await panel.wait()
        assert (panel.row_gates, panel.tripped, panel.trip_cause) == (0, 1, TripCause.PULSE_WIDTH)

    play(scenario)


@pytest.mark.parametrize(
    "act",
    [
        {"level_write": 1},
        {"switch": 1, "mask": 1, "selected": LineState.SENSE},
        {"switch": 1, "change_tile": 1, "tile_wanted": 1},
    ],
)
@pytest.mark.parametrize("moment", ["first", "middle", "last"])
def test_hot_switching_is_refused_and_trips(play, act, moment):
    async def scenario(panel):
        await panel.drive_rows()
        if moment != "first":
            # "first" asks in the very cycle in which the gates are asked for, "last" in the cycle after the last request.
            await panel.strobe(gate=1)
        if moment != "last":
            panel.set(gate=1)
        await panel.strobe(**act)
        assert (panel.tripped, panel.trip_cause) == (1, TripCause.HOT_SWITCH)
        assert (panel.row_gates, panel.tile) == (0, 0)
        assert panel.ctx.get(panel.gate.level.valid) == 0
        assert panel.states == ROWS_DRIVEN

    play(scenario)


def test_gates_asked_for_while_lines_float_trip(play):
    async def scenario(panel):
        await panel.drive_rows()
        await panel.strobe(switch=1, mask=0b001, selected=LineState.GROUND, others=LineState.DRIVE)
        await panel.strobe(gate=1)
        assert (panel.row_gates, panel.trip_cause) == (0, TripCause.HOT_SWITCH)

    play(scenario)


def test_the_dead_man_timer_is_kept_alive_by_frames_only(play):
    async def scenario(panel):
        for _ in range(5):
            await panel.wait(40)
            assert panel.armed
            await panel.strobe(frame_seen=1)
        await panel.wait(50)
        assert panel.tripped == 0
        await panel.wait()
        assert (panel.tripped, panel.trip_cause) == (1, TripCause.DEAD_MAN)

    play(scenario, dead_man=50)


def test_arming_needs_a_dead_man_time(play):
    async def scenario(panel):
        assert panel.armed == 0

    play(scenario, dead_man=0)


def test_the_emergency_stop_trips_and_forbids_arming_while_active(play):
    async def scenario(panel):
        await panel.drive_rows()
        panel.set(gate=1, emergency_stop=1)
        await panel.wait(3)
        assert (panel.row_gates, panel.tripped, panel.trip_cause, panel.stop_active) == (0, 1, TripCause.STOP_INPUT, 1)
        panel.set(gate=0)
        await panel.settle()
        assert panel.states == ALL_GROUND
        assert panel.settled
        await panel.strobe(arm=1)
        assert (panel.armed, panel.tripped) == (0, 1)
        panel.set(emergency_stop=0)
        await panel.wait(2)
        await panel.strobe(arm=1)
        assert (panel.armed, panel.tripped) == (1, 0)

    play(scenario)


def test_disarming_leads_to_the_safe_state_without_a_cause(play):
    async def scenario(panel):
        await panel.drive_rows()
        panel.set(gate=1)
        await panel.wait(3)
        await panel.strobe(disarm=1)
        assert (panel.row_gates, panel.armed, panel.tripped, panel.trip_cause) == (0, 0, 0, TripCause.NONE)
        await panel.settle()
        assert panel.states == ALL_GROUND

    play(scenario)


def test_a_trip_in_the_middle_of_a_switch_ends_at_ground(play):
    async def scenario(panel):
        await panel.strobe(switch=1, mask=0b111, selected=LineState.DRIVE)
        await panel.wait(BREAK - 1)
        await panel.strobe(stop=1)
        await panel.settle()
        assert panel.states == ALL_GROUND

    play(scenario)
