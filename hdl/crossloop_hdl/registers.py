"""The register file: settings, limits and counters in one memory, and those that something needs at once in registers beside it."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crossloop.protocol.registers import ACCESS, KEPT_BITS, Access, Register

WINDOWS = (Register.LEVEL_MIN, Register.LEVEL_MAX, Register.GATE_LEVEL_MIN, Register.GATE_LEVEL_MAX)
"""Limits of level codes, of which only so many bits are needed at once as tell a code from the codes beyond the DACs'."""

SETTINGS = tuple(r for r in Register if ACCESS[r] is Access.LIMIT)
"""Registers whose value is needed at once."""

SHOWN = tuple(r for r in Register if ACCESS[r] is Access.READ)
"""Registers that show a value from elsewhere."""

CLEARED = tuple(r for r in Register if ACCESS[r] is Access.CLEAR)
"""Counters, in the order of their numbers."""

_NUMBER_BITS = ceil_log2(len(Register))

# The number of a counter is put behind the upper bits of the first one's.
assert tuple(CLEARED) == tuple(CLEARED[0] | counter for counter in range(len(CLEARED)))


def member(register: Register) -> str:
    """Return the name of the component's member for a register."""
    return register.name.lower()


class RegisterFile(wiring.Component):
    """Registers by address, in halves of 16 bits.

    A value that was never written, or was cleared, is 0 whatever the memory holds: one bit per register tells. The counters
    are added to by one adder; nobody reads or writes registers while a program runs and shortly after.

    Beside the members below there is one of 32 bits for every limit and every shown register, named as it in lower case: an output
    for limits, an input for those that are shown. A limit of level codes that needs more than level_bits + 1 bits shows the nearest
    number that needs no more.

    Parameters
    ----------
    level_bits : int
        Width of the level codes.

    Members
    -------
    address, high : In(8), In(1)
        The register, and which half of it.
    known, writable, is_shown : Out(1), Out(1), Out(1)
        There is a register at the address; it may be written; its value is `shown`.
    half : Out(16)
        That half of its value; valid in the cycle after address and `high`, if it is not shown.
    shown : Out(32)
        Value of a shown register, in the same cycle.
    write, write_data : In(1), In(32)
        Strobe: write a half, which is in the upper 16 bits; address and `high` are what they were in the cycle before. The low half
        goes first; with the high half the data are the whole value.
    agreed : Out(1)
        In the cycle after the high half was written: the register takes the value, or has it. A limit that was written already keeps its
        value.
    count, counter, count_high, count_amount : In
        See `PulseCounters`.
    seed_write, seed_select : Out(1), Out(1)
        Strobe with the high half: `write_data` is the new seed of the row (0) or column (1) streams.
    """

    def __init__(self, level_bits: int) -> None:
        self._level_bits = level_bits
        super().__init__(
            {
                "address": In(8),
                "high": In(1),
                "known": Out(1),
                "writable": Out(1),
                "is_shown": Out(1),
                "half": Out(16),
                "shown": Out(32),
                "write": In(1),
                "write_data": In(32),
                "agreed": Out(1),
                "count": In(1),
                "counter": In(range(len(CLEARED))),
                "count_high": In(1),
                "count_amount": In(32),
                "seed_write": Out(1),
                "seed_select": Out(1),
                **{member(register): Out(32) for register in SETTINGS},
                **{member(register): In(32) for register in SHOWN},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return the memory, its adder, and the limits."""
        m = Module()
        m.submodules.memory = memory = Memory(shape=16, depth=2 << _NUMBER_BITS, init=[])
        read, write = memory.read_port(), memory.write_port()
        number, is_written = Signal(_NUMBER_BITS), Signal()
        """Of the register in the memory's answer; that it was written before."""
        whole, taken = Signal(), Signal()
        """The value is complete; the register takes it."""
        self.written = written = Signal(len(Register))
        is_limit, is_counter = Signal(), Signal()
        kept = Signal(16)
        """What the register keeps of the half at hand."""
        differs = Signal()
        """The low half was not what the limit has."""
        differing = Signal()
        adding, high = Signal(), Signal()
        # While something is counted the memory is not at the limit's place: the limit is refused rather than lost.
        locked = is_limit & (is_written | adding)
        m.d.comb += [
            self.half.eq(Mux(is_written, read.data, 0)),
            differing.eq(self.half != kept),
            whole.eq(self.write & self.high),
            taken.eq(whole & ~locked),
            self.seed_select.eq(self.address == Register.COLUMN_SEED),
        ]
        m.d.sync += self.agreed.eq(~(locked & (differing | differs)))
        with m.If(self.write & ~self.high):
            m.d.sync += differs.eq(differing)
        self._add_addresses(m, is_limit, is_counter, kept, taken)
        with m.If(taken):
            m.d.sync += written.bit_select(number, 1).eq(~is_counter)

        # -- The memory: the counters' as long as something is counted, else the host's.
        amount, carry = Signal(16), Signal()
        total = Signal(17)
        wanted = Mux(self.count, CLEARED[0] | self.counter, self.address[:_NUMBER_BITS])
        m.d.sync += [
            adding.eq(self.count), high.eq(self.count_high), amount.eq(self.count_amount.word_select(self.count_high, 16)),
            number.eq(wanted), is_written.eq(written.bit_select(wanted, 1)),
        ]  # fmt: skip
        m.d.comb += [
            read.addr.eq(Cat(Mux(self.count, self.count_high, self.high), wanted)),
            total.eq(self.half + amount + (carry & high)),
            write.addr.eq(Cat(Mux(adding, high, self.high), number)),
            write.data.eq(Mux(adding, total[:16], kept)),
            write.en.eq(adding | (self.write & ~locked)),
        ]
        with m.If(adding):
            m.d.sync += carry.eq(total[16])
        # The next addition may follow at once.
        with m.If(self.count & self.count_high):
            m.d.sync += written.bit_select(wanted, 1).eq(1)
        return m

    def _add_addresses(self, m: Module, is_limit: Signal, is_counter: Signal, kept: Signal, first: Value) -> None:
        """Add what is told about an address, one case per register. A limit is taken when it is first written, and only then."""
        m.d.comb += kept.eq(self.write_data[16:])
        windows = {
            register: Signal(signed(self._level_bits + 1), name=f"{member(register)}_near") for register in WINDOWS
        }
        is_here = {register: Signal(name=f"is_at_{member(register)}") for register in SETTINGS}
        """The address is this limit's, and was in the cycle before."""
        m.d.sync += [here.eq(self.address == register) for register, here in is_here.items()]
        for register, here in is_here.items():
            value = getattr(self, member(register))
            with m.If(first & here):
                if register in WINDOWS:
                    m.d.sync += windows[register].eq(self._nearest(self.write_data))
                else:
                    m.d.sync += value[: KEPT_BITS.get(register, len(value))].eq(self.write_data)
        m.d.comb += [getattr(self, member(register)).eq(near) for register, near in windows.items()]
        with m.Switch(self.address):
            for register in Register:
                access = ACCESS[register]
                with m.Case(register):
                    m.d.comb += [
                        self.known.eq(1), self.writable.eq(access is not Access.READ), self.is_shown.eq(access is Access.READ),
                        is_limit.eq(access is Access.LIMIT), is_counter.eq(access is Access.CLEAR),
                    ]  # fmt: skip
                    if access is Access.READ:
                        m.d.comb += self.shown.eq(getattr(self, member(register)))
                    if register in KEPT_BITS:
                        mask = (1 << KEPT_BITS[register]) - 1
                        m.d.comb += kept.eq(self.write_data[16:] & Mux(self.high, mask >> 16, mask & 0xFFFF))
                    if register in {Register.ROW_SEED, Register.COLUMN_SEED}:
                        m.d.comb += self.seed_write.eq(self.write & self.high)

    def _nearest(self, limit: Value) -> Value:
        """Return the number of level_bits + 1 bits that is nearest to a limit."""
        upper, sign = limit[self._level_bits :], limit[-1]
        return Mux(
            upper.all() | ~upper.any(), limit[: self._level_bits + 1], Cat((~sign).replicate(self._level_bits), sign)
        )
