"""The `reference` front ends: DAC81416 or DAC8568 levels, ADG1604 line multiplexers, AD7606 converters, ADG1414 routing.

Behind it the pins show what the controller has decided `PIN_DELAY` cycles later, all alike: gates, states, tile and the sampling instant.
"""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.parts.reference import PIN_DELAY, converter_chips, level_dac
from crossloop_hdl.frontend.direct import GATE_HALVES, DirectSignature
from crossloop_hdl.layouts import PREFIX, family_lines
from crossloop_hdl.parts.converters import ConverterBank
from crossloop_hdl.parts.level_bank import LevelBank, chip_numbers
from crossloop_hdl.parts.line_multiplexers import LineMultiplexers
from crossloop_hdl.parts.routing_chain import RoutingChain


class ReferenceSignature(wiring.Signature):
    """The pins to the parts.

    Members
    -------
    row_address_low, row_address_high, row_enable : Out(rows)
        A0, A1 and EN of each row's ADG1604; the same for the other families.
    row_enable_second : Out(rows)
        Only in builds with two taps per cycle: EN in the second half of the cycle, `row_enable` in its first half; see `LineMultiplexers`.
    tile : Out(8)
        To the decoder that connects one of several arrays to the lines.
    level_cs_n, level_sclk, level_sdi : Out(chips), Out(1), Out(1)
        The level DACs: rows first, then the other families.
    route_cs_n, route_sclk, route_sdi : Out(1)
        The ADG1414 chains, all alike.
    convst, adc_reset, adc_cs_n, adc_sclk : Out(1)
        The AD7606, all alike.
    busy, douta, doutb : In(converters)
        From each AD7606.
    """

    def __init__(self, parameters: Parameters) -> None:
        part = level_dac(parameters)
        level_chips = sum(len(numbers) for numbers in chip_numbers(parameters, part.lines).values())
        converters = converter_chips(parameters)
        multiplexers = {
            f"{PREFIX[family]}_{pin}": Out(lines)
            for family, lines in family_lines(parameters).items()
            for pin in multiplexer_pins(parameters)
        }
        super().__init__({
            **multiplexers, "tile": Out(8),
            "level_cs_n": Out(level_chips, init=(1 << level_chips) - 1),
            "level_sclk": Out(1, init=part.spi.cpol), "level_sdi": Out(1),
            "route_cs_n": Out(1, init=1), "route_sclk": Out(1), "route_sdi": Out(1),
            "convst": Out(1), "adc_reset": Out(1, init=1), "adc_cs_n": Out(1, init=1), "adc_sclk": Out(1, init=1),
            "busy": In(converters), "douta": In(converters), "doutb": In(converters),
        })  # fmt: skip


def multiplexer_pins(parameters: Parameters) -> tuple[str, ...]:
    """Return the names of a line multiplexer's pins."""
    return ("address_low", "address_high", "enable", *(("enable_second",) if parameters.gate_taps > 1 else ()))


class ReferenceFrontEnd(wiring.Component):
    """Wakes the parts, then does what the controller says.

    A level never moves while a gate is on, since the controller's safety gate lets no level strobe through then and a strobe's whole frame
    is over before the micro-op that wrote it ends. Enables are off until every part is configured.

    Parameters
    ----------
    parameters : Parameters
        The build, as `reference_parameters` returns it.

    Members
    -------
    core : In(DirectSignature)
        The controller.
    pins : Out(ReferenceSignature)
        The parts.
    configured : Out(1)
        Every part is ready; until then the controller must hear nothing.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__({
            "core": In(DirectSignature(parameters)), "pins": Out(ReferenceSignature(parameters)), "configured": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the drivers and their wires."""
        m = Module()
        core, pins, parameters = self.core, self.pins, self._parameters
        m.submodules.levels = levels = LevelBank(parameters, level_dac(parameters), PIN_DELAY)
        m.submodules.converters = converters = ConverterBank(parameters)
        m.submodules.routing = routing = RoutingChain(parameters)
        connect(m, flipped(core.level), levels.level)
        connect(m, converters.samples, flipped(core.samples))
        convert, tile = Signal(), Signal.like(core.tile)
        # The registers that follow make PIN_DELAY cycles of these.
        m.d.sync += [convert.eq(core.conversion.valid), tile.eq(core.tile), pins.tile.eq(tile)]
        m.d.sync += self.configured.eq(levels.configured & converters.configured & routing.configured)
        m.d.comb += [
            pins.level_cs_n.eq(levels.cs_n), pins.level_sclk.eq(levels.sclk), pins.level_sdi.eq(levels.sdi),
            routing.wanted.eq(core.conversion.payload),
            pins.route_cs_n.eq(routing.cs_n), pins.route_sclk.eq(routing.sclk), pins.route_sdi.eq(routing.sdi),
            converters.convert.eq(convert), pins.convst.eq(converters.convst), pins.adc_reset.eq(converters.reset),
            pins.adc_cs_n.eq(converters.cs_n), pins.adc_sclk.eq(converters.sclk),
            *(getattr(converters, name).eq(getattr(pins, name)) for name in ("busy", "douta", "doutb")),
        ]  # fmt: skip
        for family, lines in family_lines(parameters).items():
            name = PREFIX[family]
            m.submodules[f"{name}_multiplexers"] = multiplexers = LineMultiplexers(lines, parameters.gate_taps)
            m.d.comb += multiplexers.configured.eq(self.configured)
            for signal in ("gates", "states_low", "states_high"):
                m.d.comb += getattr(multiplexers, signal).eq(getattr(core, f"{name}_{signal}"))
            if parameters.gate_taps > 1:
                for half in GATE_HALVES:
                    m.d.comb += getattr(multiplexers, half).eq(getattr(core, half))
            for signal in multiplexer_pins(parameters):
                m.d.comb += getattr(pins, f"{name}_{signal}").eq(getattr(multiplexers, signal))
        return m
