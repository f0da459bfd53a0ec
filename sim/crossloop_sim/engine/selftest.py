"""A small core with the boundary of the real one, to check compilers, engines and the harness.

It speaks a five-command language in COBS frames (see `SelfTestCore`), has the parts that decide the speed
of a compiled design (wide shift planes, xorshift lanes, a byte CRC-32, memories, a state machine), and
answers within a few hundred cycles.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Command", "SelfTestCore", "ToyConversion", "toy_level"]

CRC_POLYNOMIAL = 0xEDB88320
"""Reflected polynomial of CRC-32. Source: ITU-T V.42, as in zlib."""


class Command(enum.Enum, shape=8):
    """First byte of a frame."""

    ECHO = 1
    """Answer the payload."""
    LEVEL = 2
    """Payload: family, line, code (2 bytes, little endian). Strobes one level."""
    PULSE = 3
    """Payload: slots. Fires both lines of all cells at random for that many slots."""
    CONVERT = 4
    """Payload: count (1 to 255). Answers the sum of the samples, 4 bytes, little endian."""
    TILE = 5
    """Payload: tile. Selects a tile, and ties every row to ground and every column to sense."""


class ToyConversion(data.Struct):
    """Request for converter samples, first field in the low bits."""

    family: 1
    pair: 1
    range: 2
    count: 16
    voltage: 1


def toy_level(dac_bits: int) -> data.StructLayout:
    """Layout of a level strobe for `dac_bits` wide two's complement codes."""
    return data.StructLayout({"family": 1, "line": 16, "code": signed(dac_bits)})


class SelfTestCore(wiring.Component):
    """Toy controller.

    A frame is COBS encoded (blocks shorter than 255 only), a `Command` byte, its payload and a 0x00
    delimiter. The answer is the payload, or the result, followed by the CRC-32 of both, COBS encoded,
    with its delimiter. All outputs are registers.

    Parameters
    ----------
    rows, columns : int
        Number of lines.
    adc_bits, dac_bits : int
        Width of the codes.
    planes : int
        Number of shift planes per line family.
    """

    def __init__(
        self, *, rows: int = 32, columns: int = 32, adc_bits: int = 16, dac_bits: int = 16, planes: int = 8
    ) -> None:
        self._rows, self._columns, self._planes = rows, columns, planes
        self._adc_bits = adc_bits
        super().__init__(
            {
                "rx": In(stream.Signature(8, always_ready=True)),
                "tx": Out(stream.Signature(8)),
                "samples": In(stream.Signature(adc_bits + 1)),
                "emergency_stop": In(1),
                "running": Out(1),
                "tripped": Out(1),
                "tile": Out(8),
                "row_gates": Out(rows),
                "column_gates": Out(columns),
                "row_states_low": Out(rows),
                "row_states_high": Out(rows),
                "column_states_low": Out(columns),
                "column_states_high": Out(columns),
                "level": Out(stream.Signature(toy_level(dac_bits), always_ready=True)),
                "conversion": Out(stream.Signature(ToyConversion, always_ready=True)),
            }
        )

    def _lanes(self, m: Module, count: int, seed: int, run: Signal) -> Signal:
        """Add `count` xorshift lanes of 32 bits; return the top bit of each."""
        tops = Signal(count)
        for index in range(count):
            word = Signal(32, init=(seed * 2654435761 + index * 40503 + 1) & 0xFFFFFFFF, name=f"lane_{seed}_{index}")
            a, b, c = (Signal(32, name=f"{word.name}_{step}") for step in "abc")
            m.d.comb += [
                a.eq(word ^ (word << 13)[:32]),
                b.eq(a ^ (a >> 17)),
                c.eq(b ^ (b << 5)[:32]),
                tops[index].eq(word[31]),
            ]
            with m.If(run):
                m.d.sync += word.eq(c)
        return tops

    def elaborate(self, platform: Any) -> Module:  # noqa: ARG002, PLR0915
        """Return decoder, pulse planes, memories and the state machine."""
        m = Module()
        m.submodules.inbox = inbox = Memory(shape=8, depth=1024, init=[])
        m.submodules.outbox = outbox = Memory(shape=8, depth=1024, init=[])
        inbox_write, inbox_read = inbox.write_port(), inbox.read_port()
        outbox_write, outbox_read = outbox.write_port(), outbox.read_port()

        # COBS decoder: a byte a cycle, never waits.
        left, decoding, first = Signal(8), Signal(), Signal(init=1)
        in_length, frame_done = Signal(11), Signal()
        m.d.comb += [inbox_write.addr.eq(in_length[:10]), inbox_write.data.eq(self.rx.payload)]
        m.d.sync += frame_done.eq(0)
        with m.If(self.rx.valid):
            with m.If(self.rx.payload == 0):
                m.d.sync += [decoding.eq(0), first.eq(1), frame_done.eq(decoding)]
            with m.Elif(~decoding | (left == 0)):
                m.d.sync += [left.eq(self.rx.payload - 1), decoding.eq(1), first.eq(0)]
                with m.If(decoding):
                    m.d.comb += [inbox_write.en.eq(1), inbox_write.data.eq(0)]
                    m.d.sync += in_length.eq(in_length + 1)
                with m.Else():
                    m.d.sync += in_length.eq(0)
            with m.Else():
                m.d.comb += inbox_write.en.eq(1)
                m.d.sync += [left.eq(left - 1), in_length.eq(in_length + 1)]

        # CRC-32 of what goes to the outbox, a byte a cycle.
        crc, crc_next = Signal(32, init=0xFFFFFFFF), Signal(32)
        put, put_data, put_crc = Signal(), Signal(8), Signal()
        word = crc ^ put_data
        for bit in range(8):
            step = Signal(32, name=f"crc_step_{bit}")
            m.d.comb += step.eq((word >> 1) ^ word[0].replicate(32) & CRC_POLYNOMIAL)
            word = step
        m.d.comb += crc_next.eq(word)
        out_length = Signal(11)
        m.d.comb += [outbox_write.addr.eq(out_length[:10]), outbox_write.data.eq(put_data), outbox_write.en.eq(put)]
        with m.If(put):
            m.d.sync += out_length.eq(out_length + 1)
            with m.If(put_crc):
                m.d.sync += crc.eq(crc_next)

        # Coincidence pulses: shift planes of thresholds against xorshift lanes.
        shift = Signal()
        row_lanes = self._lanes(m, 8, 1, shift)
        column_lanes = self._lanes(m, 8, 2, shift)
        for lanes, gates, count in (
            (row_lanes, self.row_gates, self._rows),
            (column_lanes, self.column_gates, self._columns),
        ):
            planes = [
                Signal(2 * count + 1, name=f"{gates.name}_plane_{index}", init=1 << index)
                for index in range(self._planes)
            ]
            with m.If(shift):
                for index, plane in enumerate(planes):
                    m.d.sync += plane.eq(Cat(lanes[index % 8] ^ plane[-1], plane[:-1]))
            fire = planes[0][:count]
            for plane in planes[1:]:
                fire = (fire ^ plane[:count]) & ~plane[count : 2 * count] | fire & plane[:count]
            with m.If(shift):
                m.d.sync += gates.eq(fire)
            with m.Else():
                m.d.sync += gates.eq(0)

        index, slots, count, total = Signal(11), Signal(8), Signal(8), Signal(32)
        argument = Signal(32)
        command = Signal(Command, init=Command.ECHO)
        code_left = Signal(8)
        m.d.comb += inbox_read.addr.eq(index[:10])
        m.d.sync += [self.level.valid.eq(0), self.conversion.valid.eq(0), self.tx.valid.eq(0)]
        with m.If(self.emergency_stop):
            m.d.sync += [self.tripped.eq(1), self.row_gates.eq(0), self.column_gates.eq(0)]

        def answer(name: str, value: Any, octets: int, after: str, *, crc_too: bool) -> None:
            """Add states that put `value`, low byte first, and go to state `after`."""
            for octet in range(octets):
                with m.State(f"{name}-{octet}" if octet else name):
                    m.d.comb += [put.eq(1), put_crc.eq(crc_too), put_data.eq(value[8 * octet : 8 * octet + 8])]
                    m.next = f"{name}-{octet + 1}" if octet + 1 < octets else after

        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [
                    out_length.eq(0),
                    crc.eq(0xFFFFFFFF),
                    index.eq(0),
                    total.eq(0),
                    argument.eq(0),
                    self.running.eq(0),
                ]
                with m.If(frame_done):
                    m.d.sync += [index.eq(1), self.running.eq(1)]
                    m.next = "Command"
            with m.State("Command"):
                m.d.sync += [command.eq(inbox_read.data), index.eq(2)]
                m.next = "Argument"
            with m.State("Argument"):
                # Bytes of payload arrive low byte first; ECHO copies them on the way.
                m.d.sync += index.eq(index + 1)
                with m.If(index > in_length), m.Switch(command):
                    with m.Case(Command.LEVEL):
                        m.next = "Level"
                    with m.Case(Command.PULSE):
                        m.d.sync += slots.eq(argument[24:])
                        m.next = "Pulse"
                    with m.Case(Command.CONVERT):
                        m.d.sync += count.eq(argument[24:])
                        m.next = "Convert"
                    with m.Case(Command.TILE):
                        m.next = "Tile"
                    with m.Default():
                        m.next = "Checksum"
                with m.Else():
                    m.d.sync += argument.eq(Cat(argument[8:], inbox_read.data))
                    with m.If(command == Command.ECHO):
                        m.d.comb += [put.eq(1), put_crc.eq(1), put_data.eq(inbox_read.data)]
            with m.State("Level"):
                m.d.sync += [
                    self.level.valid.eq(1),
                    self.level.p.family.eq(argument[0]),
                    self.level.p.line.eq(argument[8:16]),
                    self.level.p.code.eq(argument[16:].as_signed()),
                ]
                m.next = "Checksum"
            with m.State("Tile"):
                m.d.sync += [
                    self.tile.eq(argument[24:]),
                    self.row_states_low.eq(~0),
                    self.column_states_low.eq(~0),
                    self.column_states_high.eq(~0),
                ]
                m.next = "Checksum"
            with m.State("Pulse"):
                m.d.comb += shift.eq(slots != 0)
                m.d.sync += slots.eq(slots - 1)
                with m.If(slots == 0):
                    m.next = "Checksum"
            with m.State("Convert"):
                m.d.sync += [
                    self.conversion.valid.eq(1),
                    self.conversion.p.family.eq(1),
                    self.conversion.p.range.eq(2),
                    self.conversion.p.count.eq(count),
                    self.samples.ready.eq(1),
                ]
                m.next = "Sample"
            with m.State("Sample"), m.If(self.samples.valid & self.samples.ready):
                m.d.sync += [total.eq(total + self.samples.payload[: self._adc_bits].as_signed()), count.eq(count - 1)]
                with m.If(count == 1):
                    m.d.sync += self.samples.ready.eq(0)
                    m.next = "Sum"
            answer("Sum", total, 4, "Checksum", crc_too=True)
            with m.State("Checksum"):
                m.next = "Sum-CRC"
            answer("Sum-CRC", ~crc, 4, "Scan-Start", crc_too=False)

            # COBS encoder: look for the next zero, then send the block.
            start, scan = Signal(11), Signal(11)
            with m.State("Scan-Start"):
                m.d.sync += [start.eq(0), scan.eq(0)]
                m.next = "Scan-Address"
            with m.State("Scan-Address"):
                m.d.comb += outbox_read.addr.eq(scan[:10])
                m.next = "Scan"
            with m.State("Scan"):
                with m.If((scan == out_length) | (outbox_read.data == 0)):
                    m.d.sync += code_left.eq(scan - start)
                    m.next = "Code"
                with m.Else():
                    m.d.comb += outbox_read.addr.eq((scan + 1)[:10])
                    m.d.sync += scan.eq(scan + 1)
            with m.State("Code"):
                m.d.comb += outbox_read.addr.eq(start[:10])
                m.d.sync += [self.tx.valid.eq(1), self.tx.payload.eq(code_left + 1)]
                m.next = "Block"
            with m.State("Block"):
                m.d.comb += outbox_read.addr.eq((start + 1)[:10])
                with m.If(code_left == 0):
                    with m.If(scan == out_length):
                        m.next = "Delimiter"
                    with m.Else():
                        m.d.sync += [start.eq(scan + 1), scan.eq(scan + 1)]
                        m.next = "Scan-Next"
                with m.Else():
                    m.d.sync += [
                        self.tx.valid.eq(1),
                        self.tx.payload.eq(outbox_read.data),
                        start.eq(start + 1),
                        code_left.eq(code_left - 1),
                    ]
            with m.State("Scan-Next"):
                m.next = "Scan-Address"
            with m.State("Delimiter"):
                m.d.sync += [self.tx.valid.eq(1), self.tx.payload.eq(0)]
                m.next = "Idle"
        return m
