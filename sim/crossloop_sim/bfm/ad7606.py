"""AD7606, AD7606B and ADS8588H: eight inputs sampled at one instant, read over one or two lines.

Sources: AD7606/AD7607 datasheet p28, Linux binding and driver, public drivers, TI SBAS843A (ADS8588H: the same pins and style of
reading, with its timing published). convst rising samples; busy is high until all eight are done; results are latched when it falls.
cs low puts the first bit on douta and doutb, every rising clock edge the next one; they are taken on falling edges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crossloop_sim.bfm.part import Minimum, Part

_TI = "ADS8588H SBAS843A"

_COMMON: Mapping[str, Minimum] = {
    "convst low": Minimum(25_000, "drv", "notes of a public driver; ADS8588H the same"),
    "convst high": Minimum(25_000, "ds", _TI),
    "reset fall to convst": Minimum(25_000, "ds", _TI),
    "busy fall to convst": Minimum(700_000, "ds", f"{_TI}: acquisition"),
    "cs high to convst": Minimum(10_000, "ds", _TI),
    "convst to cs fall": Minimum(10_000, "ds", f"{_TI}: reading in a conversion"),
    "cs high to busy fall": Minimum(40_000, "ds", f"{_TI}: reading in a conversion"),
    "cs setup": Minimum(8_000, "ds", _TI),
    "cs hold": Minimum(10_000, "ds", _TI),
}

AD7606_MINIMA: Mapping[str, Minimum] = {
    **_COMMON,
    "reset high": Minimum(100_000, "krn", "Linux ad7606"),
    "sclk period": Minimum(58_824, "?", "17 MHz at VDRIVE 3.3 V; 23.5 MHz above 4.75 V is from the Linux binding"),
    "sclk high": Minimum(26_471, "?", f"45 % of the period, as {_TI}"),
    "sclk low": Minimum(26_471, "?", f"45 % of the period, as {_TI}"),
    "convst period": Minimum(5_000_000, "ds", "200 kSPS"),
}
AD7606B_MINIMA: Mapping[str, Minimum] = {**AD7606_MINIMA, "convst period": Minimum(1_250_000, "ds", "800 kSPS")}
ADS8588H_MINIMA: Mapping[str, Minimum] = {
    **_COMMON,
    "reset high": Minimum(50_000, "ds", _TI),
    "sclk period": Minimum(20_000, "ds", _TI),
    "sclk high": Minimum(9_000, "ds", f"{_TI}: 45 % of the period"),
    "sclk low": Minimum(9_000, "ds", f"{_TI}: 45 % of the period"),
    "convst period": Minimum(2_000_000, "ds", "500 kSPS"),
}

AD7606_CONVERSION_PS = (4_000_000, 9_000_000, 19_000_000, 39_000_000, 79_000_000, 159_000_000, 319_000_000)
"""How long busy is high, by oversampling pins: the first four from AD7607 p28 (x2 about), the others continued at 5 us a sample."""
AD7606B_CONVERSION_PS = (1_000_000, 3_000_000, 5_000_000, 10_000_000, 20_000_000, 41_000_000, 81_000_000)
"""What ADI's driver waits."""

CHANNELS = 8
BITS = 16
DOUT_PS = 27_000
"""From cs fall or the rising clock edge to the new bit. The ADS8588H holds the old one for 7 ns; the rest is unverified."""
BUSY_PS = 45_000
"""From convst to busy. Unverified."""


@dataclass
class Inputs:
    """Input voltages behind the part's first-order filter.

    Parameters
    ----------
    corner_hz
        15 kHz in the range of 5 V, 23 kHz in that of 10 V (notes of a public driver); None for no filter.
    """

    corner_hz: float | None = 15e3
    _steps: dict[int, tuple[int, float, float]] = field(default_factory=dict)

    def step(self, channel: int, time_ps: int, volts: float) -> None:
        """Put a voltage on an input from `time_ps` on."""
        self._steps[channel] = (time_ps, self(channel, time_ps), volts)

    def __call__(self, channel: int, time_ps: int) -> float:
        """Voltage that the converter sees."""
        since_ps, before_v, after_v = self._steps.get(channel, (0, 0.0, 0.0))
        if self.corner_hz is None:
            return after_v
        left = math.exp(-2e-12 * math.pi * self.corner_hz * (time_ps - since_ps))
        return after_v + (before_v - after_v) * left


class Ad7606(Part):
    """One converter with the pins convst, reset, cs, sclk, range, os0, os1 and os2, without its software mode.

    Parameters
    ----------
    inputs
        Voltage of a channel at a time in ps.
    minima, conversion_ps
        Which of the parts it is.
    dout_ps, busy_ps
        Delays of its outputs.
    record
        As in `Part`.

    Changes: `busy`, `douta`, `doutb`, `frstdata`; `sample` of a channel with its code.
    """

    def __init__(
        self,
        inputs: Callable[[int, int], float],
        minima: Mapping[str, Minimum] = AD7606_MINIMA,
        conversion_ps: tuple[int, ...] = AD7606_CONVERSION_PS,
        *,
        dout_ps: int = DOUT_PS,
        busy_ps: int = BUSY_PS,
        record: bool = False,
    ) -> None:
        pins = {"convst": 0, "reset": 0, "cs": 1, "sclk": 1, "range": 0, "os0": 0, "os1": 0, "os2": 0}
        super().__init__("AD7606", pins, minima, record=record)
        self.inputs = inputs
        self.conversion_ps = conversion_ps
        self.results = [0] * CHANNELS
        """What can be read, two's complement in 16 bits."""
        self.was_reset = False
        self.conversions = 0
        self.busy_until_ps: int | None = None
        """When the conversion that runs will be done."""
        self._dout_ps, self._busy_ps = dout_ps, busy_ps
        self._samples = [0] * CHANNELS
        self._place = 0
        self._started_ps: int | None = None
        self._busy_fell_ps: int | None = None
        self._clocks = 0

    @property
    def busy(self) -> int:
        """Whether a conversion runs."""
        return int(self.busy_until_ps is not None)

    @property
    def range_v(self) -> float:
        """Half of the span."""
        return 10.0 if self.levels["range"] else 5.0

    def advance(self, time_ps: int) -> None:
        """Let time pass; a conversion may end meanwhile."""
        if self.busy_until_ps is not None and self.busy_until_ps <= time_ps:
            super().advance(self.busy_until_ps)
            self._finish()
        super().advance(time_ps)

    def _changed(self, pin: str, level: int) -> None:
        getattr(self, f"_{pin}", self._strapped)(level)

    def _strapped(self, _level: int) -> None:
        if self.busy:
            self.forbid("range or oversampling changes in a conversion")

    def _reset(self, level: int) -> None:
        if not level:
            self.at_least("reset high", self.last("reset", 1))
            self.was_reset = True
            return
        if self.busy:
            self.did("busy", 0, 0)
        self.busy_until_ps = None
        self.results = [0] * CHANNELS
        self._place = 0

    def _convst(self, level: int) -> None:
        if not level:
            self.at_least("convst high", self.last("convst", 1))
            return
        self.at_least("convst low", self.last("convst", 0))
        if self.busy:
            self.forbid("convst rises while busy")
            return
        self.at_least("convst period", self._started_ps)
        self.at_least("reset fall to convst", self.last("reset", 0))
        self.at_least("busy fall to convst", self._busy_fell_ps)
        if not self.levels["cs"]:
            self.forbid("convst rises while selected")
        self.at_least("cs high to convst", self.last("cs", 1))
        if not self.was_reset:
            self.forbid("convst before the reset after power-up")
        self._started_ps = self.now_ps
        oversampling = self.levels["os2"] << 2 | self.levels["os1"] << 1 | self.levels["os0"]
        if oversampling >= len(self.conversion_ps):
            self.forbid("oversampling pins at 7")
            return
        self.busy_until_ps = self.now_ps + self._busy_ps + self.conversion_ps[oversampling]
        self.did("busy", 0, 1, after_ps=self._busy_ps)
        self._samples = [self._convert(channel) for channel in range(CHANNELS)]

    def _convert(self, channel: int) -> int:
        lsb_v = self.range_v / (1 << (BITS - 1))
        code = math.floor(self.inputs(channel, self.now_ps) / lsb_v + 0.5)
        code = min(max(code, -(1 << (BITS - 1))), (1 << (BITS - 1)) - 1)
        self.did("sample", channel, code)
        return code & 0xFFFF

    def _finish(self) -> None:
        if not self.levels["cs"]:
            self.forbid("selected when busy falls")
        else:
            self.at_least("cs high to busy fall", self.last("cs", 1))
        self.busy_until_ps = None
        self._busy_fell_ps = self.now_ps
        self.results = self._samples
        self._place = 0
        self.conversions += 1
        self.did("busy", 0, 0)

    def _cs(self, level: int) -> None:
        if level:
            if self._clocks:
                self.at_least("cs hold", self.last_change("sclk"))
            if self._place % BITS:
                self.forbid(f"deselected {self._place % BITS} bits into a word")
            self.did("douta", 0, None)
            self.did("doutb", 0, None)
            return
        if self.busy:
            self.at_least("convst to cs fall", self._started_ps)
        self._clocks = 0
        self._put_out()

    def _sclk(self, level: int) -> None:
        if self.levels["cs"]:
            return
        self.at_least("sclk period", self.last("sclk", level))
        self.at_least("sclk low" if level else "sclk high", self.last("sclk", 1 - level))
        if not self._clocks:
            self.at_least("cs setup", self.last("cs", 0))
        self._clocks += 1
        if level:
            self._place = (self._place + 1) % (CHANNELS * BITS)
            self._put_out()

    def _put_out(self) -> None:
        channel, bit = divmod(self._place, BITS)
        for line, first in (("douta", 0), ("doutb", CHANNELS // 2)):
            word = self.results[(channel + first) % CHANNELS]
            self.did(line, 0, word >> (BITS - 1 - bit) & 1, after_ps=self._dout_ps)
        self.did("frstdata", 0, int(channel == 0), after_ps=self._dout_ps)
