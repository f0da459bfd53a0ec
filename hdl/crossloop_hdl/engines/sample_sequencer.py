"""The sample sequencer: drives the lines, lets the converters sample, and writes what they say as a record or as vector words."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.microops import VOLTAGE_BIT
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER, RecordKind
from crossloop.protocol.timing import conversion_wait_cycles
from crossloop_hdl.arithmetic.vector_unit import saturated
from crossloop_hdl.frontend.direct import StrobeSignature
from crossloop_hdl.layouts import ConversionWord, sample_layout


class Phase(enum.Enum, shape=3):
    """What the sequencer is doing."""

    IDLE = 0
    DRIVE = 1
    """Gates on: settle, then integrate."""
    HEADER = 2
    """Gates off: writing the record's header, if there is one, while the converters work."""
    SAMPLES = 3
    """Two bytes, or one word, per channel."""
    ROUTE = 4
    """Before DRIVE: the converters are switched to what the conversion wants."""
    CONVERT = 5
    """After HEADER, or before each channel: the converters are not ready yet."""
    STORE = 6
    """After each channel of a SAMPLE: its word is written."""


class SampleSequencer(wiring.Component):
    """Executes CONVERT and SAMPLE.

    Once the conversion was strobed the record is completed even if the run is aborted, so that the reply stays readable; a
    sample that has not come when the safety gate has tripped is written as 0 with the SATURATED bit.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start : In(1)
        Strobe; the next five members stay until `done`.
    to_vector, pointer : In(1), In(16)
        SAMPLE: to the vector words from `pointer` on.
    a, b, c : In(8), In(16), In(32)
        Fields of the micro-op, see `Opcode.CONVERT` and `Opcode.SAMPLE`.
    cycle, operation : In(32), In(16)
        Cycle of the run and address of the micro-op, for the record; the address stays until `done`.
    abort : In(1)
        Gates off; does not end a record that has begun, which waits for the converters as long as ever.
    gate : Out(1)
        Gates wanted in the next cycle.
    reading : Out(1)
        A record is being written.
    resting : Out(1)
        The converters are being switched, also after an abort: nothing may be started.
    conversion : Out(StrobeSignature(ConversionWord))
        To the front end, registered. The payload shows from the start on.
    samples : In(stream.Signature(sample_layout))
        From the front end.
    records : Out(stream.Signature(8))
        The record's bytes.
    vector_address, vector_data : Out(16), In(16)
        Read port of the vector memory, 0 at rest; the data are those of the address of the cycle before.
    vector_write, vector_write_address, vector_write_data : Out(1), Out(16), Out(16)
        Its write port, 0 at rest.
    done : Out(1)
        Strobe in the cycle of the record's last byte, or of the last word.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._route_cycles = parameters.route_cycles
        self._arithmetic = parameters.arithmetic
        self._channels = max(parameters.rows, parameters.columns)
        self._address_bits = exact_log2(parameters.vector_words)
        self._wait_cycles = conversion_wait_cycles(parameters)
        self._line_cycles = parameters.line_cycles
        super().__init__({
            "start": In(1), "to_vector": In(1), "pointer": In(16), "a": In(8), "b": In(16), "c": In(32), "cycle": In(32),
            "operation": In(16), "abort": In(1), "gate": Out(1), "reading": Out(1), "resting": Out(1),
            "conversion": Out(StrobeSignature(ConversionWord)), "samples": In(stream.Signature(sample_layout(parameters))),
            "records": Out(stream.Signature(8)), "done": Out(1), "vector_address": Out(16), "vector_data": In(signed(16)),
            "vector_write": Out(1), "vector_write_address": Out(16), "vector_write_data": Out(16),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return timer, header and sample packer."""
        m = Module()
        phase = Signal(Phase)
        left = Signal(max(17, (self._wait_cycles + 2 * self._line_cycles).bit_length()))
        route_left = Signal(range(self._route_cycles + 1))
        strobe_cycle = Signal(32)
        channels_left = Signal(range(self._channels))
        high = Signal()
        word = Signal(16)
        place = Signal(self._address_bits)
        is_last = Signal()
        """No channel comes after this one; it is known before the channel is done with."""
        moved, over = Signal(), Signal()
        """A byte is taken, or the time of one has passed; the channel is done with."""
        missing = self.abort & ~self.samples.valid
        payload = self.conversion.payload
        line_cycles = Mux(payload.pair, 2 * self._line_cycles, self._line_cycles)
        extended = Signal(15)
        packed = Cat(extended, self.samples.payload.saturated)
        m.d.comb += [
            extended.eq(self.samples.payload.code),  # signed: repeats its sign
            word.eq(Mux(missing, 0x8000, packed)),
            self.gate.eq(phase == Phase.DRIVE),
            self.resting.eq(route_left != 0),
            self.reading.eq(
                (phase == Phase.HEADER) | (phase == Phase.CONVERT) | (phase == Phase.SAMPLES) | (phase == Phase.STORE)
            ),
        ]
        self._add_word(m, missing)
        m.d.sync += [
            is_last.eq(channels_left == 0),
            self.conversion.valid.eq(0),
        ]
        with m.If(self.conversion.valid):
            m.d.sync += strobe_cycle.eq(self.cycle)
        with m.If(self.resting):
            m.d.sync += route_left.eq(route_left - 1)
        with m.Switch(phase):
            with m.Case(Phase.IDLE):
                with m.If(self.start & ~self.abort):
                    m.d.sync += [
                        payload.family.eq(self.a[0]),
                        payload.pair.eq(self.a[1]),
                        payload.range.eq(Mux(self.a[VOLTAGE_BIT], 0, self.a[2:4])),
                        payload.voltage.eq(self.a[VOLTAGE_BIT]),
                        payload.count.eq(self.b),
                    ]
                    if self._route_cycles:
                        m.d.sync += [phase.eq(Phase.ROUTE), route_left.eq(self._route_cycles)]
                    else:
                        m.d.sync += [phase.eq(Phase.DRIVE), left.eq(self.c[:16] + self.c[16:])]
            with m.Case(Phase.ROUTE):
                with m.If(self.abort):
                    m.d.sync += phase.eq(Phase.IDLE)
                with m.Elif(route_left == 1):
                    m.d.sync += [phase.eq(Phase.DRIVE), left.eq(self.c[:16] + self.c[16:])]
            with m.Case(Phase.DRIVE):
                m.d.sync += left.eq(left - 1)
                with m.If(self.abort):
                    m.d.sync += phase.eq(Phase.IDLE)
                with m.Elif(left == 0):
                    m.d.sync += [
                        phase.eq(Phase.HEADER),
                        self.conversion.valid.eq(1),
                        left.eq(RECORD_HEADER.size - 1),
                        channels_left.eq(self.b - 1),
                        place.eq(self.pointer),
                        high.eq(0),
                    ]
            with m.Case(Phase.HEADER):
                m.d.comb += self.records.valid.eq(~self.to_vector)
                header = Cat(Const(RecordKind.CODES, 8), self.a, self.b, strobe_cycle, self.operation)
                with m.Switch(left[:4]):
                    for byte in range(RECORD_HEADER.size):
                        with m.Case(RECORD_HEADER.size - 1 - byte):
                            m.d.comb += self.records.payload.eq(header.word_select(byte, 8))
                with m.If(self.records.ready | self.to_vector):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 0):
                        m.d.sync += phase.eq(Phase.SAMPLES)
                        if self._wait_cycles or self._line_cycles:
                            m.d.sync += [phase.eq(Phase.CONVERT), left.eq(self._wait_cycles + line_cycles - 1)]
            with m.Case(Phase.CONVERT):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.d.sync += phase.eq(Phase.SAMPLES)
            with m.Case(Phase.SAMPLES):
                m.d.comb += [
                    self.records.valid.eq((self.samples.valid | missing) & ~self.to_vector),
                    self.records.payload.eq(Mux(high, word[8:], word[:8])),
                    self.samples.ready.eq(high & (self.records.ready | self.to_vector)),
                    moved.eq((self.samples.valid | missing) & (self.records.ready | self.to_vector)),
                ]
                with m.If(self.to_vector):
                    m.d.comb += self.vector_address.eq(place)
                with m.If(moved):
                    m.d.sync += high.eq(~high)
                    with m.If(high & self.to_vector):
                        m.d.sync += phase.eq(Phase.STORE)
                    with m.Elif(high):
                        m.d.comb += over.eq(1)
            with m.Case(Phase.STORE):
                self._add_store(m, place, over)
                m.d.sync += phase.eq(Phase.SAMPLES)
        with m.If(over):
            m.d.sync += channels_left.eq(channels_left - 1)
            with m.If(is_last):
                m.d.comb += self.done.eq(1)
                m.d.sync += phase.eq(Phase.IDLE)
            if self._line_cycles:
                with m.Else():
                    m.d.sync += [phase.eq(Phase.CONVERT), left.eq(line_cycles - 1)]
        return m

    def _add_store(self, m: Module, place: Signal, over: Signal) -> None:
        """Add what the phase STORE does; without arithmetic there is no SAMPLE, and nothing is built for it."""
        if not self._arithmetic:
            return
        m.d.comb += [self.vector_write.eq(1), self.vector_write_address.eq(place), over.eq(1)]
        m.d.sync += place.eq(place + 1)

    def _add_word(self, m: Module, missing: Value) -> None:
        """Add the word that a SAMPLE stores: the sample, or its sum with the word that was there."""
        if not self._arithmetic:
            return
        code = self.samples.payload.code
        sum_, sample, alone = Signal(signed(17)), Signal.like(code), Signal()
        m.d.sync += [
            # Nothing is chosen before the addition: the memory answers late.
            sum_.eq(self.vector_data + code),
            sample.eq(Mux(missing, 0, code)),
            alone.eq(missing | ~self.a[4]),
        ]
        with m.If(self.vector_write):
            m.d.comb += self.vector_write_data.eq(Mux(alone, sample, saturated(sum_)))
