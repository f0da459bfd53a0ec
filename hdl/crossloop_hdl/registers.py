"""The register file: settings and limits kept here, counters and states shown from where they are."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.registers import ACCESS, KEPT_BITS, Access, Register

KEPT = tuple(r for r in Register if ACCESS[r] in {Access.WRITE, Access.LIMIT})
"""Registers whose value lives in the register file."""

SHOWN = tuple(r for r in Register if ACCESS[r] in {Access.READ, Access.CLEAR})
"""Registers that show a value from elsewhere."""

CLEARED = tuple(r for r in Register if ACCESS[r] is Access.CLEAR)
"""Registers that any write clears, in the order of the bits of `clears`."""


def member(register: Register) -> str:
    """Return the name of the component's member for a register."""
    return register.name.lower()


class RegisterFile(wiring.Component):
    """Registers by address; what is told about an address comes in the same cycle.

    Beside the members below there is one of 32 bits for every register, named as it in lower case: an output for those
    that are kept here, an input for those that are shown.

    Members
    -------
    address : In(8)
    known, writable : Out(1), Out(1)
        There is a register at the address; it may be written.
    read_data : Out(32)
        Its value, 0 if there is none.
    write, write_data : In(1), In(32)
        Strobe: write. A limit that was written already keeps its value.
    agreed : Out(1)
        The register at the address would take `write_data`, or has that value.
    clears : Out(5)
        Strobes: clear a counter, in the order of `CLEARED`.
    seed_write, seed_select : Out(1), Out(1)
        Strobe in the cycle of the write: `write_data` is the new seed of the row (0) or column (1) streams.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "address": In(8),
                "known": Out(1),
                "writable": Out(1),
                "read_data": Out(32),
                "write": In(1),
                "write_data": In(32),
                "agreed": Out(1),
                "clears": Out(len(CLEARED)),
                "seed_write": Out(1),
                "seed_select": Out(1),
                **{member(register): Out(32) for register in KEPT},
                **{member(register): In(32) for register in SHOWN},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return one case per register."""
        m = Module()
        # What a limit keeps of the data: its own width.
        locked, kept = Signal(), Signal(32)
        m.d.comb += [kept.eq(self.write_data), self.agreed.eq(~locked | (self.read_data == kept))]
        with m.Switch(self.address):
            for register in Register:
                value = getattr(self, member(register))
                with m.Case(register):
                    m.d.comb += [
                        self.known.eq(1),
                        self.writable.eq(ACCESS[register] is not Access.READ),
                        self.read_data.eq(value),
                    ]
                    match ACCESS[register]:
                        case Access.LIMIT:
                            self._limit(m, register, value, locked, kept)
                        case Access.WRITE:
                            with m.If(self.write):
                                m.d.sync += value.eq(self.write_data)
                        case Access.CLEAR:
                            m.d.comb += self.clears[CLEARED.index(register)].eq(self.write)
                        case Access.READ:
                            pass
                    if register in {Register.ROW_SEED, Register.COLUMN_SEED}:
                        m.d.comb += self.seed_write.eq(self.write)
        m.d.comb += self.seed_select.eq(self.address == Register.COLUMN_SEED)
        return m

    def _limit(self, m: Module, register: Register, value: Any, locked: Signal, kept: Signal) -> None:
        """Add a register that can be written once and keeps the bits that count."""
        written = Signal(name=f"{member(register)}_written")
        if register in KEPT_BITS:
            m.d.comb += kept.eq(self.write_data[: KEPT_BITS[register]])
        m.d.comb += locked.eq(written)
        with m.If(self.write & ~written):
            m.d.sync += [value.eq(kept), written.eq(1)]
