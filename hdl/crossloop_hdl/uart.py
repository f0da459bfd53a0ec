"""Asynchronous serial receiver and transmitter: 8 data bits, least significant first, no parity, one stop bit."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

DIVISOR_MIN = 4
"""Fewest clock cycles per bit: the start edge is seen up to one cycle late, which must stay inside half a bit."""

_FRAME_BITS = 10
"""Start bit, eight data bits, stop bit."""


def _checked(divisor: int) -> int:
    if divisor < DIVISOR_MIN:
        raise ValueError(
            f"UART divisor must be at least {DIVISOR_MIN} cycles per bit, not {divisor}; lower the baud rate or raise the clock"
        )
    return divisor


class UartReceiver(wiring.Component):
    """Samples each bit once, in its middle.

    A byte whose stop bit is low (framing error or break) is dropped, and the receiver waits for the line to rest before
    it looks for the next start bit.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit, at least DIVISOR_MIN.
    """

    def __init__(self, *, divisor: int) -> None:
        self._divisor = _checked(divisor)
        super().__init__(
            {
                "pin": In(1, init=1),
                "o": Out(stream.Signature(8, always_ready=True)),
                "framing_error": Out(1),
            }
        )

    @property
    def divisor(self) -> int:
        """Clock cycles per bit."""
        return self._divisor

    def elaborate(self, platform: Any) -> Module:
        """Return synchroniser, bit timer and shift register."""
        m = Module()
        pin = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.pin, pin, init=1)

        timer = Signal(range(self._divisor + self._divisor // 2))
        bits = Signal(_FRAME_BITS)
        """Bits received, newest on top; a one that was put on top reaches the bottom with the stop bit."""
        whole = Cat(bits[1:], pin)

        m.d.sync += [self.o.valid.eq(0), self.framing_error.eq(0)]
        with m.FSM():
            with m.State("REST"):
                with m.If(~pin):
                    # One cycle of the start bit is gone already.
                    m.d.sync += [timer.eq(self._divisor // 2 - 1), bits.eq(1 << (_FRAME_BITS - 1))]
                    m.next = "BITS"
            with m.State("BITS"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self._divisor - 1), bits.eq(whole)]
                    with m.If(bits[0]):
                        m.d.sync += [self.o.payload.eq(whole[1:9]), self.o.valid.eq(pin), self.framing_error.eq(~pin)]
                        m.next = "BREAK"
                        with m.If(pin):
                            m.next = "REST"
                    with m.Elif(bits[_FRAME_BITS - 1] & ~bits[: _FRAME_BITS - 1].any() & pin):
                        # The start bit was over before its middle: a glitch.
                        m.next = "REST"
            with m.State("BREAK"):
                with m.If(pin):
                    m.next = "REST"
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes; the pin is a register.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit, at least DIVISOR_MIN.
    """

    def __init__(self, *, divisor: int) -> None:
        self._divisor = _checked(divisor)
        super().__init__({"i": In(stream.Signature(8)), "pin": Out(1, init=1)})

    @property
    def divisor(self) -> int:
        """Clock cycles per bit."""
        return self._divisor

    def elaborate(self, platform: Any) -> Module:
        """Return bit timer and shift register."""
        m = Module()
        timer = Signal(range(self._divisor))
        bits = Signal(_FRAME_BITS - 1)
        """Bits still to send after the one on the pin; 0 when the stop bit is on it."""
        idle = Signal()
        m.d.comb += [idle.eq((bits == 0) & (timer == 0)), self.i.ready.eq(idle)]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(~idle):
            m.d.sync += [self.pin.eq(bits[0]), bits.eq(bits >> 1), timer.eq(self._divisor - 1)]
        with m.Elif(self.i.valid):
            m.d.sync += [self.pin.eq(0), bits.eq(Cat(self.i.payload, 1)), timer.eq(self._divisor - 1)]
        return m
