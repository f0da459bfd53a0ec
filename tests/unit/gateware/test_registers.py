"""The register file against the access modes of the contract."""

import pytest
from amaranth.sim import Simulator

from crossloop.protocol.registers import ACCESS, KEPT_BITS, Access, Register
from crossloop_hdl.registers import CLEARED, SETTINGS, SHOWN, WINDOWS, RegisterFile, member

LEVEL_BITS = 7


@pytest.fixture
def run():
    def run_bench(scenario):
        registers = RegisterFile(LEVEL_BITS)

        async def testbench(ctx):
            await scenario(ctx, registers)

        simulator = Simulator(registers)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()

    return run_bench


async def write(ctx, registers, register, value):
    """Write as the dispatcher does; return whether the register agreed, and its seed strobe and family."""
    ctx.set(registers.address, register)
    for high, data in enumerate((value << 16 & 0xFFFFFFFF, value)):
        ctx.set(registers.high, high)
        ctx.set(registers.write, 0)
        await ctx.tick()
        ctx.set(registers.write_data, data)
        ctx.set(registers.write, 1)
        seed = ctx.get(registers.seed_write), ctx.get(registers.seed_select)
        assert high or not seed[0]
        await ctx.tick()
    # What was written is gone when the register file answers.
    ctx.set(registers.write, 0)
    ctx.set(registers.write_data, ~value & 0xFFFFFFFF)
    ctx.set(registers.high, 0)
    ctx.set(registers.address, Register.STATE)
    return ctx.get(registers.agreed), *seed


async def read(ctx, registers, register):
    """Read as the dispatcher does."""
    ctx.set(registers.address, register)
    if ctx.get(registers.is_shown):
        return ctx.get(registers.shown)
    value = 0
    for high in (0, 1):
        ctx.set(registers.high, high)
        await ctx.tick()
        value |= ctx.get(registers.half) << 16 * high
    return value


async def count(ctx, registers, register, amount, *, pause=True):
    """Add to a counter as the pulse counters do; without a pause, the next addition may follow at once."""
    ctx.set(registers.count, 1)
    ctx.set(registers.counter, CLEARED.index(register))
    ctx.set(registers.count_amount, amount)
    for high in (0, 1):
        ctx.set(registers.count_high, high)
        await ctx.tick()
    ctx.set(registers.count, 0)
    if pause:
        await ctx.tick()


def test_every_address_tells_whether_it_exists_and_can_be_written(run):
    async def scenario(ctx, registers):
        for address in range(256):
            ctx.set(registers.address, address)
            known = address in list(Register)
            writable = known and ACCESS[Register(address)] is not Access.READ
            assert (ctx.get(registers.known), ctx.get(registers.writable)) == (known, writable)
            if known:
                assert await read(ctx, registers, Register(address)) == 0

    run(scenario)


@pytest.mark.parametrize("register", SETTINGS)
def test_a_limit_keeps_its_first_value_and_agrees_only_with_it(run, register):
    async def scenario(ctx, registers):
        kept = 0x123457 & (1 << KEPT_BITS.get(register, 32)) - 1
        for value, agreed in [(0x123457, 1), (0x123457, 1), (0x123456, 0), (0, 0)]:
            assert (await write(ctx, registers, register, value))[0] == agreed
            if register not in WINDOWS:
                assert ctx.get(getattr(registers, member(register))) == kept
            assert await read(ctx, registers, register) == kept
            for other in SETTINGS:
                if other is not register:
                    assert ctx.get(getattr(registers, member(other))) == 0

    run(scenario)


@pytest.mark.parametrize("other", [Register.STATE, Register.ROW_SEED, *SETTINGS])
def test_limits_written_one_after_the_other_do_not_mix(run, other):
    async def scenario(ctx, registers):
        await write(ctx, registers, Register.WIDTH_CAP, 0x123456)
        if other is not Register.WIDTH_CAP:
            await write(ctx, registers, other, 1)
        assert ctx.get(registers.width_cap) == 0x123456
        assert (await write(ctx, registers, Register.WIDTH_CAP, 0x123456))[0] == 1
        assert (await write(ctx, registers, Register.WIDTH_CAP, 1))[0] == 0
        if other in SETTINGS and other is not Register.WIDTH_CAP:
            assert (await write(ctx, registers, other, 1))[0] == 1
            assert ctx.get(getattr(registers, member(other))) == 1

    run(scenario)


def test_a_limit_written_with_zero_is_locked_too(run):
    async def scenario(ctx, registers):
        assert (await write(ctx, registers, Register.DEAD_MAN, 0))[0] == 1
        assert (await write(ctx, registers, Register.DEAD_MAN, 1))[0] == 0

    run(scenario)


def test_width_cap_keeps_24_bits_and_level_limits_all_32(run):
    async def scenario(ctx, registers):
        await write(ctx, registers, Register.WIDTH_CAP, 0x5A001122)
        await write(ctx, registers, Register.LEVEL_MIN, 0xFFFFFFC0)
        assert await read(ctx, registers, Register.WIDTH_CAP) == 0x001122
        assert await read(ctx, registers, Register.LEVEL_MIN) == 0xFFFFFFC0
        assert (await write(ctx, registers, Register.WIDTH_CAP, 0x001122))[0] == 1

    run(scenario)


def test_a_seed_can_be_written_again_and_restarts_its_streams(run):
    async def scenario(ctx, registers):
        for value in (5, 6):
            assert await write(ctx, registers, Register.ROW_SEED, value) == (1, 1, 0)
            assert await write(ctx, registers, Register.COLUMN_SEED, value + 100) == (1, 1, 1)
        assert await read(ctx, registers, Register.ROW_SEED) == 6
        assert await read(ctx, registers, Register.COLUMN_SEED) == 106

    run(scenario)


@pytest.mark.parametrize(
    ("limit", "shown"), [(-64, -64), (63, 63), (127, 127), (128, 127), (-128, -128), (-129, -128), (1 << 30, 127)]
)
@pytest.mark.parametrize("register", WINDOWS)
def test_a_window_shows_the_nearest_number_with_one_bit_more_than_a_code(run, register, limit, shown):
    async def scenario(ctx, registers):
        await write(ctx, registers, register, limit & 0xFFFFFFFF)
        assert ctx.get(getattr(registers, member(register))) == shown & 0xFFFFFFFF
        assert await read(ctx, registers, register) == limit & 0xFFFFFFFF

    run(scenario)


def test_states_are_shown(run):
    async def scenario(ctx, registers):
        for register in SHOWN:
            ctx.set(getattr(registers, member(register)), 1000 + register)
        for register in SHOWN:
            assert await read(ctx, registers, register) == 1000 + register

    run(scenario)


def test_counters_add_up_over_both_halves_and_a_write_clears_one(run):
    async def scenario(ctx, registers):
        expected = dict.fromkeys(CLEARED, 0)
        for amount in (1, 0xFFFF, 0x12345, 0xFFFF0001, 0xFFFF):
            for register in CLEARED:
                await count(ctx, registers, register, amount + register)
                expected[register] = (expected[register] + amount + register) & 0xFFFFFFFF
                assert await read(ctx, registers, register) == expected[register]
        for register in CLEARED:
            assert await write(ctx, registers, register, 99) == (1, 0, 0)
            expected[register] = 0
            for other in CLEARED:
                assert await read(ctx, registers, other) == expected[other]
        await count(ctx, registers, CLEARED[0], 7)
        assert await read(ctx, registers, CLEARED[0]) == 7

    run(scenario)


@pytest.mark.parametrize("register", CLEARED)
def test_additions_to_one_counter_may_follow_each_other_at_once(run, register):
    async def scenario(ctx, registers):
        # Pulses of a train may end every two cycles. The first of them finds a counter that was never written, or was cleared.
        for _ in range(2):
            for amount in (1, 0xFFFF, 5):
                await count(ctx, registers, register, amount, pause=False)
            await ctx.tick()
            assert await read(ctx, registers, register) == 0x10005
            await write(ctx, registers, register, 99)

    run(scenario)
