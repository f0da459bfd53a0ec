"""Control flow and timing of programs. The bench plays the program memory and the engine bay."""

import pytest
from amaranth.sim import Simulator

from crossloop.protocol.errors import Status
from crossloop.protocol.microops import MicroOp, Opcode, halt, level, loop, next_, wait
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.sequencer import Sequencer

PARAMETERS = Parameters(program_ops=16, loop_depth=2)


class Run:
    """What came of a program.

    Parameters
    ----------
    program : list of MicroOp
        Contents of the program memory from address 0 on.
    engine : dict of int to (int, Status)
        How many cycles after its start the engine is done with the micro-op of an address, and its fault.
    trip_cycle : int or None
        Cycle of the run from which on the safety gate has tripped.
    """

    def __init__(self, program, *, engine=None, trip_cycle=None, address=0):
        self.program, self.engine, self.trip_cycle = program, engine or {}, trip_cycle
        self.starts: list[tuple[int, int]] = []
        """(cycle, operation) of every start of the engine."""
        self.aborts: list[int] = []
        self.running_cycles = 0
        sequencer = Sequencer(PARAMETERS)

        async def testbench(ctx):
            ctx.set(sequencer.start, 1)
            ctx.set(sequencer.address, address)
            await ctx.tick()
            ctx.set(sequencer.start, 0)
            await self._watch(ctx, sequencer)

        simulator = Simulator(sequencer)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()

    async def _watch(self, ctx, sequencer):
        left = None
        for cycle in range(2000):
            running = ctx.get(sequencer.running)
            self.running_cycles += running
            if ctx.get(sequencer.done):
                assert not running
                self.status = Status(ctx.get(sequencer.status))
                self.cycles = ctx.get(sequencer.cycles)
                self.operation = ctx.get(sequencer.operation)
                return
            assert ctx.get(sequencer.cycle) == cycle
            ctx.set(sequencer.tripped, self.trip_cycle is not None and cycle >= self.trip_cycle)
            ctx.set(sequencer.engine_done, 0)
            if ctx.get(sequencer.engine_start):
                self.starts.append((cycle, ctx.get(sequencer.operation)))
                left, fault = self.engine.get(ctx.get(sequencer.operation), (0, Status.OK))
            if left is not None:
                ctx.set(sequencer.engine_done, left == 0)
                ctx.set(sequencer.engine_fault, fault)
                left = left - 1 if left else None
            if ctx.get(sequencer.run_abort):
                self.aborts.append(cycle)
            address = ctx.get(sequencer.program_address)
            await ctx.tick()
            op = self.program[address] if address < len(self.program) else MicroOp(Opcode.WAIT)
            ctx.set(sequencer.program_data, {"opcode": op.opcode, "a": op.a, "b": op.b, "c": op.c})
        pytest.fail("the program did not end within 2000 cycles")

    @property
    def outcome(self):
        return self.status, self.cycles, self.operation


def engine_op():
    return level(0, 0, 1)


def test_a_halt_alone_takes_five_cycles_and_running_lasts_as_long():
    run = Run([halt()])
    assert run.outcome == (Status.OK, 5, 0)
    assert run.running_cycles == 5


@pytest.mark.parametrize("cycles", [0, 1, 2, 7])
def test_a_wait_takes_its_cycles_on_top_of_five(cycles):
    assert Run([wait(cycles), halt()]).outcome == (Status.OK, 5 + cycles + 5, 1)


def test_loops_nest_and_every_micro_op_of_them_takes_five_cycles():
    program = [loop(3), engine_op(), loop(2), engine_op(), next_(), next_(), halt()]
    run = Run(program)
    order = [1, 3, 3] * 3
    assert [operation for _, operation in run.starts] == order
    micro_ops = 1 + 3 * (1 + 1 + 2 * 2 + 1) + 1
    assert run.outcome == (Status.OK, 5 * micro_ops, 6)


def test_a_loop_can_be_entered_again_after_its_end():
    program = [loop(1), next_(), loop(2), engine_op(), next_(), halt()]
    assert [operation for _, operation in Run(program).starts] == [3, 3]


def test_an_engine_starts_in_the_fifth_cycle_and_the_next_fetch_follows_its_end():
    run = Run([engine_op(), engine_op(), engine_op(), halt()], engine={0: (0, Status.OK), 1: (5, Status.OK)})
    assert run.starts == [(4, 0), (9, 1), (9 + 5 + 5, 2)]
    assert run.cycles == 5 + 10 + 5 + 5


def test_a_program_may_start_anywhere():
    assert Run([halt(), engine_op(), halt()], address=1).outcome == (Status.OK, 10, 2)


@pytest.mark.parametrize(
    ("program", "status", "operation"),
    [
        ([next_()], Status.LOOP_DEPTH, 0),
        ([loop(2), next_(), next_()], Status.LOOP_DEPTH, 2),
        ([loop(2), loop(2), loop(2)], Status.LOOP_DEPTH, 2),
        ([wait(0), MicroOp(Opcode.LOOP, b=0)], Status.LINE_RANGE, 1),
        ([wait(0)] * 16, Status.ADDRESS_RANGE, 16),
    ],
)
def test_faults_of_control_flow_end_the_run_in_the_execute_cycle(program, status, operation):
    run = Run(program)
    assert (run.status, run.operation) == (status, operation)
    assert run.aborts == [run.cycles - 1]
    assert run.cycles % 5 == 0


def test_an_unknown_opcode_ends_the_run():
    class Unknown:
        opcode, a, b, c = 200, 0, 0, 0

    run = Run([wait(0), Unknown()])
    assert run.outcome == (Status.UNKNOWN_MICRO_OP, 10, 1)
    assert run.starts == []


@pytest.mark.parametrize("delay", [0, 4])
def test_a_fault_of_the_engine_ends_the_run(delay):
    run = Run([engine_op(), halt()], engine={0: (delay, Status.LINE_RANGE)})
    assert run.outcome == (Status.LINE_RANGE, 5 + delay, 0)
    assert run.aborts == [], "the bay knows its own faults"


def test_a_trip_ends_a_wait():
    assert Run([wait(1000), halt()], trip_cycle=20).outcome == (Status.TRIPPED, 21, 0)


def test_no_engine_starts_after_a_trip():
    run = Run([wait(0), engine_op(), halt()], trip_cycle=9)
    assert run.status is Status.TRIPPED
    assert run.starts == []


def test_an_engine_that_completes_its_record_after_a_trip_is_waited_for():
    run = Run([engine_op(), halt()], engine={0: (10, Status.TRIPPED)}, trip_cycle=6)
    assert run.outcome == (Status.TRIPPED, 15, 0)
