"""The register file against the access modes of the contract."""

import pytest
from amaranth.sim import Simulator

from crossloop.protocol.registers import ACCESS, KEPT_BITS, Access, Register
from crossloop_hdl.registers import CLEARED, RegisterFile, member

LIMITS = [register for register in Register if ACCESS[register] is Access.LIMIT]


@pytest.fixture
def run():
    def run_bench(scenario):
        registers = RegisterFile()

        async def testbench(ctx):
            await scenario(ctx, registers)

        simulator = Simulator(registers)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()

    return run_bench


async def write(ctx, registers, register, value):
    """Write as the dispatcher does; return whether the register agreed, its clear strobes and its seed strobe."""
    ctx.set(registers.address, register)
    ctx.set(registers.write_data, value)
    agreed = ctx.get(registers.agreed)
    ctx.set(registers.write, agreed)
    strobes = ctx.get(registers.clears), ctx.get(registers.seed_write), ctx.get(registers.seed_select)
    await ctx.tick()
    ctx.set(registers.write, 0)
    return agreed, *strobes


def read(ctx, registers, register):
    ctx.set(registers.address, register)
    return ctx.get(registers.read_data)


def test_every_address_tells_whether_it_exists_and_can_be_written(run):
    async def scenario(ctx, registers):
        for address in range(256):
            ctx.set(registers.address, address)
            known = address in list(Register)
            writable = known and ACCESS[Register(address)] is not Access.READ
            assert (ctx.get(registers.known), ctx.get(registers.writable)) == (known, writable)
            assert ctx.get(registers.read_data) == 0

    run(scenario)


@pytest.mark.parametrize("register", LIMITS)
def test_a_limit_keeps_its_first_value_and_agrees_only_with_it(run, register):
    async def scenario(ctx, registers):
        kept = 0x123457 & (1 << KEPT_BITS.get(register, 32)) - 1
        for value, agreed in [(0x123457, 1), (0x123457, 1), (0x123456, 0), (0, 0)]:
            assert (await write(ctx, registers, register, value))[0] == agreed
            assert read(ctx, registers, register) == kept
            assert ctx.get(getattr(registers, member(register))) == kept

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
        assert read(ctx, registers, Register.WIDTH_CAP) == 0x001122
        assert read(ctx, registers, Register.LEVEL_MIN) == 0xFFFFFFC0
        assert (await write(ctx, registers, Register.WIDTH_CAP, 0x001122))[0] == 1

    run(scenario)


def test_a_seed_can_be_written_again_and_restarts_its_streams(run):
    async def scenario(ctx, registers):
        for value in (5, 6):
            assert await write(ctx, registers, Register.ROW_SEED, value) == (1, 0, 1, 0)
            assert await write(ctx, registers, Register.COLUMN_SEED, value + 100) == (1, 0, 1, 1)
        assert read(ctx, registers, Register.ROW_SEED) == 6
        assert read(ctx, registers, Register.COLUMN_SEED) == 106

    run(scenario)


def test_counters_and_states_are_shown_and_a_write_clears_one_counter(run):
    async def scenario(ctx, registers):
        shown = [register for register in Register if ACCESS[register] in {Access.READ, Access.CLEAR}]
        for register in shown:
            ctx.set(getattr(registers, member(register)), 1000 + register)
        for register in shown:
            assert read(ctx, registers, register) == 1000 + register
        for position, register in enumerate(CLEARED):
            assert await write(ctx, registers, register, 99) == (1, 1 << position, 0, 0)

    run(scenario)
