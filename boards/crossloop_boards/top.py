"""The top of a board: clock, serial pins, controller, front end, and the flip-flops in its pins."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module, Value
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In

from crossloop.protocol.parameters import Parameters
from crossloop_boards.board import Board
from crossloop_boards.clocking import ClockGenerator
from crossloop_boards.wiring import RESOURCE
from crossloop_hdl.controller import controller

OWN = frozenset({"uart_rx", "uart_tx", "running", "tripped", "emergency_stop", "compliance"})
"""Members of a controller that are no front-end pins."""
LED_MEMBERS = ("running", "tripped")
"""What the board's LEDs show."""
TIMED = ("_enable", "_address_low", "_address_high", "_gates")
"""Ends of the names of pins that make pulses: their last flip-flop sits in the pin, so every edge leaves with the clock."""


def front_end_pins(component: Any) -> dict[str, tuple[str, int]]:
    """Return direction ("i" or "o") and width of every front-end pin of a controller, by flat name."""
    pins = {}
    for path, member, value in component.signature.flatten(component):
        name = "__".join(str(part) for part in path)
        if name not in OWN:
            pins[name] = ("i" if member.flow is In else "o", len(Value.cast(value)))
    return pins


class BoardTop(Elaboratable):
    """A controller on a board.

    Parameters
    ----------
    board : Board
        Where it goes.
    front_end : str
        Which of the board's.
    parameters : Parameters
        The controller's build.
    baud : int
        Of the serial line.
    """

    _MustUse__silence = True  # a mistake in a board file may end a build before this is used

    def __init__(self, board: Board, front_end: str, parameters: Parameters, baud: int) -> None:
        self._board = board
        wired = board.front_ends[front_end]
        make = wired.controller or controller
        self.controller: wiring.Component = make(parameters, board.divisor(baud))
        """The component whose pins are wired."""
        self.controller._MustUse__silence = True  # noqa: SLF001 - as above
        self.pins = front_end_pins(self.controller) if wired.pins else {}
        """Direction and width of the front-end pins that want a place; none for a front end inside the FPGA."""
        leds = {
            name: f"{led}_{at}__io"
            for at, (name, led) in enumerate(zip(LED_MEMBERS, board.led_resources, strict=False))
        }
        self.ports = {
            "clk": f"{board.clock_resource}_0__io", "uart_rx": f"{board.uart_resource}_0__rx__io",
            "uart_tx": f"{board.uart_resource}_0__tx__io", **leds, **{name: f"{RESOURCE}_0__{name}__io" for name in self.pins},
        }  # fmt: skip
        """Member of the controller and port of the top, as Amaranth names it."""
        self.inverted: tuple[str, ...] = ()
        """Those that are active low at the pin; known once the platform was asked."""

    def elaborate(self, platform: Any) -> Module:
        """Return the controller and the buffers of its pins."""
        m = Module()
        board, core = self._board, self.controller
        m.domains.sync = ClockDomain()
        m.submodules.clock = ClockGenerator(board.clock_resource, board.oscillator_hz, board.clock_hz)
        m.submodules.controller = core
        uart = platform.request(board.uart_resource, 0, dir={"rx": "-", "tx": "-"} | _unused_uart(platform, board))
        m.submodules.receive = receive = io.Buffer("i", uart.rx)
        m.submodules.send = send = io.Buffer("o", uart.tx)
        m.d.comb += [core.uart_rx.eq(receive.i), send.o.eq(core.uart_tx)]
        for number, (name, led_name) in enumerate(zip(LED_MEMBERS, board.led_resources, strict=False)):
            port = platform.request(led_name, number, dir="-")
            m.submodules[f"led_{number}"] = led = io.Buffer("o", port)
            m.d.comb += led.o.eq(getattr(core, name))
            if all(port.invert):
                self.inverted += (name,)
        if self.pins:
            ports = platform.request(RESOURCE, 0, dir=dict.fromkeys(self.pins, "-"))
            for path, member, value in core.signature.flatten(core):
                name = "__".join(str(part) for part in path)
                if name in self.pins:
                    self._add_pin(m, name, member.flow is In, Value.cast(value), getattr(ports, name))
        return m

    @staticmethod
    def _add_pin(m: Module, name: str, into: bool, value: Value, port: Any) -> None:  # noqa: FBT001 - a direction
        """Add the buffer of one pin of the front end."""
        kind = io.FFBuffer if name.endswith(TIMED) else io.Buffer
        m.submodules[name] = buffer = kind("i" if into else "o", port)
        m.d.comb += value.eq(buffer.i) if into else buffer.o.eq(value)


def _unused_uart(platform: Any, board: Board) -> dict[str, str]:
    """Return that the modem lines of a serial port are left alone."""
    resource = platform.lookup(board.uart_resource, 0)
    return {part.name: "-" for part in resource.ios if part.name not in {"rx", "tx"}}
