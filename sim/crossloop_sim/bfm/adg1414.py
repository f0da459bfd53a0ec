"""A chain of ADG1414 octal switches: eight bits each, the last device's byte first, applied when cs rises.

Sources: ADG1414 datasheet p8 (timing) and power-up state, Linux binding and driver (falling edge, chain order, reset opens all). In a byte
bit 7 is S8 and bit 0 is S1 (unverified), 1 is closed.
"""

from __future__ import annotations

from collections.abc import Mapping

from crossloop_sim.bfm.part import Minimum
from crossloop_sim.bfm.serial import SerialPart

_TIMING = "ADG1414 datasheet p8"

MINIMA: Mapping[str, Minimum] = {
    "sclk period": Minimum(20_000, "ds", _TIMING),
    "sclk high": Minimum(9_000, "ds", _TIMING),
    "sclk low": Minimum(9_000, "ds", _TIMING),
    "cs setup": Minimum(5_000, "ds", _TIMING),
    "cs hold": Minimum(5_000, "ds", _TIMING),
    "cs high": Minimum(15_000, "ds", _TIMING),
    "data setup": Minimum(5_000, "ds", _TIMING),
    "data hold": Minimum(5_000, "ds", _TIMING),
    "reset low": Minimum(15_000, "ds", _TIMING),
    "chain sclk period": Minimum(50_000, "der", "ADG1414 datasheet p8: SDO valid 40 ns, data setup 5 ns; 20 MHz"),
}
"""The last holds between the devices of a chain only."""

SWITCHES = 8


class Adg1414Chain(SerialPart):
    """Devices in a chain, device 0 next to the controller, with the pins cs, sclk, sdi and reset.

    Parameters
    ----------
    devices
        How many.
    minima, record
        As in `Part`.

    Changes: `switches` of a device, its byte; `sdo` of the last device.
    """

    def __init__(self, devices: int, minima: Mapping[str, Minimum] = MINIMA, *, record: bool = False) -> None:
        super().__init__("ADG1414", {"reset": 1}, minima, record=record)
        self.devices = devices
        self.shift = 0
        """The chain's register: device 0 has the byte that was shifted in last."""
        self.switches = [0] * devices
        """Closed switches of each device, S1 in bit 0."""

    def closed(self, switch: int) -> bool:
        """Whether a switch, counted from S1 of device 0, is closed."""
        return bool(self.switches[switch // SWITCHES] >> switch % SWITCHES & 1)

    def _sampled(self, bit: int) -> None:
        if self.devices > 1 and self.bits > 1:
            self.at_least("chain sclk period", self.last("sclk", 0))
        self.shift = (self.shift << 1 | bit) & ((1 << SWITCHES * self.devices) - 1)

    def _shifted_out(self) -> None:
        self.did("sdo", 0, self.shift >> (SWITCHES * self.devices - 1))

    def _deselected(self) -> None:
        self._apply([self.shift >> SWITCHES * device & 0xFF for device in range(self.devices)])

    def _controlled(self, pin: str, level: int) -> None:
        if level:
            self.at_least("reset low", self.last(pin, 0))
        else:
            self.shift = 0
            self._apply([0] * self.devices)

    def _apply(self, switches: list[int]) -> None:
        for device, (before, after) in enumerate(zip(self.switches, switches, strict=True)):
            if before != after:
                self.did("switches", device, after)
        self.switches = switches
