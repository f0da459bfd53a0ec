"""The engine bay: decodes the micro-op in hand, starts its engine, and puts the safety gate between engines and pins."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.errors import Status
from crossloop.protocol.microops import ENGINE_OPCODES, Opcode, absent_opcodes
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import DEAD_MAN_BITS, DUTY_BITS, WIDTH_BITS
from crossloop_hdl.engines.coincidence import coincidence_controller
from crossloop_hdl.engines.counters import COUNTERS, PulseCounters
from crossloop_hdl.engines.level_sequencer import level_sequencer
from crossloop_hdl.engines.line_switch import LineSwitch
from crossloop_hdl.engines.micro_op_check import MicroOpCheck
from crossloop_hdl.engines.pulse_generator import PulseGenerator
from crossloop_hdl.engines.sample_sequencer import SampleSequencer
from crossloop_hdl.engines.stream_loader import StreamLoader
from crossloop_hdl.frontend.direct import DirectSignature, line_members
from crossloop_hdl.layouts import MicroOpLayout
from crossloop_hdl.safety import SafetyGate

__all__ = ["COUNTERS", "EngineBay"]


class EngineBay(wiring.Component):
    """Every micro-op that touches lines, gates, converters or stream banks.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start : In(1)
        Strobe: execute `op`, which has been there for two cycles and stays until `done`.
    op : In(MicroOpLayout)
    done : Out(1)
        Strobe: `op` has ended; in the cycle of `start` where it is refused.
    fault : Out(8)
        `Status`, valid with `done`; anything but OK ends the run (the bay goes to the safe state by itself).
    cycle, operation : In(32), In(16)
        Cycle of the run and address of `op`, for records.
    records : Out(stream.Signature(8))
        Bytes of CODES records; they must be taken at once, or else the micro-op takes longer than promised.
    records_free : In(16)
        Bytes that still fit into the reply, those of the DONE record included.
    vector_address, vector_data : Out(16), In(16)
        Read port of the vector memory; the data are those of the address of the cycle before.
    vector_write, vector_write_address, vector_write_data : Out(1), Out(16), Out(16)
        Its write port. All three, and `vector_address`, are 0 while no engine uses them.
    pointer : In(16)
        Where SAMPLE writes to.
    bank_select, bank_clear, bank_shift, bank_byte : In(1), In(1), In(1), In(8)
        Family whose stream bank is written; strobes; the byte that is shifted in at line 0.
    seed_select, seed_write, seed : In(1), In(1), In(32)
        Family whose lanes restart from `seed`; strobe.
    count, counter, count_high, count_amount : Out
        What is to be added to the pulse counters: see `PulseCounters`.
    level_min, level_max, gate_level_min, gate_level_max, width_cap, dead_man, one_gate, duty_rest : In
        The limits, see `Register`.
    arm : In(1)
        Strobe; `armed` tells in the next cycle whether it was granted.
    disarm : In(1)
        Strobe: to the safe state, without a cause.
    stop : In(1)
        Strobe: trip with STOP_FRAME.
    frame_seen : In(1)
        Strobe: restarts the dead-man timer.
    emergency_stop : In(1)
        Asynchronous, active high.
    compliance : In(1)
        Asynchronous, active high: a current is too high; see `SafetyGate`.
    delivered : Out(24)
        See `Register`.
    run_abort : In(1)
        Strobe: the sequencer ended the run with a fault of its own; to the safe state.
    armed, tripped : Out(1), Out(1)
        A trip is latched until the next arming; `armed` is then 0.
    trip_cause : Out(8)
        The first `TripCause` since the last arming.
    stop_active : Out(1)
        The emergency stop input, synchronised (bit 2 of register STATE).
    gates_off : Out(1)
        No gate is on.
    pins : Out(DirectSignature)
        The front end.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__({
            "start": In(1), "op": In(MicroOpLayout), "done": Out(1), "fault": Out(8),
            "cycle": In(32), "operation": In(16), "records": Out(stream.Signature(8)), "records_free": In(16),
            "vector_address": Out(16), "vector_data": In(16), "vector_write": Out(1), "vector_write_address": Out(16),
            "vector_write_data": Out(16), "pointer": In(16),
            "bank_select": In(1), "bank_clear": In(1), "bank_shift": In(1), "bank_byte": In(8),
            "seed_select": In(1), "seed_write": In(1), "seed": In(32),
            "count": Out(1), "counter": Out(range(len(COUNTERS))), "count_high": Out(1), "count_amount": Out(32),
            "level_min": In(signed(32)), "level_max": In(signed(32)), "gate_level_min": In(signed(32)), "gate_level_max": In(signed(32)),
            "width_cap": In(WIDTH_BITS), "dead_man": In(DEAD_MAN_BITS), "one_gate": In(1), "duty_rest": In(DUTY_BITS),
            "compliance": In(1), "delivered": Out(WIDTH_BITS),
            "arm": In(1), "disarm": In(1), "stop": In(1), "frame_seen": In(1), "emergency_stop": In(1), "run_abort": In(1),
            "armed": Out(1), "tripped": Out(1), "trip_cause": Out(8), "stop_active": Out(1), "gates_off": Out(1),
            "pins": Out(DirectSignature(parameters)),
        })  # fmt: skip
        self._loader_address = Signal(exact_log2(parameters.vector_words))
        """Stays 0 in a build that has no stream loader."""
        self.refused_before = Signal()
        """What the safety gate was asked for in the cycle before, it has refused."""

    def elaborate(self, _platform: Any) -> Module:
        """Return decoder, engines, counters and safety gate."""
        m = Module()
        op = self.op
        m.submodules.safety = self.safety = safety = SafetyGate(self._parameters)
        m.submodules.check = check = MicroOpCheck(self._parameters)
        m.submodules.coincidence = self.coincidence = coincidence = coincidence_controller(self._parameters)
        m.submodules.sampler = self.sampler = sampler = SampleSequencer(self._parameters)
        build = self._parameters
        m.submodules.pulses = pulses = PulseGenerator(build.gate_taps)
        m.submodules.levels = levels = level_sequencer(build)
        m.submodules.lines = lines = LineSwitch(self._parameters)
        m.d.comb += [
            check.op.eq(op), check.records_free.eq(self.records_free), check.pointer.eq(self.pointer),
        ]  # fmt: skip

        # A start waits while lines are still on their way to the safe state, a level or a routing that an aborted pass has
        # asked for is on its way, or a draw of an aborted pass is finished. Whatever sends lines to the safe state in the
        # cycle after `quiet` was found has disarmed the gate, too.
        held, accept, abort = Signal(), Signal(), Signal()
        begin, quiet = Signal(), Signal()
        m.d.sync += quiet.eq(safety.settled & ~levels.resting & ~sampler.resting & ~coincidence.drawing)
        m.d.sync += self.refused_before.eq(safety.refused)
        m.d.comb += begin.eq((self.start | held) & quiet)
        m.d.sync += held.eq((self.start | held) & ~begin)
        m.d.comb += [
            accept.eq(begin & self.armed & check.okay),
            # No engine works when the sequencer ends a run by itself.
            abort.eq(~self.armed),
        ]

        engines: dict[Opcode, Any] = {
            Opcode.TILE: lines, Opcode.LEVEL: levels, Opcode.LEVELS: levels, Opcode.CONNECT: lines,
            Opcode.PULSE: pulses, Opcode.COINCIDE: coincidence, Opcode.CONVERT: sampler, Opcode.SAMPLE: sampler,
        }  # fmt: skip
        if build.arithmetic:
            m.submodules.loader = engines[Opcode.STREAMS] = StreamLoader(build)
        # What the build has not never comes here; said once more, so that nothing is built for it.
        absent = absent_opcodes(build)
        engines = {opcode: engine for opcode, engine in engines.items() if opcode not in absent}
        wanted = {opcode: Signal(name=f"wanted_{opcode.name.lower()}") for opcode in ENGINE_OPCODES}
        m.d.sync += [wanted[opcode].eq(op.opcode == opcode) for opcode in engines]
        pulsed = Signal()
        """It asks for pulses."""
        m.d.sync += pulsed.eq(op.opcode.matches(Opcode.PULSE, Opcode.COINCIDE, Opcode.CONVERT, Opcode.SAMPLE))
        m.d.comb += [
            levels.start.eq(accept & (wanted[Opcode.LEVEL] | wanted[Opcode.LEVELS])),
            lines.start.eq(accept & (wanted[Opcode.TILE] | wanted[Opcode.CONNECT])),
            # An engine that starts in the cycle of a trip is stopped in the next one, in which its first gate would be asked for. What is
            # too wide does not start, and trips in the cycle after.
            pulses.start.eq(accept & ~safety.too_wide & wanted[Opcode.PULSE]),
            coincidence.start.eq(accept & ~safety.too_wide & wanted[Opcode.COINCIDE]),
            sampler.start.eq(accept & ~safety.too_wide & (wanted[Opcode.CONVERT] | wanted[Opcode.SAMPLE])),
            safety.width_check.eq(accept & pulsed),
            safety.width.eq(check.width),
        ]
        self._add_outcome(m, begin=begin, accept=accept, status=check.status, engines=engines)
        for engine in set(engines.values()):
            m.d.comb += engine.abort.eq(abort)
        self._connect_operands(m, levels, lines, pulses, wanted)
        if build.arithmetic:
            self._connect_loader(m, engines[Opcode.STREAMS], accept & wanted[Opcode.STREAMS])
        self._connect_safety(m, levels, lines, pulses)
        self._connect_counters(m, pulses)
        return m

    def _add_outcome(
        self, m: Module, *, begin: Signal, accept: Signal, status: Signal, engines: dict[Opcode, Any]
    ) -> None:
        """Add when `op` is done and with what status: the earliest is the cycle after its beginning, in which a refusal shows as a trip."""
        busy = Signal()
        engine_done = Signal()
        stopped = Signal()
        done_signals = [engine.done for engine in dict.fromkeys(engines.values())]
        m.d.comb += [
            engine_done.eq(Cat(*done_signals).any()),
            # A record that has begun is completed first.
            stopped.eq(~self.armed & ~self.sampler.reading),
            self.fault.eq(Status.OK),
        ]
        with m.If(busy):
            m.d.comb += self.done.eq(engine_done | stopped)
        with m.Elif(begin):
            m.d.comb += [self.done.eq(~accept), self.fault.eq(status)]
        with m.If((busy | begin) & ~self.armed):
            m.d.comb += self.fault.eq(Mux(self.tripped, Status.TRIPPED, Status.NOT_ARMED))
        with m.If(self.done):
            m.d.sync += busy.eq(0)
        with m.Elif(accept):
            m.d.sync += busy.eq(1)
        # Whatever ends with a fault goes to the safe state; what has lost its arming is there.
        m.d.sync += self.safety.make_safe.eq(self.run_abort | (begin & ~accept))

    def _connect_operands(self, m: Module, levels: Any, lines: Any, pulses: Any, wanted: dict[Opcode, Signal]) -> None:
        """Give every engine its fields of the micro-op."""
        op, coincidence, sampler = self.op, self.coincidence, self.sampler
        m.d.comb += [
            levels.vector.eq(wanted[Opcode.LEVELS]), levels.line.eq(op.b), levels.value.eq(op.c),
            levels.vector_data.eq(self.vector_data), levels.refused.eq(self.refused_before), sampler.vector_data.eq(self.vector_data),
            self.vector_address.eq(levels.vector_address | sampler.vector_address | self._loader_address),
            self.vector_write.eq(sampler.vector_write), self.vector_write_address.eq(sampler.vector_write_address),
            self.vector_write_data.eq(sampler.vector_write_data),
            lines.change_tile.eq(wanted[Opcode.TILE]), lines.a.eq(op.a), lines.b.eq(op.b),
            lines.row_signs.eq(coincidence.row_signs), lines.column_signs.eq(coincidence.column_signs),
            pulses.count.eq(op.b), pulses.width.eq(op.c[:24]), pulses.gap.eq(Cat(op.c[24:], op.a)),
            coincidence.slots.eq(op.b), coincidence.width.eq(op.c[:16]), coincidence.gap.eq(op.c[16:]),
            coincidence.row_sign.eq(op.a[0]), coincidence.column_sign.eq(op.a[1]),
            sampler.to_vector.eq(wanted[Opcode.SAMPLE]), sampler.pointer.eq(self.pointer),
            sampler.a.eq(op.a), sampler.b.eq(op.b), sampler.c.eq(op.c),
            sampler.cycle.eq(self.cycle), sampler.operation.eq(self.operation),
        ]  # fmt: skip
        # By way of registers: each goes to every line.
        for name in ("seed_select", "seed_write", "seed", "bank_select", "bank_clear", "bank_shift", "bank_byte"):
            m.d.sync += getattr(coincidence, name).eq(getattr(self, name))
        wiring.connect(m, sampler.records, wiring.flipped(self.records))

    def _connect_loader(self, m: Module, loader: StreamLoader, start: Any) -> None:
        """Let STREAMS read the vector memory and fill a bank; the host does not write one while a program runs."""
        coincidence = self.coincidence
        m.d.comb += [
            loader.start.eq(start), loader.count.eq(self.op.b), loader.first.eq(self.op.c),
        ]  # fmt: skip
        m.d.comb += self._loader_address.eq(loader.vector_address)
        clear = Signal()
        # Where the gate refuses in the cycle of the start, nothing may have begun.
        m.d.comb += clear.eq(loader.clear & ~self.refused_before)
        with m.If(clear | loader.shift):
            m.d.sync += [
                coincidence.bank_select.eq(self.op.a[0]), coincidence.bank_byte.eq(self.vector_data),
                coincidence.bank_clear.eq(clear), coincidence.bank_shift.eq(loader.shift),
            ]  # fmt: skip

    def _connect_safety(self, m: Module, levels: Any, lines: Any, pulses: Any) -> None:
        """Put the safety gate between the engines and the pins."""
        op, safety, pins, coincidence, sampler = self.op, self.safety, self.pins, self.coincidence, self.sampler
        for name in (
            "arm", "disarm", "stop", "frame_seen", "emergency_stop", "compliance", "level_min", "level_max", "gate_level_min",
            "gate_level_max", "width_cap", "dead_man", "one_gate", "duty_rest",
        ):  # fmt: skip
            m.d.comb += getattr(safety, name).eq(getattr(self, name))
        for name in ("armed", "tripped", "trip_cause", "stop_active", "gates_off", "delivered"):
            m.d.comb += getattr(self, name).eq(getattr(safety, name))
        for name in ("tile", *line_members(self._parameters)):
            m.d.comb += getattr(pins, name).eq(getattr(safety, name))
        m.d.comb += [
            safety.level_write.eq(levels.write), safety.level_family.eq(op.a[:2]),
            safety.level_line.eq(levels.write_line), safety.level_code.eq(levels.next_code),
            safety.switch.eq(lines.request), safety.change_tile.eq(lines.change_tile), safety.family.eq(Cat(op.a[0], op.a[7])),
            safety.selected.eq(op.a[1:3]), safety.others.eq(op.a[3:5]), safety.tile_wanted.eq(op.a), safety.mask.eq(lines.mask),
            lines.settled.eq(safety.settled),
            safety.gate.eq(pulses.gate | coincidence.gate | sampler.gate), safety.masked.eq(coincidence.gate),
            safety.row_mask.eq(coincidence.row_mask), safety.column_mask.eq(coincidence.column_mask),
            coincidence.row_drive.eq(safety.row_drive), coincidence.column_drive.eq(safety.column_drive),
        ]  # fmt: skip
        if self._parameters.gate_taps > 1:
            m.d.comb += [safety.late.eq(pulses.late), safety.early.eq(pulses.early)]
        for source, strobe in ((safety.level, pins.level), (sampler.conversion, pins.conversion)):
            m.d.comb += [strobe.valid.eq(source.valid), strobe.payload.eq(source.payload)]
        wiring.connect(m, wiring.flipped(pins.samples), sampler.samples)

    def _connect_counters(self, m: Module, pulses: Any) -> None:
        """Add the pulse counters."""
        m.submodules.counters = counters = PulseCounters(self._parameters)
        ended = Signal()
        m.d.sync += ended.eq(pulses.pulse_ended)
        m.d.comb += [
            counters.counted.eq(self.coincidence.counted),
            counters.row_total.eq(self.coincidence.row_total),
            counters.column_total.eq(self.coincidence.column_total),
            counters.pulse_ended.eq(ended & ~self.refused_before),
            self.count.eq(counters.add), self.counter.eq(counters.counter), self.count_high.eq(counters.high),
            self.count_amount.eq(counters.amount),
        ]  # fmt: skip
