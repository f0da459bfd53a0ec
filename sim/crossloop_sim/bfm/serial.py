"""The serial side of the parts that take frames: selected by a low pin, data taken on the falling clock edge."""

from __future__ import annotations

from collections.abc import Mapping

from crossloop_sim.bfm.part import Minimum, Part

SERIAL_MINIMA = (
    "sclk period",
    "sclk high",
    "sclk low",
    "cs setup",
    "data setup",
    "data hold",
    "cs hold",
    "cs high",
)
"""What every table of a `SerialPart` has: cs setup from select to the first falling edge, cs hold from the last one to deselect."""


class SerialPart(Part):
    """A part with the pins cs, sclk and sdi; others are its own.

    Parameters
    ----------
    name, minima, record
        As in `Part`.
    controls
        The part's other pins with their levels before the first edge.
    """

    def __init__(
        self, name: str, controls: Mapping[str, int], minima: Mapping[str, Minimum], *, record: bool = False
    ) -> None:
        super().__init__(name, {"cs": 1, "sclk": 0, "sdi": 0, **controls}, minima, record=record)
        self.bits = 0
        """Falling clock edges since the part was selected."""
        self.sampled_ps: int | None = None
        """When data was taken last."""

    def _changed(self, pin: str, level: int) -> None:
        if pin == "cs":
            self._select_edge(level)
        elif pin == "sclk":
            if not self.levels["cs"]:
                self._clock_edge(level)
        elif pin == "sdi":
            self.at_least("data hold", self.sampled_ps)
        else:
            self._controlled(pin, level)

    def _select_edge(self, level: int) -> None:
        if level:
            if self.bits:
                self.at_least("cs hold", self.sampled_ps)
            self._deselected()
        else:
            self.at_least("cs high", self.last("cs", 1))
            self.bits = 0
            self._selected()

    def _clock_edge(self, level: int) -> None:
        self.at_least("sclk period", self.last("sclk", level))
        self.at_least("sclk low" if level else "sclk high", self.last("sclk", 1 - level))
        if level:
            self._shifted_out()
            return
        if not self.bits:
            self.at_least("cs setup", self.last("cs", 0))
        self.at_least("data setup", self.last_change("sdi"))
        self.sampled_ps = self.now_ps
        self.bits += 1
        self._sampled(self.levels["sdi"])

    def _selected(self) -> None:
        """Begin a frame."""

    def _sampled(self, bit: int) -> None:
        """Take the bit on a falling clock edge; `bits` counts it already."""
        raise NotImplementedError

    def _shifted_out(self) -> None:
        """Put out the next bit: the rising clock edge."""

    def _deselected(self) -> None:
        """End a frame of `bits` bits."""

    def _controlled(self, pin: str, level: int) -> None:
        """Take the edge of one of the part's own pins."""
        raise NotImplementedError
