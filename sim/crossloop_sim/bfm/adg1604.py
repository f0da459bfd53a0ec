"""ADG1604: one of four switches chosen by a1 and a0, all open while en is low.

Sources: ADG1604 datasheet (function); its switching times were in no page read, so a quad switch of the family at +-15 V (ADG411,
tOFF 145 ns at most) stands in for the time that a connection may last after en falls. Breaking before making within the part is in the
datasheet of the ADG804 with the same pins; the table does not count on it.
"""

from __future__ import annotations

from collections.abc import Mapping

from crossloop_sim.bfm.part import Minimum, Part

_SKEW = "no figure known; room for unequal wires"

MINIMA: Mapping[str, Minimum] = {
    "en fall to address": Minimum(1_000, "?", _SKEW),
    "en low between connections": Minimum(145_000, "?", "ADG411 tOFF max stands in: break before make"),
    "address to en rise": Minimum(1_000, "?", _SKEW),
}


class Adg1604(Part):
    """One multiplexer with the pins a0, a1 and en.

    Changes: `closed`, the switch 0 to 3 that is closed, None for none.
    """

    def __init__(self, minima: Mapping[str, Minimum] = MINIMA, *, record: bool = False) -> None:
        super().__init__("ADG1604", {"a0": 0, "a1": 0, "en": 0}, minima, record=record)
        self.closed: int | None = None
        self._before: int | None = None

    @property
    def address(self) -> int:
        """The switch that a1 and a0 choose."""
        return self.levels["a1"] << 1 | self.levels["a0"]

    def _changed(self, pin: str, level: int) -> None:
        if pin == "en":
            self._enable(level)
        elif self.levels["en"]:
            self.forbid("address changes while enabled")
            self._close(self.address)
        else:
            self.at_least("en fall to address", self.last("en", 0))

    def _enable(self, level: int) -> None:
        if level:
            self.at_least("address to en rise", self.last_change("a0", "a1"))
            if self._before not in {None, self.address}:
                self.at_least("en low between connections", self.last("en", 0))
        else:
            self._before = self.closed
        self._close(self.address if level else None)

    def _close(self, switch: int | None) -> None:
        if switch != self.closed:
            self.closed = switch
            self.did("closed", 0, switch)
