"""The emulated array by itself keeps the times that its build states, in the worst case."""

import pytest
from amaranth.sim import Simulator

from crossloop.protocol.emulated import READ_BACK_RANGE, emulated_parameters
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family
from crossloop_hdl.emulated.array import EmulatedArray

BUILD = emulated_parameters(Parameters(rows=3, columns=4, tiles=1))
ALL_ROWS, ALL_COLUMNS = 0b111, 0b1111


def _play(scenario) -> None:
    array = EmulatedArray(BUILD)
    simulator = Simulator(array)
    simulator.add_clock(1e-6)

    async def process(ctx):
        await scenario(ctx, array)

    simulator.add_testbench(process)
    simulator.run()


async def _cycles_until(ctx, signal, value) -> int:
    """Return how many cycles pass before a signal has a value; at most a thousand."""
    for cycles in range(1000):
        if ctx.get(signal) == value:
            return cycles
        await ctx.tick()
    raise AssertionError(f"{signal!r} never was {value}")


@pytest.mark.parametrize("direction", [1, -1])
def test_all_cells_have_moved_when_the_shortest_gap_ends(direction: int) -> None:
    async def scenario(ctx, array):
        core = array.core
        for family, code in ((Family.ROWS, 60), (Family.COLUMNS, -60)):
            payload = core.level.payload
            ctx.set(payload, {"family": family, "line": ALL_LINES, "code": direction * code})
            ctx.set(core.level.valid, 1)
            await ctx.tick()
            ctx.set(core.level.valid, 0)
            assert await _cycles_until(ctx, array.busy, 0) <= BUILD.level_settle_cycles
        ctx.set(core.row_gates, ALL_ROWS)
        ctx.set(core.column_gates, ALL_COLUMNS)
        await ctx.tick().repeat(5)
        ctx.set(core.row_gates, 0)
        ctx.set(core.column_gates, 0)
        taken = await _cycles_until(ctx, array.busy, 0)
        assert BUILD.gap_min_cycles - 4 <= taken <= BUILD.gap_min_cycles

    _play(scenario)


@pytest.mark.parametrize("pair", [0, 1])
@pytest.mark.parametrize("range_index", range(READ_BACK_RANGE + 1))
@pytest.mark.parametrize("sensed", [Family.ROWS, Family.COLUMNS])
def test_every_channel_is_there_after_the_cycles_of_its_lines(sensed: Family, range_index: int, pair: int) -> None:
    async def scenario(ctx, array):
        core = array.core
        channels = (3 if sensed is Family.ROWS else 4) // (1 + pair)
        family = "row" if sensed is Family.ROWS else "column"
        for bit in ("low", "high"):
            ctx.set(getattr(core, f"{family}_states_{bit}"), ALL_ROWS if sensed is Family.ROWS else ALL_COLUMNS)
        ctx.set(core.row_gates if sensed is Family.COLUMNS else core.column_gates, 1)
        ctx.set(
            core.conversion.payload,
            {"family": sensed, "pair": pair, "range": range_index, "voltage": 0, "count": channels},
        )
        await ctx.tick()
        ctx.set(core.conversion.valid, 1)
        await ctx.tick()
        ctx.set(core.conversion.valid, 0)
        ctx.set(core.row_gates, 0)
        ctx.set(core.column_gates, 0)
        ctx.set(core.samples.ready, 1)
        for _ in range(channels):
            assert await _cycles_until(ctx, core.samples.valid, 1) <= BUILD.line_cycles * (1 + pair)
            await ctx.tick()
            assert not ctx.get(core.samples.valid)
        assert not ctx.get(array.busy)

    _play(scenario)
