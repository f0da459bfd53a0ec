"""Transcripts: everything that passes the two seams, in a form in which equal behaviour gives equal lists.

Three channels are kept apart, because how they interleave depends on the speed of the link and not on the controller: frames in, frames
out, and pins (events and converter codes). Bytes may be cut anywhere; frames are not. Cycles count from the last rise of `running`; what
happens between two runs has no cycle, since it follows the link's time. Records that repeat what the pins already show are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crossloop.protocol.frames import DELIMITER
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_sim.events import RECORD_HEADER, Events, Kind, PlantSeam, line_words, words_to_bits

_CHANNELS = ("frames_in", "frames_out", "pins")


class Entry(NamedTuple):
    """One thing that happened at the pins."""

    run: int
    """Number of the run, from 1; 0 before the first."""
    cycle: int | None
    """Cycle since the run began; None between runs."""
    what: str
    """Name of the Kind, or CODES."""
    values: tuple[int, ...]
    """The pins' new values, or the sample words."""
    tap: int = 0
    """Taps after the beginning of the cycle; pulse gates only."""

    def __str__(self) -> str:
        when = "between runs" if self.cycle is None else f"cycle {self.cycle}{f' tap {self.tap}' if self.tap else ''}"
        show = hex if self.what in {"STATES", "GATES"} else str
        return f"run {self.run}, {when}: {self.what} {' '.join(show(value) for value in self.values)}"


class FrameSplitter:
    """Cuts a byte stream into frames at its zero bytes."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take more bytes of the stream."""
        *whole, self._rest = (self._rest + data).split(bytes([DELIMITER]))
        self.frames += [frame for frame in whole if frame]


class Transcript:
    """Records both seams of one controller.

    Parameters
    ----------
    parameters : Parameters
        The controller's build.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._in = FrameSplitter()
        self._out = FrameSplitter()
        self._log: list[Events | tuple[Events, npt.NDArray[np.int64]]] = []

    def sent(self, data: bytes) -> None:
        """Note bytes from host to device."""
        self._in.feed(data)

    def received(self, data: bytes) -> None:
        """Note bytes from device to host."""
        self._out.feed(data)

    def applied(self, events: Events) -> None:
        """Note event records."""
        self._log.append(np.array(events, np.uint64, ndmin=2))

    def converted(self, event: Events, words: npt.NDArray[np.int64]) -> None:
        """Note a conversion and its answer."""
        self._log.append((np.array(event, np.uint64), np.array(words, np.int64)))

    @property
    def frames_in(self) -> list[bytes]:
        """Encoded frames from host to device."""
        return self._in.frames

    @property
    def frames_out(self) -> list[bytes]:
        """Encoded frames from device to host."""
        return self._out.frames

    @property
    def pins(self) -> list[Entry]:
        """What happened at the pins, in order."""
        return list(_Reader(self._parameters).entries(self._log))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Transcript) and difference(self, other) is None

    __hash__ = None  # type: ignore[assignment]


class _Reader:
    """Turns event records into entries; remembers what the pins show."""

    def __init__(self, parameters: Parameters) -> None:
        self._words = line_words(parameters)
        self._shown: dict[str, tuple[int, ...]] = {
            Kind.RUN.name: (0,), Kind.TRIP.name: (0,), Kind.TILE.name: (0,), Kind.STATES.name: (0,) * 2 * len(Family),
            Kind.GATES.name: (0,) * len(Family),
        }  # fmt: skip
        self._run = 0
        self._start = 0
        self._until = -1

    def entries(self, log: Sequence[Events | tuple[Events, npt.NDArray[np.int64]]]) -> Iterator[Entry]:
        seen = _samples(log)
        for item in log:
            if isinstance(item, tuple):
                record, words = item
                yield from self._conversion(record.tolist(), words.tolist())
                continue
            for row in item.tolist():
                if row[1] == Kind.CONVERSION and seen is not None:
                    yield from self._conversion(row, list(islice(seen, row[3])))
                entry = self._entry(row)
                if entry is not None:
                    yield entry

    def _conversion(self, record: list[int], words: list[int]) -> Iterator[Entry]:
        cycle, _kind, family, channels, range_index, pair, voltage = record[:7]
        when = self._when(cycle)
        yield Entry(self._run, when, Kind.CONVERSION.name, (family, channels, range_index, pair, voltage))
        yield Entry(self._run, when, "CODES", tuple(words))

    def _when(self, cycle: int) -> int | None:
        inside = self._shown[Kind.RUN.name][0] or cycle == self._until
        return cycle - self._start if inside else None

    def _entry(self, row: list[int]) -> Entry | None:
        cycle, kind, a, b = row[:RECORD_HEADER]
        if kind in {Kind.CONVERSION, Kind.SAMPLE}:
            return None  # noted together
        words = row[RECORD_HEADER:]
        name = Kind(kind).name
        if kind == Kind.LEVEL:
            return Entry(self._run, self._when(cycle), name, (a, b, _signed(words[0])))
        if kind in {Kind.STATES, Kind.GATES}:
            lists = len(self._shown[name])
            values = tuple(words_to_bits(words[at * self._words : (at + 1) * self._words]) for at in range(lists))
        else:
            values = (a,)
        if values == self._shown[name]:
            return None
        self._shown[name] = values
        if kind == Kind.RUN:
            self._until = cycle
            if a:
                self._run += 1
                self._start = cycle
        return Entry(self._run, self._when(cycle), name, values, a if kind == Kind.GATES else 0)


def _samples(log: Sequence[Events | tuple[Events, npt.NDArray[np.int64]]]) -> Iterator[int] | None:
    """Return the sample words that passed by themselves, in order; None where the plant was asked for each conversion."""
    if any(isinstance(item, tuple) for item in log):
        return None
    return (int(row[RECORD_HEADER]) for item in log for row in item if row[1] == Kind.SAMPLE)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


class RecordingPlant:
    """Stands between a controller and its plant and writes a transcript.

    Parameters
    ----------
    plant : PlantSeam
        The plant.
    transcript : Transcript
        Where it is written.
    """

    def __init__(self, plant: PlantSeam, transcript: Transcript) -> None:
        self._plant = plant
        self._transcript = transcript

    def apply(self, events: Events) -> None:
        """Note event records and hand them on."""
        self._transcript.applied(events)
        self._plant.apply(events)

    def convert(self, event: Events) -> npt.NDArray[np.int64]:
        """Hand a conversion on and note its answer."""
        words = self._plant.convert(event)
        self._transcript.converted(event, words)
        return words


def difference(first: Transcript, second: Transcript) -> str | None:
    """Return a sentence that names the first difference of two transcripts, or None if they are equal.

    The pins come first: where controllers differ, the frames differ as a consequence.
    """
    for channel in reversed(_CHANNELS):
        ours, theirs = getattr(first, channel), getattr(second, channel)
        for index, (one, other) in enumerate(zip_longest(ours, theirs)):
            if one != other:
                before = "".join(f"\n    {_text(item)}" for item in ours[max(0, index - 3) : index])
                return (
                    f"{channel} differ at entry {index} (of {len(ours)} and {len(theirs)}):"
                    f"\n  first:  {_text(one)}\n  second: {_text(other)}\n  after:{before or ' nothing'}"
                )
    return None


def _text(item: Entry | bytes | None) -> str:
    if item is None:
        return "ends here"
    return item.hex(" ") if isinstance(item, bytes) else str(item)
