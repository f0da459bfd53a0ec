"""The sequencer: fetches micro-ops, executes control flow and waits, and hands everything else to engine bay or arithmetic unit."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.errors import Status
from crossloop.protocol.microops import ENGINE_OPCODES, Opcode, absent_opcodes
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.arithmetic import unit
from crossloop_hdl.layouts import MicroOpLayout


class Phase(enum.Enum, shape=4):
    """What the sequencer does in a cycle."""

    REST = 0
    FETCH = 1
    """The micro-op's address is at the program memory."""
    DECODE = 2
    """The memory answers."""
    CHECK = 3
    """The micro-op is at hand: its fields are checked, its registers read."""
    PREPARE = 4
    """What was read is added and compared."""
    EXECUTE = 5
    WAIT = 6
    ENGINE = 7
    """An engine works."""
    ARITHMETIC = 8
    """The arithmetic unit works."""


ARITHMETIC = "arithmetic"
ENGINE = "engine"
"""Kinds of micro-ops: the arithmetic unit's, the engine bay's."""


class Sequencer(wiring.Component):
    """Executes the program at `address` from the cycle after `start` on.

    Every micro-op takes FETCH (its address is at the program memory), DECODE (the memory answers), CHECK and PREPARE (what EXECUTE needs
    to know is found out) and EXECUTE; the next FETCH follows the end of EXECUTE, of a wait, or of the engine.

    Parameters
    ----------
    parameters : Parameters
        Build.

    Members
    -------
    start, address
        Strobe: run the program at `address`.
    program_address, program_data
        Read port of the program memory, one cycle of latency.
    running
        High from the FETCH of the first micro-op to the EXECUTE of the last one; a flip-flop.
    cycle, operation
        Cycle of the run, 0 in the first one; address of the micro-op at hand.
    op, engine_start, engine_done, engine_fault
        Micro-op for the engine bay, strobe in its EXECUTE cycle, strobe at its end (may be the same cycle), its Status.
    decode
        Strobe in a DECODE cycle; `op` is the micro-op at hand from the next one on.
    arithmetic_start, arithmetic_done, arithmetic_fault
        The same for the arithmetic unit.
    x, y, holds, known
        The arithmetic unit's: registers of the micro-op at hand, and the condition of a BRANCH. A build without it has none of its
        micro-ops.
    tripped
        The safety gate has tripped: the run ends.
    run_abort
        Strobe: the run ends with a fault that the bay does not know.
    done, status, cycles
        Strobe in the cycle in which `running` is low again; how the run ended; how many cycles it took. `operation`
        still is the address of the micro-op that ended it.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__(
            {
                "start": In(1),
                "address": In(16),
                "program_address": Out(exact_log2(parameters.program_ops)),
                "program_data": In(MicroOpLayout),
                "running": Out(1),
                "cycle": Out(32),
                "operation": Out(16),
                "op": Out(MicroOpLayout),
                "engine_start": Out(1),
                "engine_done": In(1),
                "engine_fault": In(8),
                "decode": Out(1),
                "arithmetic_start": Out(1),
                "arithmetic_done": In(1),
                "arithmetic_fault": In(8),
                "x": In(32),
                "y": In(32),
                "holds": In(1),
                "known": In(1),
                "tripped": In(1),
                "run_abort": Out(1),
                "done": Out(1),
                "status": Out(8),
                "cycles": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return program counter, loop stack and state machine."""
        m = Module()
        arithmetic = self._parameters.arithmetic
        phase = Signal(Phase)
        counter = Signal(exact_log2(self._parameters.program_ops) + 1)
        """Address of the micro-op at hand; its top bit says that it is past the end of the memory."""
        following = Signal.like(counter)
        go, ended = Signal(), Signal()
        """The micro-op is over: on with the one at `coming`, or the run ends."""
        coming = Signal.like(counter)
        status = Signal(8)
        executes = Signal()
        """The phase is EXECUTE; the micro-op is none of those that are refused unseen."""
        engine_due, arithmetic_due = Signal(), Signal()
        """The same for a micro-op of an engine, and of the arithmetic unit; known a cycle ahead, because a long way follows."""
        waited = Signal()
        """Nothing is left of a WAIT."""

        push, pop, again = Signal(), Signal(), Signal()
        """What happens to the innermost loop: a new one, its end, or its next turn."""
        loops, times_left, body = self._add_loops(m, following, push, pop, again)
        last = Signal()
        """The innermost loop takes no more turns; known since PREPARE."""
        m.d.sync += last.eq(times_left == 1)

        m.d.comb += [
            self.program_address.eq(counter),
            self.operation.eq(counter),
            self.cycles.eq(self.cycle),
            following.eq(counter + 1),
            coming.eq(following),
        ]
        m.d.sync += [self.done.eq(0), engine_due.eq(0)]
        if arithmetic:
            m.d.sync += arithmetic_due.eq(0)
        with m.If(self.start):
            m.d.sync += self.cycle.eq(0)
        with m.Elif(self.running):
            m.d.sync += self.cycle.eq(self.cycle + 1)
        target, no_target = Signal.like(counter), Signal()
        self._add_target(m, counter, target, no_target)
        index_b, index_c = Signal(), Signal()
        self._add_op(m, index_b, index_c)
        self._add_wait(m, waited, counting=(phase == Phase.EXECUTE) | (phase == Phase.WAIT))
        wanted = self._add_kinds(m)
        refusal, refused = self._add_refusal(m, counter, loops)

        def end(why: Any) -> list[Any]:
            return [ended.eq(1), status.eq(why)]

        def own_fault(why: Any) -> list[Any]:
            return [*end(why), self.run_abort.eq(1)]

        with m.Switch(phase):
            with m.Case(Phase.REST):
                m.d.comb += [go.eq(self.start), coming.eq(self.address)]
                with m.If(self.start):
                    m.d.sync += [self.running.eq(1), loops.eq(0), index_b.eq(0), index_c.eq(0)]
            with m.Case(Phase.FETCH):
                m.d.sync += phase.eq(Phase.DECODE)
            with m.Case(Phase.DECODE):
                m.d.comb += self.decode.eq(1)
                m.d.sync += [phase.eq(Phase.CHECK), index_b.eq(0), index_c.eq(0)]
            with m.Case(Phase.CHECK):
                m.d.sync += phase.eq(Phase.PREPARE)
            with m.Case(Phase.PREPARE):
                due = ~counter[-1] & ~self.tripped
                m.d.sync += [phase.eq(Phase.EXECUTE), engine_due.eq(wanted[ENGINE] & due)]
                if arithmetic:
                    m.d.sync += arithmetic_due.eq(wanted[ARITHMETIC] & due)
            with m.Case(Phase.EXECUTE):
                with m.If(refused):
                    m.d.comb += own_fault(refusal)
                with m.Else():
                    m.d.comb += executes.eq(1)
            with m.Case(Phase.WAIT):
                m.d.comb += go.eq(waited)
        with m.If(executes):
            # One of these holds: side by side, none waits for the others.
            with m.If(wanted[Opcode.HALT]):
                m.d.comb += end(Status.OK)
            with m.If(wanted[Opcode.WAIT]):
                m.d.comb += go.eq(waited)
                m.d.sync += phase.eq(Phase.WAIT)
            with m.If(wanted[Opcode.LOOP]):
                m.d.comb += [go.eq(1), push.eq(1)]
            with m.If(wanted[Opcode.NEXT]):
                m.d.comb += [go.eq(1), pop.eq(last), again.eq(~last)]
                with m.If(~last):
                    m.d.comb += coming.eq(body)
            if arithmetic:
                with m.If(wanted[Opcode.BRANCH]):
                    with m.If(~self.holds):
                        m.d.comb += go.eq(1)
                    with m.Elif(self.op.a[4] & (loops == 0)):
                        m.d.comb += own_fault(Status.LOOP_DEPTH)
                    with m.Elif(no_target):
                        m.d.comb += own_fault(Status.ADDRESS_RANGE)
                    with m.Else():
                        m.d.comb += [go.eq(1), coming.eq(target), pop.eq(self.op.a[4])]
                with m.If(wanted[Opcode.INDEX]):
                    m.d.comb += go.eq(1)
                    m.d.sync += [index_b.eq(self.op.a[0]), index_c.eq(self.op.a[1])]
                with m.If(wanted[ARITHMETIC]):
                    m.d.sync += phase.eq(Phase.ARITHMETIC)
            with m.If(wanted[ENGINE]):
                m.d.sync += phase.eq(Phase.ENGINE)
        m.d.comb += [self.engine_start.eq(engine_due & ~self.tripped), self.arithmetic_start.eq(arithmetic_due)]
        if arithmetic:
            with m.If(self.arithmetic_done & (arithmetic_due | (phase == Phase.ARITHMETIC))):
                wrong = self.arithmetic_fault != Status.OK
                m.d.comb += [go.eq(1), ended.eq(wrong), status.eq(self.arithmetic_fault), self.run_abort.eq(wrong)]
        with m.If(self.engine_done & (engine_due | (phase == Phase.ENGINE))):
            m.d.comb += [go.eq(1), ended.eq(self.engine_fault != Status.OK), status.eq(self.engine_fault)]

        # A trip ends whatever is under way; the bay has dropped the gates by itself. An engine says so itself, since it
        # completes a record that it has begun.
        with m.If(self.running & self.tripped & (phase != Phase.ENGINE)):
            m.d.comb += end(Status.TRIPPED)
        with m.If(ended):
            # The counter stays: `operation` outlives the run.
            m.d.sync += [self.running.eq(0), self.done.eq(1), self.status.eq(status), phase.eq(Phase.REST)]
        with m.Elif(go):
            m.d.sync += [counter.eq(coming), phase.eq(Phase.FETCH)]
        return m

    def _add_kinds(self, m: Module) -> dict[Any, Signal]:
        """Add what kind of micro-op is at hand; known from PREPARE on."""
        kinds: dict[Any, Any] = {opcode: (opcode,) for opcode in (Opcode.HALT, Opcode.WAIT, Opcode.LOOP, Opcode.NEXT)}
        if self._parameters.arithmetic:
            kinds |= {Opcode.BRANCH: (Opcode.BRANCH,), Opcode.INDEX: (Opcode.INDEX,), ARITHMETIC: unit.OPCODES}
        kinds[ENGINE] = sorted(ENGINE_OPCODES - absent_opcodes(self._parameters))
        wanted = {kind: Signal(name=f"wants_{getattr(kind, 'name', kind).lower()}") for kind in kinds}
        m.d.sync += [wanted[kind].eq(self.op.opcode.matches(*opcodes)) for kind, opcodes in kinds.items()]
        self._known = Cat(wanted.values()).any()
        return wanted

    def _add_refusal(self, m: Module, counter: Signal, loops: Any) -> tuple[Signal, Signal]:
        """Add why a micro-op is refused whatever it is about to do, and whether it is; found in PREPARE, valid from EXECUTE on."""
        refusal, refused, found = Signal(8), Signal(), Signal(8)
        m.d.sync += [refusal.eq(found), refused.eq(found != Status.OK)]
        m.d.comb += found.eq(Mux(self._known, Status.OK, Status.UNKNOWN_MICRO_OP))
        with m.Switch(self.op.opcode):
            with m.Case(Opcode.LOOP):
                with m.If(loops == self._parameters.loop_depth):
                    m.d.comb += found.eq(Status.LOOP_DEPTH)
                with m.Elif(self.op.b == 0):
                    m.d.comb += found.eq(Status.LINE_RANGE)
            with m.Case(Opcode.NEXT):
                with m.If(loops == 0):
                    m.d.comb += found.eq(Status.LOOP_DEPTH)
            if self._parameters.arithmetic:
                with m.Case(Opcode.BRANCH):
                    with m.If(~self.known):
                        m.d.comb += found.eq(Status.UNKNOWN_MICRO_OP)
        with m.If(counter[-1]):
            m.d.comb += found.eq(Status.ADDRESS_RANGE)
        return refusal, refused

    def _add_loops(
        self, m: Module, following: Signal, push: Signal, pop: Signal, again: Signal
    ) -> tuple[Any, Any, Any]:
        """Add the loop stack; return its depth, and the turns left and first micro-op of the innermost loop.

        That loop is at the bottom of the stack; pushing and popping move the others by one place.
        """
        depth = self._parameters.loop_depth
        address_bits = exact_log2(self._parameters.program_ops)
        frame_bits = 16 + address_bits
        stack = Signal(frame_bits * depth)
        loops = Signal(range(depth + 1))
        with m.If(push):
            m.d.sync += [stack.eq(Cat(self.op.b, following[:address_bits], stack)), loops.eq(loops + 1)]
        with m.Elif(pop):
            m.d.sync += [stack.eq(stack >> frame_bits), loops.eq(loops - 1)]
        with m.Elif(again):
            m.d.sync += stack[:16].eq(stack[:16] - 1)
        return loops, stack[:16], stack[16:frame_bits]

    def _add_target(self, m: Module, counter: Signal, target: Signal, no_target: Signal) -> None:
        """Add where a BRANCH goes, and whether that is outside the program memory; found in PREPARE.

        Only the bits that a target may have are added: the others of the distance must all repeat its sign.
        """
        distance = self.op.c[16:].as_signed()
        beyond = distance[len(counter) - 1 :]
        wide = (counter + distance)[: len(target)]
        m.d.sync += [
            target.eq(wide),
            no_target.eq(wide[-1] | (beyond.any() & ~beyond.all())),
        ]

    def _add_op(self, m: Module, index_b: Signal, index_c: Signal) -> None:
        """Add the micro-op at hand: what the memory says plus what an INDEX before it asked for.

        The registers that the INDEX has named are still at the arithmetic unit's outputs.
        """
        read = self.program_data
        with m.If(self.decode):
            m.d.sync += [
                self.op.opcode.eq(read.opcode), self.op.a.eq(read.a), self.op.b.eq(read.b + Mux(index_b, self.x, 0)),
                self.op.c.eq(read.c + Mux(index_c, self.y, 0)),
            ]  # fmt: skip

    def _add_wait(self, m: Module, waited: Signal, *, counting: Value) -> None:
        """Add that a WAIT counts down in place; whether nothing is left is known a cycle ahead."""
        c = self.op.c
        with m.If(counting & (self.op.opcode == Opcode.WAIT)):
            m.d.sync += c.eq(c - 1)
        m.d.sync += waited.eq((c[1:] == 0) & (c[0] == counting))
