"""The controller with its front end behind serial pins, as a board takes it."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.front_ends import REFERENCE
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.core import UartCore, linked_core
from crossloop_hdl.emulated.core import EmulatedCore
from crossloop_hdl.frontend.direct import pass_through
from crossloop_hdl.frontend.reference import ReferenceFrontEnd, ReferenceSignature


class ReferenceController(wiring.Component):
    """Controller and `reference` front end behind serial pins.

    Parameters
    ----------
    parameters : Parameters
        The build, as `reference_parameters` returns it.
    divisor : int
        Clock cycles per bit of the serial line.

    Members
    -------
    uart_rx, uart_tx, emergency_stop, compliance, running, tripped
        As in `UartCore`.

    The others are those of `ReferenceSignature`.
    """

    def __init__(self, parameters: Parameters, divisor: int) -> None:
        self._parameters, self._divisor = parameters, divisor
        super().__init__({
            "uart_rx": In(1, init=1), "uart_tx": Out(1, init=1), "emergency_stop": In(1), "compliance": In(1), "running": Out(1),
            "tripped": Out(1), **ReferenceSignature(parameters).members,
        })  # fmt: skip

    @property
    def parameters(self) -> Parameters:
        """The build."""
        return self._parameters

    def elaborate(self, _platform: Any) -> Module:
        """Return core and drivers; until every part is configured, the controller hears nothing."""
        m = Module()
        m.submodules.core = core = UartCore(self._parameters, self._divisor)
        m.submodules.front_end = front_end = ReferenceFrontEnd(self._parameters)
        pass_through(m, front_end.core, core, self._parameters)
        for name, member in ReferenceSignature(self._parameters).members.items():
            inner, outer = getattr(front_end.pins, name), getattr(self, name)
            m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)
        m.d.comb += [
            core.uart_rx.eq(self.uart_rx | ~front_end.configured), self.uart_tx.eq(core.uart_tx),
            core.emergency_stop.eq(self.emergency_stop), core.compliance.eq(self.compliance),
            self.running.eq(core.running), self.tripped.eq(core.tripped),
        ]  # fmt: skip
        return m


def controller(parameters: Parameters, divisor: int | None) -> Any:
    """Return the component that a build asks for: with bare pins, with its front end, or with the array inside.

    A front end of parts is always behind serial pins; the others have whole bytes if there is no divisor.
    """
    if parameters.frontend in REFERENCE:
        assert divisor is not None, "a front end of parts is on a board, which has a serial line"
        return ReferenceController(parameters, divisor)
    return EmulatedCore(parameters, divisor) if parameters.frontend == "emulated" else linked_core(parameters, divisor)
