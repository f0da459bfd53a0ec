"""DAC81416: sixteen 16-bit outputs with a range each.

Sources: TI SLASEO0B (registers, toggle mode, frame errors, pins) and SLASER3A (DAC81408: timing, stand-alone operation), three public
drivers; DAC81404 for the strobes. A frame is 24 bits, [23] read, [21:16] address, [15:0] data; fewer are ignored, of more the first 24
count. With CRC-EN it is 32 bits, the last eight the CRC-8 (0x07, from 0) of the rest.

The toggle pins are left out: in which order the registers A and B are loaded was in no page read, so choosing them is a violation.
"""

from __future__ import annotations

from collections.abc import Mapping

from crossloop_sim.bfm.part import Minimum
from crossloop_sim.bfm.serial import SerialPart

_TIMING = "DAC81408 SLASER3A, VIO 2.7..5.5 V"
_LOW = "DAC81408 SLASER3A, VIO 1.7..2.7 V"
_SIBLING = "DAC81404 at low VIO"

MINIMA: Mapping[str, Minimum] = {
    "sclk period": Minimum(20_000, "ds", _TIMING),
    "sclk high": Minimum(10_000, "ds", _TIMING),
    "sclk low": Minimum(10_000, "ds", _TIMING),
    "read sclk period": Minimum(50_000, "ds", _TIMING),
    "cs setup": Minimum(15_000, "ds", _TIMING),
    "cs hold": Minimum(5_000, "ds", _TIMING),
    "cs high": Minimum(25_000, "ds", _TIMING),
    "data setup": Minimum(5_000, "ds", _TIMING),
    "data hold": Minimum(5_000, "ds", _TIMING),
    "update wait": Minimum(2_400_000, "ds", "DAC81408 SLASER3A, tDACWAIT; taken for buffered writes as well"),
    "broadcast wait": Minimum(4_000_000, "ds", "DAC81408 SLASER3A, tBCASTWAIT"),
    "ldac low": Minimum(20_000, "?", _SIBLING),
    "clr low": Minimum(20_000, "?", _SIBLING),
    "reset low": Minimum(20_000, "?", _SIBLING),
    "cs high to ldac": Minimum(80_000, "?", _SIBLING),
}
"""With the interface supplied from 2.7 V to 5.5 V."""

LOW_SUPPLY_MINIMA: Mapping[str, Minimum] = {
    **MINIMA,
    "sclk period": Minimum(40_000, "ds", _LOW),
    "sclk high": Minimum(20_000, "ds", _LOW),
    "sclk low": Minimum(20_000, "ds", _LOW),
    "read sclk period": Minimum(66_667, "ds", _LOW),
    "cs setup": Minimum(30_000, "ds", _LOW),
    "cs hold": Minimum(10_000, "ds", _LOW),
    "cs high": Minimum(50_000, "ds", _LOW),
    "data setup": Minimum(10_000, "ds", _LOW),
    "data hold": Minimum(10_000, "ds", _LOW),
}
"""With the interface supplied from 1.7 V to 2.7 V."""

CHANNELS = 16
RANGES_V = {
    0x0: (0.0, 5.0),
    0x1: (0.0, 10.0),
    0x2: (0.0, 20.0),
    0x4: (0.0, 40.0),
    0x9: (-5.0, 5.0),
    0xA: (-10.0, 10.0),
    0xC: (-20.0, 20.0),
    0xE: (-2.5, 2.5),
}
"""Lowest and highest voltage by range nibble; two public drivers agree."""

_SPICONFIG, _GENCONFIG, _BRDCONFIG, _SYNCCONFIG = 0x03, 0x04, 0x05, 0x06
_TOGGCONFIG = (0x07, 0x08)
_DACPWDWN, _DACRANGE0, _TRIGGER, _BRDCAST, _DAC0 = 0x09, 0x0A, 0x0E, 0x0F, 0x10
_RESET = {_SPICONFIG: 0x0AA4, _GENCONFIG: 0x7F00, _BRDCONFIG: 0xFFFF, _DACPWDWN: 0xFFFF}
"""Registers that are not 0 after reset. SPICONFIG is from the bit table; the other three are unverified."""
_SDO_EN, _CRC_EN, _DEV_PWDWN = 1 << 2, 1 << 4, 1 << 5
_REFERENCE_OFF = 1 << 14
_TRIGGER_LDAC, _TRIGGER_RESET = 1 << 4, 0xA


def crc8(value: int, bits: int) -> int:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1 from 0, most significant bit first."""
    crc = 0
    for place in reversed(range(bits)):
        crc = (crc << 1) ^ (0x107 if (crc >> 7 ^ value >> place) & 1 else 0)
    return crc & 0xFF


class Dac81416(SerialPart):
    """One DAC81416 with the pins cs, sclk, sdi, ldac, clr and reset.

    Parameters
    ----------
    minima, record
        As in `Part`.
    external_reference
        Whether there is one; without it the outputs are off until GENCONFIG switches the internal reference on.

    Changes: `output` of a channel, its code, None while it is off; `sdo`.
    """

    def __init__(
        self, minima: Mapping[str, Minimum] = MINIMA, *, external_reference: bool = False, record: bool = False
    ) -> None:
        super().__init__("DAC81416", {"ldac": 1, "clr": 1, "reset": 1}, minima, record=record)
        self._external_reference = external_reference
        self.registers = dict(_RESET)
        self.buffers = [0] * CHANNELS
        self.codes = [0] * CHANNELS
        """Code of each channel, whether it is powered or not."""
        self._outputs: list[int | None] = [None] * CHANNELS
        self._frame = 0
        self._answer: int | None = None
        self._answering = False
        self._wrote_ps: int | None = None
        self._updated_ps: int | None = None
        self._broadcast_ps: int | None = None

    @property
    def outputs(self) -> tuple[int | None, ...]:
        """Code of each channel; None while it, the chip or the reference is powered down."""
        return tuple(self._outputs)

    def volts(self, channel: int) -> float | None:
        """Voltage of a channel; None while it is off."""
        code = self._outputs[channel]
        if code is None:
            return None
        low, high = RANGES_V[self.range_of(channel)]
        return low + (high - low) * code / 65536

    def range_of(self, channel: int) -> int:
        """Range nibble of a channel: DACRANGE0 has channels 15 to 12."""
        return self.registers.get(_DACRANGE0 + 3 - channel // 4, 0) >> 4 * (channel % 4) & 0xF

    def _selected(self) -> None:
        self._frame = 0
        self._answering = self._answer is not None

    def _sampled(self, bit: int) -> None:
        if self.bits <= self._length:
            self._frame = self._frame << 1 | bit
        if self._answering and self.bits > 1:
            self.at_least("read sclk period", self.last("sclk", 0))

    def _shifted_out(self) -> None:
        if self._answering and self._answer is not None and self.bits < self._length:
            self.did("sdo", 0, self._answer >> (self._length - 1 - self.bits) & 1)

    def _deselected(self) -> None:
        if self._answering:
            self.did("sdo", 0, None)
            self._answer, self._answering = None, False
        if self.bits < self._length:
            return
        frame = self._frame
        if self._length == 32:
            if crc8(frame >> 8, 24) != frame & 0xFF:
                return
            frame >>= 8
        address, data = frame >> 16 & 0x3F, frame & 0xFFFF
        if frame >> 23:
            self._read(frame, address)
        else:
            self._write(address, data)
        self._show()

    def _controlled(self, pin: str, level: int) -> None:
        if level:
            self.at_least(f"{pin} low", self.last(pin, 0))
        elif pin == "ldac":
            self.at_least("cs high to ldac", self.last("cs", 1))
            self._load()
        elif pin == "clr":
            for channel in range(CHANNELS):
                self.buffers[channel] = self.codes[channel] = self._clear_code(channel)
        else:
            self._reset()
        self._show()

    @property
    def _length(self) -> int:
        return 32 if self.registers[_SPICONFIG] & _CRC_EN else 24

    def _reset(self) -> None:
        self.registers = dict(_RESET)
        self.buffers = [0] * CHANNELS
        self.codes = [0] * CHANNELS

    def _clear_code(self, channel: int) -> int:
        low, _high = RANGES_V.get(self.range_of(channel), (0.0, 0.0))
        return 0x8000 if low < 0 else 0

    def _read(self, frame: int, address: int) -> None:
        if not self.registers[_SPICONFIG] & _SDO_EN:
            return
        data = self.buffers[address - _DAC0] if _DAC0 <= address < _DAC0 + CHANNELS else self.registers.get(address, 0)
        echo = frame & 0xFF0000 | data
        self._answer = echo << 8 | crc8(echo, 24) if self._length == 32 else echo

    def _write(self, address: int, data: int) -> None:
        if _DAC0 <= address < _DAC0 + CHANNELS:
            self._wait(self._wrote_ps)
            self._wrote_ps = self.now_ps
            self._take(address - _DAC0, data)
        elif address == _BRDCAST:
            self._wait(self._wrote_ps)
            self._broadcast_ps = self.now_ps
            for channel in range(CHANNELS):
                if self.registers[_BRDCONFIG] >> channel & 1:
                    self._take(channel, data)
        elif address == _TRIGGER:
            if data & 0xF == _TRIGGER_RESET:
                self._reset()
            elif data & _TRIGGER_LDAC:
                self._load()
        elif address < _BRDCAST:
            self.registers[address] = data
            if address in _TOGGCONFIG and data:
                self.forbid("toggle mode, whose load sequence is not known")
            if address >= _DACRANGE0:
                self._check_ranges(data)

    def _check_ranges(self, data: int) -> None:
        for place in range(4):
            if data >> 4 * place & 0xF not in RANGES_V:
                self.forbid(f"range {data >> 4 * place & 0xF:X}, which is none")

    def _take(self, channel: int, data: int) -> None:
        self.buffers[channel] = data
        waits = self.registers.get(_SYNCCONFIG, 0) >> channel & 1
        if not waits or not self.levels["ldac"]:
            self.codes[channel] = data
            self._updated_ps = self.now_ps

    def _load(self) -> None:
        waiting = self.registers.get(_SYNCCONFIG, 0)
        if waiting:
            self._wait(self._updated_ps)
            self._updated_ps = self.now_ps
        for channel in range(CHANNELS):
            if waiting >> channel & 1:
                self.codes[channel] = self.buffers[channel]

    def _wait(self, since_ps: int | None) -> None:
        self.at_least("update wait", since_ps)
        self.at_least("broadcast wait", self._broadcast_ps)

    def _show(self) -> None:
        referenced = self._external_reference or not self.registers[_GENCONFIG] & _REFERENCE_OFF
        awake = referenced and not self.registers[_SPICONFIG] & _DEV_PWDWN
        down = self.registers[_DACPWDWN] if awake else 0xFFFF
        for channel, code in enumerate(self.codes):
            output = None if down >> channel & 1 else code
            if output != self._outputs[channel]:
                self._outputs[channel] = output
                self.did("output", channel, output)
