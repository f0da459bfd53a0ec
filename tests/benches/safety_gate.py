"""Safety gate: what must never be seen at the pins, whatever is asked for; and each trip with its cause and its times."""

from __future__ import annotations

from typing import Any

import cocotb

from benches.stepper import Stepper, generator, signed
from crossloop_sim.cosim.simulator import parameters

INPUTS = (
    "level_write", "level_family", "level_line", "level_code", "switch", "change_tile", "family", "mask", "selected", "others",
    "tile_wanted", "width_check", "width", "gate", "masked", "row_mask", "column_mask", "make_safe", "arm", "disarm", "stop",
    "frame_seen", "emergency_stop", "level_min", "level_max", "width_cap", "dead_man",
)  # fmt: skip
STATES = ("row_states_low", "row_states_high", "column_states_low", "column_states_high")
OUTPUTS = (
    "refused", "settled", "armed", "tripped", "trip_cause", "stop_active", "gates_off", "tile", "row_gates", "column_gates", *STATES,
    "level__valid", "level__payload",
)  # fmt: skip
FLOAT, GROUND, DRIVE, SENSE = range(4)
STOP_FRAME, STOP_INPUT, DEAD_MAN, LEVEL_WINDOW, PULSE_WIDTH, HOT_SWITCH = range(1, 7)
LEVEL_MIN, LEVEL_MAX, WIDTH_CAP, SILENCE = -20, 25, 9, 400


class Watchdog:
    """Looks at the pins of every cycle; raises AssertionError at the first that breaks a rule."""

    def __init__(self, rows: int, columns: int, break_cycles: int, level_bits: int) -> None:
        self._lines = (rows, columns)
        self._break_cycles = break_cycles
        self._level_bits = level_bits
        self._before: dict[str, int] | None = None
        self._states = [FLOAT] * (rows + columns)
        self._floating = [break_cycles] * (rows + columns)
        """Cycles for which each line has been FLOAT."""
        self._on = 0
        self._tripped_for = 0

    def states(self, out: dict[str, int]) -> list[int]:
        """Return the state of every line, rows first."""
        found = []
        for lines, low, high in zip(self._lines, STATES[::2], STATES[1::2], strict=True):
            found += [(out[low] >> line & 1) | (out[high] >> line & 1) << 1 for line in range(lines)]
        return found

    def check(self, out: dict[str, int], *, arm: bool) -> None:
        """Check one cycle; `arm` tells whether arming was asked for in the cycle before."""
        gates = out["row_gates"] | out["column_gates"] << self._lines[0]
        before = self._before or dict.fromkeys(out, 0)
        gates_before = before["row_gates"] | before["column_gates"]
        states = self.states(out)
        assert all(states[line] == DRIVE for line in range(len(states)) if gates >> line & 1), (
            "gate on a line that is not DRIVE"
        )
        assert not gates or (out["armed"] and not out["tripped"]), "gate while not armed"
        assert not (gates and out["gates_off"]), "gates_off is a lie"
        self._on = self._on + 1 if gates else 0
        assert self._on <= WIDTH_CAP, f"gates on for {self._on} cycles"
        self._check_states(states, quiet=not gates and not gates_before)
        if out["tile"] != before["tile"]:
            assert not gates
            assert not gates_before
            assert all(cycles >= self._break_cycles for cycles in self._floating), (
                "tile changed under lines that are connected"
            )
        if out["level__valid"]:
            code = signed(out["level__payload"] >> 17, self._level_bits)
            assert LEVEL_MIN <= code <= LEVEL_MAX, f"level code {code}"
            assert not gates, "level changed while a gate is on"
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
        self.watchdog = Watchdog(self.rows, self.columns, self.break_cycles, given["level_bits"])
        self.stepper = Stepper(dut, INPUTS, OUTPUTS)
        self.random = generator()
        self._arm = False

    @classmethod
    async def make(cls, dut: Any, *, dead_man: int = SILENCE) -> Bench:
        bench = cls(dut)
        await bench.stepper.reset()
        bench.stepper.hold(level_min=LEVEL_MIN, level_max=LEVEL_MAX, width_cap=WIDTH_CAP, dead_man=dead_man)
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
        """Arm, and connect every line of both families to its level."""
        await self.step(arm=1)
        for family in (0, 1):
            await self.step(switch=1, family=family, selected=DRIVE, mask=(1 << max(self.rows, self.columns)) - 1)
            await self.idle(self.break_cycles + 1)
        assert self.watchdog.states(await self.step()) == [DRIVE] * (self.rows + self.columns)

    async def check_trip(self, cause: int) -> None:
        """The trip shows in the next cycle; gates are off with it, lines float a cycle later and are grounded after the break."""
        out = await self.step()
        assert (out["tripped"], out["armed"], out["trip_cause"]) == (1, 0, cause)
        assert out["row_gates"] == out["column_gates"] == 0
        assert not out["level__valid"]
        connected = [state for state in self.watchdog.states(out) if state != GROUND]
        states = self.watchdog.states(await self.step())
        assert states.count(FLOAT) == len(connected)
        await self.idle(self.break_cycles - 1) if self.break_cycles > 1 else None
        assert self.watchdog.states(await self.step()) == [GROUND] * (self.rows + self.columns)


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
        for cause, strobes in asked:
            await bench.ready()
            for _ in range(gates_before):
                await bench.step(gate=1)
            wanted = HOT_SWITCH if gates_before and "level_write" in strobes and cause == HOT_SWITCH else cause
            assert (await bench.step(**strobes))["refused"]
            await bench.check_trip(wanted)


@cocotb.test()
async def values_at_the_limits_pass(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.ready()
    for line, code in ((0, LEVEL_MIN), (65535, LEVEL_MAX), (bench.rows - 1, 0)):
        await bench.step(level_write=1, level_code=code, level_line=line, level_family=1)
        out = await bench.step(frame_seen=1)
        assert out["level__valid"]
        payload = out["level__payload"]
        assert (payload & 1, payload >> 1 & 0xFFFF) == (1, line)
        assert signed(payload >> 17, parameters()["level_bits"]) == code
    assert not (await bench.step(width_check=1, width=WIDTH_CAP))["refused"]
    on = 0
    for cycle in range(WIDTH_CAP + 4):
        out = await bench.step(gate=int(cycle < WIDTH_CAP))
        on += out["row_gates"] == (1 << bench.rows) - 1 and out["column_gates"] == (1 << bench.columns) - 1
    assert on == WIDTH_CAP
    assert not out["tripped"]


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
    assert bench.watchdog.states(out) == [FLOAT] * (bench.rows + bench.columns)


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
        assert bench.watchdog.states(out) == [GROUND] * (bench.rows + bench.columns)


@cocotb.test()
async def nothing_asked_for_in_any_order_breaks_a_rule(dut: Any) -> None:
    """Random requests, most of them sensible; the watchdog looks on, and all that can happen must have happened."""
    bench = await Bench.make(dut, dead_man=40)
    rng, lines = bench.random, max(bench.rows, bench.columns)
    gate_left, seen = 0, set()
    out = await bench.step(arm=1)
    for _ in range(4000):
        strobes: dict[str, int] = {}
        if gate_left:
            gate_left -= 1
            strobes["gate"] = 1
        elif out["settled"] and rng.random() < 0.1:
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
                "family": rng.getrandbits(1),
                "selected": rng.getrandbits(2),
                "others": rng.getrandbits(2),
                "mask": rng.getrandbits(lines),
            }
            strobes["selected"] = rng.choice((DRIVE, strobes["selected"]))
        if rng.random() < (0.003 if busy else 0.1):
            code = rng.randint(LEVEL_MIN, LEVEL_MAX) if rng.random() < 0.95 else rng.randint(-1000, 1000)
            strobes |= {
                "level_write": 1,
                "level_code": code,
                "level_line": rng.getrandbits(16),
                "level_family": rng.getrandbits(1),
            }
        for name, chance in (("stop", 0.002), ("disarm", 0.004), ("make_safe", 0.004), ("frame_seen", 0.06)):
            strobes[name] = int(rng.random() < chance)
        strobes["arm"] = int(rng.random() < (0.001 if out["armed"] else 0.1))
        if rng.random() < 0.002:
            bench.stepper.hold(emergency_stop=1)
        elif rng.random() < 0.1:
            bench.stepper.hold(emergency_stop=0)
        out = await bench.step(**strobes)
        seen.add(("cause", out["trip_cause"]))
        seen |= {("state", state) for state in bench.watchdog.states(out)}
        seen |= {(name, bool(out[name])) for name in ("row_gates", "column_gates", "level__valid", "tile")}
    wanted = {("cause", cause) for cause in range(7)} | {("state", state) for state in range(4)}
    wanted |= {(name, True) for name in ("row_gates", "column_gates", "level__valid", "tile")}
    assert wanted <= seen, wanted - seen
