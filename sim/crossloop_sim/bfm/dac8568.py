"""DAC8568 and AD5668: eight 16-bit outputs from 0 V, one frame format.

Sources: TI DAC8568 datasheet (timing, AVDD 2.7..5.5 V), Linux ad5064.c and public drivers (commands). A frame is 32 bits, [31:28]
0 for the DAC8568, [27:24] command, [23:20] address, [19:4] data, [3:0] feature; a shorter one is dropped. The DAC8568 acts on
the 32nd falling clock edge, the AD5668 when cs rises after it.
"""

from __future__ import annotations

from collections.abc import Mapping

from crossloop_sim.bfm.part import Minimum
from crossloop_sim.bfm.serial import SerialPart

_TIMING = "DAC8568 datasheet, AVDD 2.7..5.5 V"

MINIMA: Mapping[str, Minimum] = {
    "sclk period": Minimum(20_000, "ds", _TIMING),
    "sclk high": Minimum(8_000, "ds", _TIMING),
    "sclk low": Minimum(8_000, "ds", _TIMING),
    "cs setup": Minimum(13_000, "ds", _TIMING),
    "cs hold": Minimum(10_000, "ds", _TIMING),
    "cs high": Minimum(80_000, "ds", _TIMING),
    "data setup": Minimum(6_000, "ds", _TIMING),
    "data hold": Minimum(4_000, "ds", _TIMING),
    "sclk fall to ldac fall": Minimum(40_000, "ds", _TIMING),
    "32nd sclk fall to ldac rise": Minimum(40_000, "ds", _TIMING),
    "ldac low": Minimum(80_000, "ds", _TIMING),
    "clr low": Minimum(80_000, "ds", _TIMING),
}
"""They cover the AD5668 too, whose own figures are unverified."""

CHANNELS = 8
ALL = 0xF
_BITS = 32
_EVERY = (1 << CHANNELS) - 1
_WRITE, _UPDATE, _WRITE_UPDATE_ALL, _WRITE_UPDATE, _POWER, _CLEAR_CODE, _LDAC_MASK, _RESET, _REFERENCE = range(9)
_CLEAR_CODES = (0x0000, 0x8000, 0xFFFF, None)
"""By the clear code's two bits; None: the pin does nothing. Unverified."""


class Dac8568(SerialPart):
    """One DAC8568 or AD5668 with the pins cs, sclk, sdi, ldac and clr.

    Parameters
    ----------
    acts_on_deselect
        As the AD5668 does.
    external_reference
        Whether there is one; without it the outputs are off until the internal reference is switched on.
    minima, record
        As in `Part`.

    Changes: `output` of a channel, its code, None while it is off.
    """

    def __init__(
        self,
        *,
        acts_on_deselect: bool = False,
        external_reference: bool = False,
        minima: Mapping[str, Minimum] = MINIMA,
        record: bool = False,
    ) -> None:
        name = "AD5668" if acts_on_deselect else "DAC8568"
        super().__init__(name, {"ldac": 1, "clr": 1}, minima, record=record)
        self._acts_on_deselect = acts_on_deselect
        self._external_reference = external_reference
        self._frame = 0
        self._completed_ps: int | None = None
        self._outputs: list[int | None] = [None] * CHANNELS
        self.inputs, self.codes = [0] * CHANNELS, [0] * CHANNELS
        self.down = 0
        """Channels that are powered down."""
        self.waiting = _EVERY
        """Channels that wait for LDAC."""
        self.clear_code = 0
        self.reference = False
        """Whether the internal reference is on."""

    @property
    def outputs(self) -> tuple[int | None, ...]:
        """Code of each channel; None while it is powered down or has no reference."""
        return tuple(self._outputs)

    def volts(self, channel: int, v_reference_v: float = 2.5) -> float | None:
        """Voltage of a channel: the output stage doubles the reference."""
        code = self._outputs[channel]
        return None if code is None else 2 * v_reference_v * code / 65536

    def _selected(self) -> None:
        self._frame = 0

    def _sampled(self, bit: int) -> None:
        if self.bits > _BITS:
            return
        self._frame = self._frame << 1 | bit
        if self.bits == _BITS:
            self._completed_ps = self.now_ps
            if not self._acts_on_deselect:
                self._act()

    def _deselected(self) -> None:
        if self._acts_on_deselect and self.bits >= _BITS:
            self._act()

    def _controlled(self, pin: str, level: int) -> None:
        if level:
            self.at_least(f"{pin} low", self.last(pin, 0))
            if pin == "ldac":
                self.at_least("32nd sclk fall to ldac rise", self._completed_ps)
        elif pin == "ldac":
            self.at_least("sclk fall to ldac fall", self.sampled_ps)
            self._update(self.waiting)
        else:
            code = _CLEAR_CODES[self.clear_code]
            if code is not None:
                self.inputs = [code] * CHANNELS
                self.codes = [code] * CHANNELS
        self._show()

    def _reset(self) -> None:
        self.inputs, self.codes = [0] * CHANNELS, [0] * CHANNELS
        self.down, self.waiting, self.clear_code, self.reference = 0, _EVERY, 0, False

    def _act(self) -> None:
        if self._frame >> 31 and not self._acts_on_deselect:
            self.forbid("bit 31 of a frame is 1")
            return
        command, address, data = self._frame >> 24 & 0xF, self._frame >> 20 & 0xF, self._frame >> 4 & 0xFFFF
        chosen = _EVERY if address == ALL else 1 << address if address < CHANNELS else 0
        if command in {_WRITE, _WRITE_UPDATE_ALL, _WRITE_UPDATE}:
            for channel in range(CHANNELS):
                if chosen >> channel & 1:
                    self.inputs[channel] = data
        if command == _WRITE:
            self._update(chosen if not self.levels["ldac"] else chosen & ~self.waiting)
        elif command in {_UPDATE, _WRITE_UPDATE}:
            self._update(chosen)
        elif command == _WRITE_UPDATE_ALL:
            self._update(_EVERY)
        elif command == _POWER:
            mask = self._frame & 0xFF
            self.down = self.down | mask if self._frame >> 8 & 3 else self.down & ~mask
        elif command == _CLEAR_CODE:
            self.clear_code = self._frame & 3
        elif command == _LDAC_MASK:
            self.waiting = ~self._frame & 0xFF
        elif command == _RESET:
            self._reset()
        elif command == _REFERENCE:
            self.reference = bool(self._frame & 1)
        self._show()

    def _update(self, chosen: int) -> None:
        for channel in range(CHANNELS):
            if chosen >> channel & 1:
                self.codes[channel] = self.inputs[channel]

    def _show(self) -> None:
        supplied = self.reference or self._external_reference
        for channel, code in enumerate(self.codes):
            output = None if self.down >> channel & 1 or not supplied else code
            if output != self._outputs[channel]:
                self._outputs[channel] = output
                self.did("output", channel, output)
