"""The coincidence update controller: in every slot each driven line fires with its own probability.

A cell changes where its row and its column fire in the same slot, which happens with the product of their probabilities.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import MAGNITUDE_BITS, Family
from crossloop.protocol.timing import SLOT_MIN_CYCLES
from crossloop_hdl.engines.slot_counter import LineCounter
from crossloop_hdl.engines.streams import RandomLanes, StreamBank
from crossloop_hdl.layouts import family_lines

NAMES = {Family.ROWS: "row", Family.COLUMNS: "column"}
"""Prefix of the members that exist once per family."""


class CoincidenceController(wiring.Component):
    """Executes COINCIDE, and owns the stream banks and random lanes.

    The firing bits of a slot are drawn in `MAGNITUDE_BITS` steps while the slot before it lasts, for all lines at once, so a
    pass takes the same time for every geometry. Exactly `slots` draws are made.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start : In(1)
        Strobe; the next three members stay until `done`.
    slots, width, gap : In(16), In(16), In(16)
        Slots from 1, gate time and pause in cycles from 1.
    row_sign, column_sign : In(1), In(1)
        Only lines with this sign fire.
    abort : In(1)
        Fire no more. A draw that has begun is finished, so that the planes are back in place.
    row_drive, column_drive : In(rows), In(columns)
        The lines in state DRIVE.
    gate, row_mask, column_mask : Out(1), Out(rows), Out(columns)
        Gates wanted in the next cycle, and of which lines.
    done : Out(1)
        Strobe: the last slot is over and counted.
    drawing : Out(1)
        A draw is under way; the banks must not be written.
    counted, row_total, column_total : Out(1), Out(range(rows + 1)), Out(range(columns + 1))
        Strobe, once per slot: how many lines fired.
    bank_select, bank_clear, bank_shift, bank_byte : In
        See `EngineBay`.
    seed_select, seed_write, seed : In
        See `EngineBay`.
    row_signs, column_signs : Out(rows), Out(columns)
        The sign planes.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._lines = family_lines(parameters)
        members = {
            "start": In(1), "slots": In(16), "width": In(16), "gap": In(16), "abort": In(1), "gate": Out(1), "done": Out(1),
            "drawing": Out(1), "counted": Out(1), "bank_select": In(1), "bank_clear": In(1), "bank_shift": In(1),
            "bank_byte": In(8), "seed_select": In(1), "seed_write": In(1), "seed": In(32),
        }  # fmt: skip
        for family, name in NAMES.items():
            lines = self._lines[family]
            members[f"{name}_sign"] = In(1)
            members[f"{name}_drive"] = In(lines)
            members[f"{name}_mask"] = Out(lines)
            members[f"{name}_signs"] = Out(lines)
            members[f"{name}_total"] = Out(range(lines + 1))
        super().__init__(members)

    def elaborate(self, _platform: Any) -> Module:
        """Return slot timer, draw timer and one stream per family."""
        m = Module()
        busy = Signal()
        slot_left = Signal(17)
        """Cycles of the slot, this one included; what comes after its last one is decided in it."""
        slots_left = Signal(16)
        ending, more = Signal(), Signal()
        """This is the last cycle of the slot; it is not the last slot."""
        width_left = Signal(16)
        draw_left = Signal(range(MAGNITUDE_BITS + 1))
        slot_length = Signal(17, init=SLOT_MIN_CYCLES)
        latch = Signal()
        drawing = self.drawing
        m.d.comb += [
            latch.eq(busy & ending & more),
            drawing.eq(draw_left != 0),
        ]
        length = self.width + self.gap
        # There long before it is needed for the first time, which is when the first draw is over.
        m.d.sync += slot_length.eq(Mux(length < SLOT_MIN_CYCLES, SLOT_MIN_CYCLES, length))
        m.d.sync += self.done.eq(0)
        with m.If(drawing):
            m.d.sync += draw_left.eq(draw_left - 1)
        with m.If(self.gate):
            m.d.sync += [width_left.eq(width_left - 1), self.gate.eq(width_left != 1)]
        with m.If(self.abort):
            m.d.sync += [busy.eq(0), self.gate.eq(0)]
        with m.Elif(self.start):
            # The first draw takes the place of a slot without gates.
            m.d.sync += [
                busy.eq(1), slot_left.eq(SLOT_MIN_CYCLES), ending.eq(0), slots_left.eq(self.slots), more.eq(1),
                draw_left.eq(MAGNITUDE_BITS),
            ]  # fmt: skip
        with m.Elif(latch):
            m.d.sync += [
                slot_left.eq(slot_length),
                ending.eq(0),
                slots_left.eq(slots_left - 1),
                more.eq(slots_left != 1),
                width_left.eq(self.width),
                self.gate.eq(1),
                draw_left.eq(Mux(slots_left == 1, 0, MAGNITUDE_BITS)),
            ]
        with m.Elif(busy):
            with m.If(ending):
                m.d.sync += [busy.eq(0), self.done.eq(1)]
            with m.Else():
                m.d.sync += [slot_left.eq(slot_left - 1), ending.eq(slot_left == 2)]
        for family in NAMES:
            self._add_family(m, family, latch=latch, drawing=drawing)
        return m

    def _add_family(self, m: Module, family: Family, *, latch: Signal, drawing: Signal) -> None:
        """Add bank, lanes, draw register and counter of one family."""
        name, lines = NAMES[family], self._lines[family]
        m.submodules[f"{name}_bank"] = bank = StreamBank(lines)
        m.submodules[f"{name}_lanes"] = source = RandomLanes(family, lines)
        m.submodules[f"{name}_counter"] = counter = LineCounter(lines)
        fire = Signal(lines, name=f"{name}_fire")
        fired = Signal(lines, name=f"{name}_fired")
        signs, mask = getattr(self, f"{name}_signs"), getattr(self, f"{name}_mask")
        wanted = Mux(getattr(self, f"{name}_sign"), signs, ~signs)
        banked = self.bank_select == family
        m.d.comb += [
            bank.clear.eq(self.bank_clear & banked),
            bank.shift.eq(self.bank_shift & banked),
            bank.byte.eq(self.bank_byte),
            bank.rotate.eq(drawing),
            signs.eq(bank.signs),
            source.step.eq(drawing),
            source.seed_write.eq(self.seed_write & (self.seed_select == family)),
            source.seed.eq(self.seed),
            fired.eq(fire & wanted & getattr(self, f"{name}_drive")),
            counter.load.eq(latch & ~self.abort),
            counter.mask.eq(fired),
            counter.drop.eq(self.abort),
            getattr(self, f"{name}_total").eq(counter.total),
        ]
        if family is Family.ROWS:
            m.d.comb += self.counted.eq(counter.done)
        with m.If(latch):
            m.d.sync += [mask.eq(fired), fire.eq(0)]
        with m.Elif(self.start):
            m.d.sync += fire.eq(0)
        with m.Elif(drawing):
            # (fire | r) where the plane is 1, (fire & r) where it is 0: the majority of the three.
            r = source.bits
            m.d.sync += fire.eq((bank.plane & (fire | r)) | (fire & r))


class SignBanks(CoincidenceController):
    """What a build without random streams has in its place: the signs of the stream banks."""

    def elaborate(self, platform: Any) -> Module:
        """Return one row of signs per family."""
        m = Module()
        for family, name in NAMES.items():
            signs = getattr(self, f"{name}_signs")
            with m.If(self.bank_select == family):
                with m.If(self.bank_clear):
                    m.d.sync += signs.eq(0)
                with m.Elif(self.bank_shift):
                    m.d.sync += signs.eq(Cat(self.bank_byte[-1], signs))
        return m


def coincidence_controller(parameters: Parameters) -> CoincidenceController:
    """Return what a build has."""
    return CoincidenceController(parameters) if parameters.coincidence else SignBanks(parameters)
