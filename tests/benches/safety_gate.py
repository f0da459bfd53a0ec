"""Safety gate: what must never be seen at the pins, whatever is asked for; and each trip with its cause and its times."""

from __future__ import annotations

from typing import Any

import cocotb

from benches.stepper import Stepper, generator, signed
from crossloop_sim.cosim.simulator import parameters

INPUTS = (
    "level_write", "level_family", "level_line", "level_code", "switch", "change_tile", "family", "mask", "selected", "others",
    "tile_wanted", "width_check", "width", "gate", "masked", "row_mask", "column_mask", "make_safe", "arm", "disarm", "stop",
    "frame_seen", "emergency_stop", "compliance", "level_min", "level_max", "gate_level_min", "gate_level_max", "width_cap", "dead_man",
    "one_gate", "duty_rest",
)  # fmt: skip
FAMILIES = ("row", "column", "gate_line", "nudge_line")
OUTPUTS = (
    "refused", "settled", "armed", "tripped", "trip_cause", "stop_active", "gates_off", "delivered", "tile", "level__valid",
    "level__payload",
)  # fmt: skip
LEAD = {"width": 2, "width_check": 1, "level_code": 1, "level_family": 1}
"""By how many cycles inputs come before the trip: codes and widths before their strobe, and that of a width before what it refuses."""
FLOAT, GROUND, DRIVE, SENSE = range(4)
STOP_FRAME, STOP_INPUT, DEAD_MAN, LEVEL_WINDOW, PULSE_WIDTH, HOT_SWITCH, DUTY, COMPLIANCE, GATE_RULE = range(1, 10)
LEVEL_MIN, LEVEL_MAX, WIDTH_CAP, SILENCE = -20, 25, 9, 400
GATE_MAX, REST, DEAD = 30, 24, 4
"""Highest code of gate lines, rest in sixteenths of the gate time, dead time in cycles."""


class Watchdog:
    """Looks at the pins of every cycle; raises AssertionError at the first that breaks a rule."""

    def __init__(self, lines: tuple[int, ...], break_cycles: int, level_bits: int) -> None:
        self._lines = dict(zip(FAMILIES, lines, strict=False))
        self._break_cycles = break_cycles
        self._level_bits = level_bits
        self._before: dict[str, int] | None = None
        self._states = [FLOAT] * sum(lines)
        self._floating = [break_cycles] * sum(lines)
        """Cycles for which each line has been FLOAT."""
        self._on = 0
        self._off = self._rest = 1000
        """Cycles since gates were on, and how many sixteenths of a cycle they must be."""
        self._tripped_for = 0

    def states(self, out: dict[str, int]) -> list[int]:
        """Return the state of every line, rows first."""
        found = []
        for family, lines in self._lines.items():
            low, high = out[f"{family}_states_low"], out[f"{family}_states_high"]
            found += [(low >> line & 1) | (high >> line & 1) << 1 for line in range(lines)]
        return found

    def gates(self, out: dict[str, int]) -> list[int]:
        """Return the pulse gate of every line."""
        return [out[f"{family}_gates"] >> line & 1 for family, lines in self._lines.items() for line in range(lines)]

    def check(self, out: dict[str, int], *, arm: bool) -> None:
        """Check one cycle; `arm` tells whether arming was asked for in the cycle before."""
        before = self._before or dict.fromkeys(out, 0)
        gates, gates_before = any(self.gates(out)), any(self.gates(before))
        states = self.states(out)
        assert all(state == DRIVE for state, gate in zip(states, self.gates(out), strict=True) if gate), (
            "gate on a line that is not DRIVE"
        )
        first = sum(list(self._lines.values())[:2])
        driven = states[first : first + self._lines.get("gate_line", 0)].count(DRIVE)
        assert driven <= 1, f"{driven} gate lines are driven"
        assert not gates or (out["armed"] and not out["tripped"]), "gate while not armed"
        assert not (gates and out["gates_off"]), "gates_off is a lie"
        self._on = self._on + 1 if gates else 0
        assert self._on <= WIDTH_CAP, f"gates on for {self._on} cycles"
        # A request may be granted without any line that takes part; the rest counts all the same, so this is the least of it.
        if self._on == 1 and before["gates_off"]:
            assert 16 * self._off >= self._rest, f"a pulse begins after {self._off} cycles of rest"
        if gates:
            self._off, self._rest = 0, self._on * REST
        else:
            self._off += 1
        self._check_states(states, quiet=not gates and not gates_before)
        if out["tile"] != before["tile"]:
            assert not gates
            assert not gates_before
            assert all(cycles >= self._break_cycles for cycles in self._floating), (
                "tile changed under lines that are connected"
            )
        if out["level__valid"]:
            code, family = signed(out["level__payload"] >> 18, self._level_bits), out["level__payload"] & 3
            low, high = (0, GATE_MAX) if family == 2 else (LEVEL_MIN, LEVEL_MAX)
            assert low <= code <= high, f"level code {code} of family {family}"
            assert not gates, "level changed while a gate is on"
            assert self._off > DEAD, f"level changed {self._off - 1} cycles after a pulse"
            assert before["armed"], "level changed while not armed"
        self._check_trip(out, before, states, arm=arm)
        self._before = out

    def _check_states(self, states: list[int], *, quiet: bool) -> None:
        for line, (old, new) in enumerate(zip(self._states, states, strict=True)):
            if old != new:
                assert quiet, f"line {line} switched hot"
                assert FLOAT in {old, new}, f"line {line} went from {old} to {new} without a break"
                assert new == FLOAT or self._floating[line] >= self._break_cycles, (
                    f"line {line} made before its break was over"
                )
            self._floating[line] = self._floating[line] + 1 if new == FLOAT else 0
        self._states = states

    def _check_trip(self, out: dict[str, int], before: dict[str, int], states: list[int], *, arm: bool) -> None:
        if before["tripped"] and not out["tripped"]:
            assert arm, "a trip ended by itself"
        if before["tripped"] and out["tripped"]:
            assert out["trip_cause"] == before["trip_cause"], "the first cause was not kept"
        assert bool(out["trip_cause"]) == bool(out["tripped"])
        self._tripped_for = self._tripped_for + 1 if out["tripped"] else 0
        if self._tripped_for > 1:
            assert not out["level__valid"], "level changed after a trip"
        # Gates off in the first cycle, lines float from the second, and break_cycles later they are grounded.
        if self._tripped_for > 2 + self._break_cycles:
            assert all(state == GROUND for state in states), f"not safe after a trip: {states}"


class Bench:
    """The gate with a watchdog on its pins."""

    def __init__(self, dut: Any) -> None:
        given = parameters()
        self.rows, self.columns, self.break_cycles = given["rows"], given["columns"], given["break_cycles"]
        gate_lines = {0: (), 1: (self.rows,), 2: (self.columns,)}[given.get("gate_lines", 0)]
        nudge_lines = (self.columns,) if given.get("nudge_lines") else ()
        self.lines = (self.rows, self.columns, *gate_lines, *nudge_lines)
        self.watchdog = Watchdog(self.lines, self.break_cycles, given["level_bits"])
        pins = [
            f"{family}_{part}"
            for family in FAMILIES[: len(self.lines)]
            for part in ("gates", "states_low", "states_high")
        ]
        self.stepper = Stepper(dut, INPUTS, (*OUTPUTS, *pins))
        self.random = generator()
        self._arm = False

    @classmethod
    async def make(cls, dut: Any, *, dead_man: int = SILENCE) -> Bench:
        bench = cls(dut)
        await bench.stepper.reset()
        bench.stepper.hold(
            level_min=LEVEL_MIN, level_max=LEVEL_MAX, width_cap=WIDTH_CAP, dead_man=dead_man, gate_level_max=GATE_MAX, one_gate=1,
            duty_rest=REST,
        )  # fmt: skip
        await bench.step()  # the windows count from the second cycle after they were written
        assert bench.watchdog.states(await bench.idle(bench.break_cycles + 1)) == [GROUND] * sum(
            bench.lines
        )  # from power-on
        return bench

    async def step(self, **strobes: int) -> dict[str, int]:
        out = await self.stepper.step(**strobes)
        self.watchdog.check(out, arm=self._arm)
        self._arm = bool(strobes.get("arm"))
        return out

    async def idle(self, cycles: int) -> dict[str, int]:
        """Let cycles (at least one) pass; return the outputs of the last."""
        for _ in range(cycles):
            out = await self.step()
        return out

    async def ready(self) -> None:
        """Arm, and connect every row and column, and the first gate line, to its level."""
        await self.step(arm=1)
        everything = (1 << max(self.rows, self.columns)) - 1
        for family in range(len(self.lines)):
            await self.step(
                switch=1, family=family, selected=DRIVE, others=GROUND, mask=1 if family == 2 else everything
            )
            await self.idle(self.break_cycles + 1)
        gate_lines = [DRIVE, *[GROUND] * (self.lines[2] - 1)] if len(self.lines) > 2 else []
        nudge_lines = [DRIVE] * sum(self.lines[3:])
        expected = [DRIVE] * (self.rows + self.columns) + gate_lines + nudge_lines
        assert self.watchdog.states(await self.step()) == expected
        await self.idle(WIDTH_CAP * REST // 16 + 1)

    async def check_trip(self, cause: int) -> None:
        """The trip shows in the next cycle; gates are off with it, lines float a cycle later and are grounded after the break."""
        out = await self.step()
        assert (out["tripped"], out["armed"], out["trip_cause"]) == (1, 0, cause)
        assert not any(self.watchdog.gates(out))
        assert not out["level__valid"]
        connected = [state for state in self.watchdog.states(out) if state != GROUND]
        states = self.watchdog.states(await self.step())
        assert states.count(FLOAT) == len(connected)
        await self.idle(self.break_cycles - 1) if self.break_cycles > 1 else None
        assert self.watchdog.states(await self.step()) == [GROUND] * sum(self.lines)


@cocotb.test()
async def every_cause_trips_at_once_and_by_its_name(dut: Any) -> None:
    bench = await Bench.make(dut)
    window = {"level_line": 0, "level_family": 0}
    asked: list[tuple[int, dict[str, int]]] = [
        (STOP_FRAME, {"stop": 1}),
        (LEVEL_WINDOW, {"level_write": 1, "level_code": LEVEL_MAX + 1, **window}),
        (LEVEL_WINDOW, {"level_write": 1, "level_code": LEVEL_MIN - 1, **window}),
        (LEVEL_WINDOW, {"level_write": 1, "level_code": LEVEL_MAX + (1 << 20), **window}),
        (PULSE_WIDTH, {"width_check": 1, "width": WIDTH_CAP + 1}),
        (HOT_SWITCH, {"level_write": 1, "level_code": 1, "gate": 1, **window}),
        (HOT_SWITCH, {"switch": 1, "gate": 1, "selected": SENSE, "mask": 1}),
        # The first in the list of causes wins when several come together.
        (STOP_FRAME, {"stop": 1, "level_write": 1, "level_code": LEVEL_MAX + 1, **window}),
        (
            LEVEL_WINDOW,
            {"level_write": 1, "level_code": LEVEL_MAX + 1, "width_check": 1, "width": WIDTH_CAP + 1, **window},
        ),
    ]
    for gates_before in (0, 3):
        for cause, inputs in asked:
            await bench.ready()
            for lead in (3, 2, 1):
                early = {name: value for name, value in inputs.items() if LEAD.get(name) == lead}
                assert not (await bench.step(gate=int(gates_before >= lead), **early))["refused"]
            strobes = {name: value for name, value in inputs.items() if name not in LEAD}
            wanted = HOT_SWITCH if gates_before and "level_write" in strobes and cause == HOT_SWITCH else cause
            assert (await bench.step(**strobes))["refused"]  # although code and width are harmless by now
            await bench.check_trip(wanted)


@cocotb.test()
async def values_at_the_limits_pass(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.ready()
    for line, code in ((0, LEVEL_MIN), (65535, LEVEL_MAX), (bench.rows - 1, 0)):
        await bench.step(level_code=code, level_line=line ^ 1, level_family=1)
        # A code that comes with the strobe, and a line that comes before it, are not meant.
        assert not (await bench.step(level_write=1, level_code=LEVEL_MAX + 1, level_line=line))["refused"]
        out = await bench.step(frame_seen=1)
        assert out["level__valid"]
        payload = out["level__payload"]
        assert (payload & 3, payload >> 2 & 0xFFFF) == (1, line)
        assert signed(payload >> 18, parameters()["level_bits"]) == code
    await bench.step(width=WIDTH_CAP)
    assert not (await bench.step(width_check=1, width=WIDTH_CAP + 1))["refused"]
    on = 0
    for cycle in range(WIDTH_CAP + 4):
        out = await bench.step(gate=int(cycle < WIDTH_CAP))
        on += out["row_gates"] == (1 << bench.rows) - 1 and out["column_gates"] == (1 << bench.columns) - 1
    assert on == WIDTH_CAP
    assert not out["tripped"]


@cocotb.test()
async def a_current_that_is_too_high_ends_the_pulse_in_three_cycles(dut: Any) -> None:
    bench = await Bench.make(dut)
    for cycles_before in (1, 2, 5):
        await bench.ready()
        on = [any(bench.watchdog.gates(await bench.step(gate=1))) for _ in range(cycles_before)]
        bench.stepper.hold(compliance=1)
        out = await bench.step(gate=1)
        on.append(any(bench.watchdog.gates(out)))
        while not out["refused"]:
            out = await bench.step(gate=1)
            on.append(any(bench.watchdog.gates(out)))
        bench.stepper.hold(compliance=0)
        await bench.check_trip(COMPLIANCE)
        assert (await bench.step())["delivered"] == sum(on)
        # On in the cycle of the rise, and in two more.
        assert sum(on[cycles_before:]) <= 3


@cocotb.test()
async def a_pulse_before_the_rest_is_over_is_refused(dut: Any) -> None:
    bench = await Bench.make(dut)
    for width, rest in ((4, 6), (2, 3), (5, 8)):
        for missing in (0, 1):
            await bench.ready()
            for _ in range(width):
                await bench.step(gate=1)
            await bench.idle(rest - missing)
            out = await bench.step(gate=1)
            assert bool(out["refused"]) == bool(missing)
            if missing:
                await bench.check_trip(DUTY)
            else:
                await bench.step()
                await bench.step(disarm=1)
                await bench.idle(bench.break_cycles + 3)


@cocotb.test()
async def a_level_in_the_dead_time_is_refused(dut: Any) -> None:
    bench = await Bench.make(dut)
    for wait in range(DEAD + 2):
        await bench.ready()
        await bench.step(gate=1)
        for _ in range(wait):
            await bench.step()
        await bench.step(level_code=3, level_family=0)
        refused = (await bench.step(level_write=1, level_line=0))["refused"]
        assert bool(refused) == (wait < DEAD - 1), wait
        if refused:
            await bench.check_trip(HOT_SWITCH)
        else:
            assert (await bench.step())["level__valid"]


@cocotb.test()
async def gate_lines_have_their_own_window_and_one_at_a_time_is_driven(dut: Any) -> None:
    bench = await Bench.make(dut)
    if len(bench.lines) < 3:
        return
    for code, passes in ((GATE_MAX, True), (GATE_MAX + 1, False), (-1, False), (0, True)):
        await bench.ready()
        await bench.step(level_code=code, level_family=2)
        # It is a row's by now: that window would say the opposite of GATE_MAX and of -1.
        assert bool((await bench.step(level_write=1, level_code=code, level_family=0))["refused"]) != passes
        if not passes:
            await bench.check_trip(LEVEL_WINDOW)
    if bench.lines[2] > 1:
        for mask, selected, others in ((3, DRIVE, GROUND), (1, DRIVE, DRIVE), (0, FLOAT, DRIVE)):
            await bench.ready()
            assert (await bench.step(switch=1, family=2, mask=mask, selected=selected, others=others))["refused"]
            await bench.check_trip(GATE_RULE)


@cocotb.test()
async def a_gate_that_stays_on_is_cut_at_the_cap(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.ready()
    on = 0
    for _ in range(WIDTH_CAP + 1):
        on += bool((await bench.step(gate=1))["row_gates"])
    await bench.check_trip(PULSE_WIDTH)
    assert on == WIDTH_CAP


@cocotb.test()
async def silence_trips_and_frames_postpone_it(dut: Any) -> None:
    bench = await Bench.make(dut, dead_man=30)
    await bench.step(arm=1)
    for _ in range(5):
        await bench.idle(29)
        await bench.step(frame_seen=1)
    tripped = [(await bench.step())["tripped"] for _ in range(40)]
    assert tripped.index(1) == 31
    assert (await bench.step())["trip_cause"] == DEAD_MAN
    # Silence does no harm while nothing is armed.
    await bench.step(arm=1)
    await bench.step(disarm=1)
    out = await bench.idle(100)
    assert (out["armed"], out["tripped"]) == (0, 0)


@cocotb.test()
async def the_stop_input_trips_in_three_cycles_and_holds(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.ready()
    bench.stepper.hold(emergency_stop=1)
    await bench.step(gate=1)
    await bench.step(gate=1)
    assert (await bench.step(gate=1))["refused"]
    await bench.check_trip(STOP_INPUT)
    # No arming against it.
    for _ in range(5):
        await bench.step(arm=1)
        out = await bench.step()
        assert (out["armed"], out["tripped"], out["stop_active"]) == (0, 1, 1)
    bench.stepper.hold(emergency_stop=0)
    await bench.idle(3)
    await bench.step(arm=1)
    out = await bench.step()
    assert (out["armed"], out["tripped"], out["trip_cause"]) == (1, 0, 0)


@cocotb.test()
async def no_dead_man_time_means_no_arming(dut: Any) -> None:
    bench = await Bench.make(dut, dead_man=0)
    await bench.step(arm=1)
    assert not (await bench.step())["armed"]
    for _ in range(3):
        await bench.step(gate=1, switch=1, selected=DRIVE, mask=1, level_write=1)
    out = await bench.idle(bench.break_cycles + 3)
    assert not out["tripped"]
    assert bench.watchdog.states(out) == [GROUND] * sum(bench.lines)


@cocotb.test()
async def disarm_and_make_safe_ground_the_lines_without_a_trip(dut: Any) -> None:
    bench = await Bench.make(dut)
    for strobe, armed in (("disarm", 0), ("make_safe", 1)):
        await bench.ready()
        await bench.step(gate=1)
        await bench.step(gate=1, **{strobe: 1})
        out = await bench.step()
        assert (out["row_gates"], out["column_gates"], out["tripped"], out["armed"]) == (0, 0, 0, armed)
        assert not out["settled"]
        out = await bench.idle(bench.break_cycles + 2)
        assert out["settled"]
        assert bench.watchdog.states(out) == [GROUND] * sum(bench.lines)


@cocotb.test()
async def nothing_asked_for_in_any_order_breaks_a_rule(dut: Any) -> None:
    """Random requests, most of them sensible; the watchdog looks on, and all that can happen must have happened."""
    bench = await Bench.make(dut, dead_man=40)
    rng, lines = bench.random, max(bench.rows, bench.columns)
    gate_left, rest, seen = 0, 0, set()
    early: dict[str, int] = {}
    before = {"level_code": 0, "level_family": 0}
    """What was asked for two cycles before, and in the cycle before."""
    out = await bench.step(arm=1)
    for _ in range(10000):
        code = rng.randint(LEVEL_MIN, LEVEL_MAX) if rng.random() < 0.95 else rng.randint(-1000, 1000)
        strobes: dict[str, int] = {"level_code": code, "level_family": rng.randrange(len(bench.lines))}
        if gate_left:
            gate_left -= 1
            strobes["gate"] = 1
        elif out["settled"] and rng.random() < (0.1 if rest <= 0 else 0.01):
            gate_left = rng.randint(1, WIDTH_CAP) if rng.random() < 0.97 else WIDTH_CAP + 3
            bench.stepper.hold(
                masked=rng.getrandbits(1),
                row_mask=rng.getrandbits(bench.rows),
                column_mask=rng.getrandbits(bench.columns),
            )
        busy = gate_left > 0 or not out["settled"]
        if rng.random() < (0.003 if busy else 0.1):
            strobes |= {"switch": 1, "change_tile": int(rng.random() < 0.1), "tile_wanted": rng.getrandbits(8)}
            strobes |= {
                "family": rng.randrange(len(bench.lines)),
                "selected": rng.getrandbits(2),
                "others": rng.getrandbits(2),
                "mask": rng.getrandbits(lines),
            }
            strobes["selected"] = rng.choice((DRIVE, strobes["selected"]))
        if rng.random() < (0.003 if busy or rest > 0 else 0.1):
            strobes |= {"level_write": 1, "level_line": rng.getrandbits(16)}
        for name, chance in (("stop", 0.002), ("disarm", 0.004), ("make_safe", 0.004), ("frame_seen", 0.06)):
            strobes[name] = int(rng.random() < chance)
        strobes["arm"] = int(rng.random() < (0.001 if out["armed"] else 0.1))
        rest = WIDTH_CAP * REST // 16 if "gate" in strobes else rest - 1
        bench.stepper.hold(compliance=int(rng.random() < 0.01))
        if rng.random() < 0.002:
            bench.stepper.hold(emergency_stop=1)
        elif rng.random() < 0.1:
            bench.stepper.hold(emergency_stop=0)
        out = await bench.step(**strobes)
        if out["level__valid"]:
            payload = out["level__payload"]
            assert (payload & 3, payload >> 2 & 0xFFFF) == (early["level_family"], before["level_line"])
            assert signed(payload >> 18, parameters()["level_bits"]) == early["level_code"]
        early, before = before, strobes
        seen.add(("cause", out["trip_cause"]))
        seen |= {("state", state) for state in bench.watchdog.states(out)}
        seen |= {(name, bool(out[name])) for name in ("row_gates", "column_gates", "level__valid", "tile")}
    causes = range(9 if len(bench.lines) < 3 or bench.lines[2] == 1 else 10)
    wanted = {("cause", cause) for cause in causes} | {("state", state) for state in range(4)}
    wanted |= {(name, True) for name in ("row_gates", "column_gates", "level__valid", "tile")}
    assert wanted <= seen, wanted - seen
