"""The controller with the `reference` front end and models of its parts, ending in the boundary of the `direct` front end again."""

from functools import reduce
from operator import and_, or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import ALL_LINES, RANGES, Parameters
from crossloop.protocol.parts import ad7606
from crossloop.protocol.parts.adg1414 import Route
from crossloop.protocol.parts.reference import PIN_DELAY, chain_devices, converter_chips, level_dac
from crossloop.protocol.streams import Family
from crossloop_hdl.core import link_members, linked_core
from crossloop_hdl.frontend.direct import DirectSignature, pass_through
from crossloop_hdl.frontend.reference import ReferenceFrontEnd, ReferenceSignature, multiplexer_pins
from crossloop_hdl.layouts import PREFIX, family_lines
from crossloop_hdl.parts.level_bank import chip_numbers
from crossloop_sim.parts.ad7606 import Ad7606Model
from crossloop_sim.parts.adg1414 import Adg1414Model
from crossloop_sim.parts.adg1604 import Adg1604Models
from crossloop_sim.parts.dac8568 import Dac8568Model
from crossloop_sim.parts.dac81416 import Dac81416Model

LEVEL_MODELS: dict[str, Any] = {"DAC81416": Dac81416Model, "DAC8568": Dac8568Model}
"""Model of a level DAC by its part number."""


class PartModels(wiring.Component):
    """Models of every part behind the pins of the front end; what they do together, as a `DirectSignature`.

    One thing was not decoded from pins: how many channels a conversion is for. Real converters always sample all of theirs; the plant is
    asked only for those that the controller will read. Parts that contradict one another (chips of one broadcast, routing switches that
    connect no single amplifier) say nothing, which no program survives unnoticed.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    pins : In(ReferenceSignature)
        The front end.
    count : In(16)
        How many channels the conversion at hand is for.
    boundary : Out(DirectSignature)
        What levels, lines and converters do.
    """

    def __init__(self, parameters: Parameters, pins: wiring.Signature) -> None:
        self._parameters = parameters
        super().__init__({"pins": In(pins), "count": In(16), "boundary": Out(DirectSignature(parameters))})

    def elaborate(self, _platform: Any) -> Module:
        """Return parts and collectors."""
        m = Module()
        self._add_levels(m)
        self._add_lines(m)
        self._add_converters(m, self._add_routing(m))
        return m

    def _add_levels(self, m: Module) -> None:
        """Add the level DACs, and make one strobe of what the chips of a family do together."""
        pins, level, bits = self.pins, self.boundary.level, self._parameters.level_bits
        part = level_dac(self._parameters)
        for family, numbers in chip_numbers(self._parameters, part.lines).items():
            chips = [LEVEL_MODELS[part.name]() for _ in numbers]
            for place, (number, chip) in enumerate(zip(numbers, chips, strict=True)):
                m.submodules[f"{PREFIX[family]}_dac_{place}"] = chip
                m.d.comb += [
                    chip.cs_n.eq(pins.level_cs_n[number]), chip.sclk.eq(pins.level_sclk), chip.sdi.eq(pins.level_sdi),
                ]  # fmt: skip
            alike = Signal(name=f"{PREFIX[family]}_alike")
            m.d.comb += alike.eq(
                reduce(and_, (chip.update & chip.every & (chip.code == chips[0].code) for chip in chips))
            )
            for place, chip in enumerate(chips):
                # Straight binary to two's complement; a code between two of the build is none.
                exact = ~chip.code[: 16 - bits].any() if bits < 16 else 1
                with m.If(chip.update & (~chip.every | alike) & exact):
                    m.d.comb += [
                        level.valid.eq(1), level.payload.family.eq(family),
                        level.payload.line.eq(Mux(chip.every, ALL_LINES, chip.channel + place * part.lines)),
                        level.payload.code.eq(Cat(chip.code[16 - bits : 15], ~chip.code[15]).as_signed()),
                    ]  # fmt: skip

    def _add_lines(self, m: Module) -> None:
        """Add the line multiplexers."""
        late, early = [], []
        for family, lines in family_lines(self._parameters).items():
            name = PREFIX[family]
            m.submodules[f"{name}_switches"] = switches = Adg1604Models(
                lines,
                self._parameters.gate_taps,
                sources=family is Family.GATES and self._parameters.gate_full_scale_pa > 0,
            )
            for pin in multiplexer_pins(self._parameters):
                m.d.comb += getattr(switches, pin).eq(getattr(self.pins, f"{name}_{pin}"))
            for signal in ("gates", "states_low", "states_high"):
                m.d.comb += getattr(self.boundary, f"{name}_{signal}").eq(getattr(switches, signal))
            if self._parameters.gate_taps > 1:
                late.append(switches.gates_late)
                early.append(switches.gates_early)
        if late:
            m.d.comb += [self.boundary.gates_late.eq(Cat(*late).any()), self.boundary.gates_early.eq(Cat(*early).any())]
        m.d.comb += self.boundary.tile.eq(self.pins.tile)

    def _add_routing(self, m: Module) -> Value:
        """Add a chain of routing switches; return whether they connect one amplifier per channel, all alike."""
        pins, payload = self.pins, self.boundary.conversion.payload
        devices = [Adg1414Model() for _ in range(chain_devices(self._parameters))]
        data = pins.route_sdi
        for place, device in enumerate(devices):
            m.submodules[f"route_{place}"] = device
            m.d.comb += [device.cs_n.eq(pins.route_cs_n), device.sclk.eq(pins.route_sclk), device.sdi.eq(data)]
            data = device.sdo
        switches = devices[0].switches
        sources, ranges = switches[:4], switches[4:]
        choices = {Route.ROWS: (0, 0), Route.COLUMNS: (1, 0), Route.ROW_PAIRS: (0, 1), Route.COLUMN_PAIRS: (1, 1)}
        for route, (family, pair) in choices.items():
            with m.If(sources == route):
                m.d.comb += [payload.family.eq(family), payload.pair.eq(pair)]
        m.d.comb += payload.voltage.eq(ranges == 0)
        for index in range(RANGES):
            with m.If(ranges == 1 << index):
                m.d.comb += payload.range.eq(index)
        one_source = reduce(or_, (sources == int(route) for route in choices))
        one_range = reduce(or_, (ranges == 1 << index for index in range(RANGES)), ranges == 0)
        return reduce(and_, (device.switches == switches for device in devices)) & one_source & one_range

    def _add_converters(self, m: Module, routed: Value) -> None:
        """Add the converters, and put the plant's samples into them."""
        pins, parameters, conversion, samples = (
            self.pins,
            self._parameters,
            self.boundary.conversion,
            self.boundary.samples,
        )
        chips = [Ad7606Model(parameters.clock_hz) for _ in range(converter_chips(parameters))]
        channel = Signal(range(len(chips) * ad7606.CHANNELS + 1))
        m.d.comb += [
            conversion.valid.eq(reduce(and_, (chip.sampled for chip in chips)) & routed),
            conversion.payload.count.eq(self.count), samples.ready.eq(~conversion.valid),
        ]  # fmt: skip
        with m.If(conversion.valid):
            m.d.sync += channel.eq(0)
        with m.Elif(samples.valid):
            m.d.sync += channel.eq(channel + 1)
        # The middle of the step; at the limits, the converter's own limits.
        bits = parameters.sample_bits
        middle = Cat(*[0] * (ad7606.CODE_BITS - bits - 1), 1, samples.payload.code)
        limit = Mux(samples.payload.code[-1], 1 << (ad7606.CODE_BITS - 1), ad7606.CODE_MAX)
        for number, chip in enumerate(chips):
            m.submodules[f"adc_{number}"] = chip
            m.d.comb += [
                chip.convst.eq(pins.convst), chip.reset.eq(pins.adc_reset), chip.cs_n.eq(pins.adc_cs_n), chip.sclk.eq(pins.adc_sclk),
                pins.busy[number].eq(chip.busy), pins.douta[number].eq(chip.douta), pins.doutb[number].eq(chip.doutb),
                chip.load.eq(samples.valid & (channel >> 3 == number)), chip.channel.eq(channel[:3]),
                chip.code.eq(Mux(samples.payload.saturated, limit, middle)),
            ]  # fmt: skip


class ReferenceWorld(wiring.Component):
    """Core, front end and part models; everything behind the core shows `PIN_DELAY` cycles later, `running` and `tripped` too.

    Parameters
    ----------
    parameters : Parameters
        The build, as `reference_parameters` returns it.
    divisor : int, optional
        Clock cycles per bit of a serial line; without one, bytes come and go whole.
    probe : bool
        Whether the front end's pins are to be seen.

    Members
    -------
    They are those of `Core`, or of `UartCore`, and `probe`, the pins in the order of `probe_layout`.
    """

    def __init__(self, parameters: Parameters, divisor: int | None = None, *, probe: bool = False) -> None:
        self._parameters, self._divisor = parameters, divisor
        self.front_end = ReferenceFrontEnd(parameters)
        """Submodule; in the open, so that a bench can watch its pins."""
        super().__init__({
            **link_members(divisor), "emergency_stop": In(1), "compliance": In(1), "running": Out(1), "tripped": Out(1),
            **DirectSignature(parameters).members,
            **({"probe": Out(sum(probe_layout(parameters).values()))} if probe else {}),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return controller, front end and parts."""
        m = Module()
        m.submodules.core = core = linked_core(self._parameters, self._divisor)
        m.submodules.front_end = front_end = self.front_end
        m.submodules.parts = parts = PartModels(self._parameters, front_end.pins.signature)
        wiring.connect(m, front_end.pins, parts.pins)
        pass_through(m, front_end.core, core, self._parameters)
        pass_through(m, self, parts.boundary, self._parameters)
        m.d.comb += [
            core.emergency_stop.eq(self.emergency_stop), core.compliance.eq(self.compliance), parts.count.eq(core.conversion.payload.count),
            self.running.eq(delayed(m, core.running)), self.tripped.eq(delayed(m, core.tripped)),
        ]  # fmt: skip
        if "probe" in self.signature.members:
            m.d.comb += self.probe.eq(Cat(getattr(front_end.pins, name) for name in probe_layout(self._parameters)))
        # The controller hears the host once the parts are configured.
        if self._divisor is None:
            m.d.comb += [
                core.rx.valid.eq(self.rx.valid & front_end.configured), core.rx.payload.eq(self.rx.payload),
                self.tx.valid.eq(core.tx.valid), self.tx.payload.eq(core.tx.payload), core.tx.ready.eq(self.tx.ready),
            ]  # fmt: skip
        else:
            m.d.comb += [core.uart_rx.eq(self.uart_rx | ~front_end.configured), self.uart_tx.eq(core.uart_tx)]
        return m


def probe_layout(parameters: Parameters) -> dict[str, int]:
    """Return width of every pin of the front end, by name; the first is lowest in the probe."""
    return {name: Shape.cast(member.shape).width for name, member in ReferenceSignature(parameters).members.items()}


def delayed(m: Module, signal: Any) -> Signal:
    """Return a signal `PIN_DELAY` cycles later."""
    for _ in range(PIN_DELAY):
        later = Signal.like(signal, name_suffix="_later")
        m.d.sync += later.eq(signal)
        signal = later
    return signal
