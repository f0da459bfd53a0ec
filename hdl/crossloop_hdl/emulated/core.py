"""Controller and emulated array together: what goes onto a board that has no analog part."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from crossloop.protocol.parameters import Parameters
from crossloop_hdl.core import link_members, linked_core
from crossloop_hdl.emulated.array import EmulatedArray
from crossloop_hdl.frontend.direct import DirectSignature, StrobeSignature, line_members, pass_through
from crossloop_hdl.layouts import sample_layout


class EmulatedCore(wiring.Component):
    """Core and array; the boundary between them is only shown, so a board leaves those outputs open.

    Parameters
    ----------
    parameters : Parameters
        The build, as `emulated_parameters` returns it.
    divisor : int, optional
        Clock cycles per bit of a serial line; without one, bytes come and go whole.

    Members
    -------
    samples : Out(StrobeSignature(sample_layout))
        A sample that the array hands to the controller.

    The others are those of `Core`, or of `UartCore`.
    """

    def __init__(self, parameters: Parameters, divisor: int | None = None) -> None:
        self._parameters, self._divisor = parameters, divisor
        shown = {name: member for name, member in DirectSignature(parameters).members.items() if name != "samples"}
        super().__init__({
            **link_members(divisor), "emergency_stop": In(1), "compliance": In(1), "running": Out(1), "tripped": Out(1), **shown,
            "samples": Out(StrobeSignature(sample_layout(parameters))),
        })  # fmt: skip

    @property
    def parameters(self) -> Parameters:
        """The build."""
        return self._parameters

    def elaborate(self, _platform: Any) -> Module:
        """Return controller and array."""
        m = Module()
        m.submodules.core = core = linked_core(self._parameters, self._divisor)
        m.submodules.array = array = EmulatedArray(self._parameters)
        pass_through(m, array.core, core, self._parameters)
        m.d.comb += [
            core.emergency_stop.eq(self.emergency_stop), core.compliance.eq(self.compliance), core.front_end_busy.eq(array.busy),
            self.running.eq(core.running), self.tripped.eq(core.tripped),
            *(getattr(self, name).eq(getattr(core, name)) for name in ("tile", *line_members(self._parameters))),
            self.samples.valid.eq(core.samples.valid & core.samples.ready), self.samples.payload.eq(core.samples.payload),
        ]  # fmt: skip
        for shown, source in ((self.level, core.level), (self.conversion, core.conversion)):
            m.d.comb += [shown.valid.eq(source.valid), shown.payload.eq(source.payload)]
        if self._divisor is None:
            connect(m, flipped(self.rx), core.rx)
            connect(m, core.tx, flipped(self.tx))
        else:
            m.d.comb += [core.uart_rx.eq(self.uart_rx), self.uart_tx.eq(core.uart_tx)]
        return m
