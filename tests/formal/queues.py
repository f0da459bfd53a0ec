"""What is proved of the queues between the link's parts: nothing is lost, doubled, reordered or changed while it waits."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Signal
from amaranth.lib.fifo import SyncFIFOBuffered
from formal.prover import Specification, implies

from crossloop_hdl.cobs import CobsEncoder
from crossloop_hdl.link.reader import StretchReader

DEPTH, WIDTH = 4, 2


class StreamProperties(Specification):
    """The rules of a stream at a component's output."""

    def outgoing(self, stream: Any, what: str) -> None:
        """Add that an offer stands, unchanged, until it is taken."""
        offered = self.past(stream.valid & ~stream.ready) & self.started
        restarted = self.restarted()
        self.proves(f"What {what} offers stays offered until it is taken.", implies(offered & ~restarted, stream.valid))
        self.proves(
            f"What {what} offers stays as it is until it is taken.",
            implies(offered & ~restarted, stream.payload == self.past(stream.payload)),
        )
        self.covers(f"{what.capitalize()} waits, and is taken.", offered & stream.valid & stream.ready)

    def restarted(self) -> Any:
        """Return whether the component was told to begin anew in the cycle before."""
        return 0


class ReaderProperties(StreamProperties):
    """The reader of a stretch of memory, whose memory holds still."""

    def __init__(self) -> None:
        super().__init__(StretchReader(offset_bits=3))
        self.place, self.stored = Signal(3), Signal(8)
        """Free: the byte of a stretch that is followed, and what the memory has there."""

    def inputs(self) -> list[Any]:
        return [*super().inputs(), self.place, self.stored]

    def restarted(self) -> Any:
        return self.past(self.component.start)

    def specify(self) -> None:
        reader = self.component
        # A memory that holds still: the same offset gives the same byte.
        self.assumes(
            implies(
                self.started & (self.past(reader.offset) == self.past(self.past(reader.offset))),
                reader.data == self.past(reader.data),
            )
        )
        self.outgoing(reader.o, "the reader")
        total, taken = Signal(16), Signal(16)
        with self.m.If(reader.start):
            self.m.d.sync += [total.eq(reader.length), taken.eq(0)]
        with self.m.Elif(reader.o.valid & reader.o.ready):
            self.m.d.sync += taken.eq(taken + 1)
        self.proves("As many bytes are left as the stretch has, less those taken.", reader.left == (total - taken)[:16])
        self.proves("It offers a byte exactly while one is left.", reader.o.valid == (reader.left != 0))
        for free in (self.place, self.stored):
            self.assumes(implies(self.started, free == self.past(free)))
        self.assumes(implies(self.started & (self.past(reader.offset) == self.place), reader.data == self.stored))
        followed = reader.o.valid & (taken == self.place)
        self.proves(
            "Its bytes are those of the memory, from the first on.", implies(followed, reader.o.payload == self.stored)
        )
        self.helps(implies(self.started, self.past(reader.offset) == taken[:3]))


class EncoderProperties(StreamProperties):
    """The COBS encoder towards the line."""

    def __init__(self) -> None:
        super().__init__(CobsEncoder())

    def specify(self) -> None:
        self.outgoing(self.component.o, "the encoder")


class FifoProperties(Specification):
    """The queue of frames that wait to be sent: two marked words go in, and come out in order."""

    def __init__(self) -> None:
        super().__init__(SyncFIFOBuffered(width=WIDTH, depth=DEPTH))
        self.choice = Signal()
        """Free: whether the word that goes in now is the one to follow."""

    def inputs(self) -> list[Any]:
        fifo = self.component
        return [fifo.w_data, fifo.w_en, fifo.r_en, self.choice]

    def specify(self) -> None:
        fifo, m = self.component, self.m
        held = Signal(range(DEPTH + 2))
        goes_in, goes_out = fifo.w_en & fifo.w_rdy, fifo.r_en & fifo.r_rdy
        m.d.sync += held.eq(held + goes_in - goes_out)
        self.proves("No more words come out than went in.", implies(goes_out, held != 0))
        self.proves("It takes a word whenever fewer than its depth are inside.", implies(held < DEPTH, fifo.w_rdy))
        # Follow one word, chosen by the solver, from its entry to its exit.
        chosen, followed, ahead, word = Signal(), Signal(), Signal(range(DEPTH + 2)), Signal(WIDTH)
        m.d.comb += chosen.eq(goes_in & self.choice & ~followed)
        with m.If(chosen):
            m.d.sync += [followed.eq(1), ahead.eq(held - goes_out), word.eq(fifo.w_data)]
        with m.Elif(followed & goes_out):
            m.d.sync += ahead.eq(ahead - 1)
            with m.If(ahead == 0):
                m.d.sync += followed.eq(0)
        self.proves(
            "A word comes out after all that went in before it, and unchanged.",
            implies(followed & goes_out & (ahead == 0), fifo.r_data == word),
        )
        self.covers("The queue is full.", (held == DEPTH) & ~fifo.w_rdy)
        self.covers(
            "A word that waited behind three others comes out.",
            followed & goes_out & (ahead == 0) & (word == 2) & self.past(self.past(self.past(ahead == 1))),
        )
