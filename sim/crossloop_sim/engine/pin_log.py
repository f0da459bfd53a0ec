"""What the pins of a front end did, as edges in picoseconds or as a VCD file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from crossloop.protocol.parts.spi import PS_PER_S


class PinLog:
    """Changes of pins, in order.

    Parameters
    ----------
    widths : mapping
        Wires of each pin, by name, in the order of the probe.
    clock_hz : int
        Clock of the design.
    """

    def __init__(self, widths: Mapping[str, int], clock_hz: int) -> None:
        self.names = [
            name if width == 1 else f"{name}[{wire}]" for name, width in widths.items() for wire in range(width)
        ]
        """Wires, lowest bit of the probe first; those of a pin with several are `name[0]`, `name[1]`, ..."""
        self._clock_hz = clock_hz
        self._changes: list[tuple[int, int]] = []

    def take(self, probes: npt.NDArray[np.uint64]) -> None:
        """Take values of the probe, shape (n, 1 + words): cycle, value."""
        for cycle, *words in probes.tolist():
            value = sum(word << 64 * place for place, word in enumerate(words))
            if not self._changes or value != self._changes[-1][1]:
                self._changes.append((cycle, value))

    def time_ps(self, cycle: int) -> int:
        """Return the time of a cycle's first moment in picoseconds."""
        return cycle * PS_PER_S // self._clock_hz

    def edges(self) -> Iterator[tuple[str, int, int]]:
        """Yield wire, time in picoseconds, level; the first value of every wire counts as an edge."""
        before = -1
        for cycle, value in self._changes:
            time_ps = self.time_ps(cycle)
            changed = value ^ before if before >= 0 else (1 << len(self.names)) - 1
            while changed:
                wire = (changed & -changed).bit_length() - 1
                changed &= changed - 1
                yield self.names[wire], time_ps, value >> wire & 1
            before = value

    def write_vcd(self, path: Path) -> None:
        """Write a value change dump with one wire per pin."""
        short = {name: _identifier(place) for place, name in enumerate(self.names)}
        lines = ["$timescale 1 ps $end", "$scope module pins $end"]
        # Brackets would make a bus of a wire.
        lines += [f"$var wire 1 {short[name]} {name.replace('[', '_').rstrip(']')} $end" for name in self.names]
        lines += ["$upscope $end", "$enddefinitions $end"]
        now = -1
        for name, time_ps, level in self.edges():
            if time_ps != now:
                lines.append(f"#{time_ps}")
                now = time_ps
            lines.append(f"{level}{short[name]}")
        path.write_text("\n".join(lines) + "\n")


def _identifier(place: int) -> str:
    """Return the short name of a VCD variable: printable characters, from `!` on."""
    text = ""
    while True:
        place, digit = divmod(place, 94)
        text += chr(33 + digit)
        if not place:
            return text
