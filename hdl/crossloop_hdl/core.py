"""The controller: link, dispatcher, memories, sequencer and engine bay, with bytes on one side and the array's lines on the other."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from crossloop.protocol.microops import MICRO_OP
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import Rule
from crossloop_hdl.arithmetic import unit
from crossloop_hdl.arithmetic.unit import ArithmeticUnit
from crossloop_hdl.dispatcher import Dispatcher
from crossloop_hdl.engines.counters import COUNTERS
from crossloop_hdl.engines.engine_bay import EngineBay
from crossloop_hdl.frontend.direct import DirectSignature, pass_through
from crossloop_hdl.link.request_link import RequestLink
from crossloop_hdl.registers import CLEARED, RegisterFile, member
from crossloop_hdl.sequencer import Sequencer
from crossloop_hdl.uart import UartReceiver, UartTransmitter

assert tuple(member(register) for register in CLEARED) == COUNTERS


class Core(wiring.Component):
    """The whole controller behind the byte stream, with the `direct` front end.

    Parameters
    ----------
    parameters : Parameters
        Build.

    Members
    -------
    rx : In(stream.Signature(8, always_ready=True))
        Bytes from the host, at most one per cycle; all are taken.
    tx : Out(stream.Signature(8))
        Bytes to the host.
    emergency_stop, compliance : In(1), In(1)
        Asynchronous, active high: go to the safe state; end a pulse, since a current is too high.
    running, tripped : Out(1), Out(1)
        A program runs; the safety gate has tripped.
    front_end_busy : In(1)
        Only with the `emulated` front end: no program may start yet.

    The others are the members of `DirectSignature`.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__({**link_members(None), **_own_members(parameters)})

    @property
    def parameters(self) -> Parameters:
        """The build."""
        return self._parameters

    def elaborate(self, platform: Any) -> Module:
        """Return the parts and the wires between them."""
        parameters = self._parameters
        m = Module()
        m.submodules.link = link = RequestLink(parameters)
        m.submodules.dispatcher = dispatcher = Dispatcher(parameters)
        m.submodules.registers = registers = RegisterFile(parameters.level_bits)
        m.submodules.sequencer = sequencer = Sequencer(parameters)
        m.submodules.bay = bay = EngineBay(parameters)
        connect(m, flipped(self.rx), link.rx)
        connect(m, link.tx, flipped(self.tx))
        connect(m, link.payload, dispatcher.payload)
        connect(m, dispatcher.records, link.records)
        connect(m, bay.records, dispatcher.run_records)
        pass_through(m, self, bay.pins, parameters)
        vectors = self._memories(m, dispatcher, sequencer, bay)
        if parameters.arithmetic:
            self._arithmetic(m, vectors, sequencer, bay)

        m.d.comb += [
            self.running.eq(sequencer.running),
            self.tripped.eq(bay.tripped),
            # Link and dispatcher.
            dispatcher.active.eq(link.active),
            dispatcher.payload_left.eq(link.payload_left),
            dispatcher.records_free.eq(link.records_free),
            link.finish.eq(dispatcher.finish),
            link.status.eq(dispatcher.status),
            link.detail.eq(dispatcher.detail),
            link.busy.eq(sequencer.running),
            link.stopped.eq(bay.gates_off),
            # Dispatcher and register file.
            registers.address.eq(dispatcher.register_address),
            registers.high.eq(dispatcher.register_high),
            registers.write.eq(dispatcher.register_write),
            registers.write_data.eq(dispatcher.register_value),
            dispatcher.register_known.eq(registers.known),
            dispatcher.register_writable.eq(registers.writable),
            dispatcher.register_agreed.eq(registers.agreed),
            dispatcher.register_half.eq(registers.half),
            dispatcher.register_is_shown.eq(registers.is_shown),
            dispatcher.register_shown.eq(registers.shown),
            dispatcher.dead_man.eq(registers.dead_man),
            # Dispatcher and sequencer.
            sequencer.start.eq(dispatcher.run),
            sequencer.address.eq(dispatcher.item_address),
            dispatcher.run_done.eq(sequencer.done),
            dispatcher.run_status.eq(sequencer.status),
            dispatcher.run_cycles.eq(sequencer.cycles),
            dispatcher.run_operation.eq(sequencer.operation),
            # Sequencer and engine bay.
            bay.start.eq(sequencer.engine_start),
            bay.op.eq(sequencer.op),
            sequencer.engine_done.eq(bay.done),
            sequencer.engine_fault.eq(bay.fault),
            sequencer.tripped.eq(bay.tripped),
            bay.cycle.eq(sequencer.cycle),
            bay.operation.eq(sequencer.operation),
            bay.records_free.eq(link.records_free),
            bay.run_abort.eq(sequencer.run_abort),
            # Safety gate.
            bay.emergency_stop.eq(self.emergency_stop),
            bay.compliance.eq(self.compliance),
            dispatcher.armed.eq(bay.armed),
            dispatcher.tripped.eq(bay.tripped),
            dispatcher.stop_active.eq(bay.stop_active),
        ]
        # By way of registers: what a frame means is a long path by itself, and so is the one from here to the gates.
        m.d.sync += [
            bay.arm.eq(dispatcher.arm),
            bay.disarm.eq(dispatcher.disarm | link.session_opened),
            bay.stop.eq(link.stop),
            bay.frame_seen.eq(link.frame_seen),
        ]
        if parameters.frontend == "emulated":
            m.d.sync += dispatcher.hold.eq(self.front_end_busy)
        self._settings(m, dispatcher, registers, bay, link)
        return m

    def _memories(self, m: Module, dispatcher: Any, sequencer: Any, bay: Any) -> Any:
        """Add the program memory and the vector memory, which is the engines' while a program runs; return the latter's ports."""
        m.submodules.vectors = vectors = Memory(shape=16, depth=self._parameters.vector_words, init=[])
        m.submodules.program = program = Memory(shape=8 * MICRO_OP.size, depth=self._parameters.program_ops, init=[])
        # Bytes, because that is what the dispatcher gets.
        vector_write, vector_read = vectors.write_port(granularity=8), vectors.read_port()
        program_write, program_read = program.write_port(granularity=8), program.read_port()
        with m.If(~sequencer.running):
            m.d.comb += [
                vector_read.addr.eq(dispatcher.item_address),
                vector_write.addr.eq(dispatcher.write_address),
                vector_write.data.eq(dispatcher.vector_word),
            ]
        with m.Else():
            m.d.comb += [
                vector_read.addr.eq(bay.vector_address),
                vector_write.addr.eq(bay.vector_write_address),
                vector_write.data.eq(bay.vector_write_data),
            ]
        # A word that is read while another is written is never used, and no port reads then: synthesis would add registers
        # that keep what the word was.
        m.d.comb += [
            vector_write.en.eq(dispatcher.vector_write | bay.vector_write.replicate(2)),
            vector_read.en.eq(~vector_write.en.any()),
            program_read.en.eq(~program_write.en.any()),
        ]
        m.d.comb += [
            dispatcher.vector_data.eq(vector_read.data),
            bay.vector_data.eq(vector_read.data),
            program_write.addr.eq(dispatcher.write_address),
            program_write.data.eq(dispatcher.vector_word[:8].replicate(MICRO_OP.size)),
            program_write.en.eq(dispatcher.program_write),
            program_read.addr.eq(sequencer.program_address),
            sequencer.program_data.eq(program_read.data),
        ]
        return vector_read, vector_write

    def _arithmetic(self, m: Module, vectors: Any, sequencer: Any, bay: Any) -> None:
        """Add the arithmetic unit; the vector memory is its own while it executes a micro-op."""
        m.submodules.arithmetic = arithmetic = ArithmeticUnit(self._parameters)
        vector_read, vector_write = vectors
        m.d.comb += [
            bay.pointer.eq(arithmetic.pointer),
            arithmetic.coming.eq(sequencer.program_data),
            arithmetic.decode.eq(sequencer.decode),
            arithmetic.op.eq(sequencer.op),
            arithmetic.start.eq(sequencer.arithmetic_start),
            arithmetic.abort.eq(~sequencer.running),
            sequencer.arithmetic_done.eq(arithmetic.done),
            sequencer.arithmetic_fault.eq(arithmetic.fault),
            sequencer.x.eq(arithmetic.x),
            sequencer.y.eq(arithmetic.y),
            sequencer.holds.eq(arithmetic.holds),
            sequencer.known.eq(arithmetic.known),
            arithmetic.vector_data.eq(vector_read.data),
        ]
        computes = Signal()
        m.d.sync += computes.eq(sequencer.running & sequencer.op.opcode.matches(*unit.OPCODES))
        with m.If(computes):
            m.d.comb += [
                vector_read.addr.eq(arithmetic.vector_address),
                vector_write.addr.eq(arithmetic.vector_write_address),
                vector_write.data.eq(arithmetic.vector_write_data),
            ]
        with m.If(arithmetic.vector_write):
            m.d.comb += vector_write.en.eq(0b11)

    def _settings(self, m: Module, dispatcher: Any, registers: Any, bay: Any, link: Any) -> None:
        """Add the wires between registers, engine bay and link."""
        m.d.comb += [
            registers.state.eq(bay.armed | bay.tripped << 1 | bay.stop_active << 2),
            registers.trip_cause.eq(bay.trip_cause),
            registers.bad_frames.eq(link.bad_frames),
            registers.count.eq(bay.count),
            registers.counter.eq(bay.counter),
            registers.count_high.eq(bay.count_high),
            registers.count_amount.eq(bay.count_amount),
            bay.level_min.eq(registers.level_min),
            bay.level_max.eq(registers.level_max),
            bay.gate_level_min.eq(registers.gate_level_min),
            bay.gate_level_max.eq(registers.gate_level_max),
            bay.one_gate.eq(registers.rules[Rule.ONE_GATE.bit_length() - 1]),
            bay.duty_rest.eq(registers.duty_rest),
            registers.delivered.eq(bay.delivered),
            bay.width_cap.eq(registers.width_cap),
            bay.dead_man.eq(registers.dead_man),
            bay.seed_select.eq(registers.seed_select),
            bay.seed_write.eq(registers.seed_write),
            bay.seed.eq(registers.write_data),
            bay.bank_select.eq(dispatcher.bank_select),
            bay.bank_clear.eq(dispatcher.bank_clear),
            bay.bank_shift.eq(dispatcher.bank_shift),
            bay.bank_byte.eq(dispatcher.bank_byte),
        ]


class UartCore(wiring.Component):
    """The controller behind two serial pins, with the `direct` front end.

    Parameters
    ----------
    parameters : Parameters
        Build.
    divisor : int
        Clock cycles per bit of the serial line.

    Members
    -------
    uart_rx, uart_tx : In(1), Out(1)
        Serial line from and to the host, high at rest.

    The others are those of `Core`.
    """

    def __init__(self, parameters: Parameters, divisor: int) -> None:
        self._parameters = parameters
        self._divisor = divisor
        super().__init__({**link_members(divisor), **_own_members(parameters)})

    @property
    def parameters(self) -> Parameters:
        """The build."""
        return self._parameters

    @property
    def divisor(self) -> int:
        """Clock cycles per bit of the serial line."""
        return self._divisor

    def elaborate(self, platform: Any) -> Module:
        """Return the core between receiver and transmitter."""
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
        m.submodules.core = core = Core(self._parameters)
        connect(m, receiver.o, core.rx)
        connect(m, core.tx, transmitter.i)
        pass_through(m, self, core, self._parameters)
        m.d.comb += [
            receiver.pin.eq(self.uart_rx),
            self.uart_tx.eq(transmitter.pin),
            core.emergency_stop.eq(self.emergency_stop),
            core.compliance.eq(self.compliance),
            self.running.eq(core.running),
            self.tripped.eq(core.tripped),
        ]
        if self._parameters.frontend == "emulated":
            m.d.comb += core.front_end_busy.eq(self.front_end_busy)
        return m


def linked_core(parameters: Parameters, divisor: int | None) -> Any:
    """Return the controller behind serial pins, or without a divisor with whole bytes."""
    return Core(parameters) if divisor is None else UartCore(parameters, divisor)


def link_members(divisor: int | None) -> dict[str, Any]:
    """Return the members by which a `linked_core` hears the host and answers."""
    if divisor is None:
        return {"rx": In(stream.Signature(8, always_ready=True)), "tx": Out(stream.Signature(8))}
    return {"uart_rx": In(1, init=1), "uart_tx": Out(1, init=1)}


def _own_members(parameters: Parameters) -> dict[str, Any]:
    """Return the members that a core has on its other sides."""
    return {
        "emergency_stop": In(1), "compliance": In(1), "running": Out(1), "tripped": Out(1),
        **({"front_end_busy": In(1)} if parameters.frontend == "emulated" else {}), **DirectSignature(parameters).members,
    }  # fmt: skip
