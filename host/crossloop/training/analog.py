"""What a training needs to know of the arrays, in SI units, and its conversion to codes and cycles of a build."""

from __future__ import annotations

from dataclasses import dataclass

from crossloop.gaps import gap_cycles
from crossloop.protocol.converters import Clock, Levels, Samples
from crossloop.protocol.emulated import half_range, mean_step, state_step_s
from crossloop.protocol.parameters import Parameters

_USUAL_GAP_S = 80e-9


@dataclass(frozen=True, kw_only=True)
class AnalogSettings:
    """How the arrays are driven, and what their cells are expected to do. The defaults fit the plant preset `rpu`."""

    weight_unit_s: float = 7 / (24e6 * 4.5) / 2
    """Difference of a pair's conductances that counts as the weight 1, in siemens.

    Source: half the range of a cell of 24 Mohm mean resistance and an on/off ratio of 8 (Gokmen and Vlasov 2016).
    """
    cell_step: float = 0.0016
    """Mean weight change of one cell by one coincidence. Source: aihwkit preset GokmenVlasov, 1250 steps over two weight units."""
    v_update_v: float = 0.46875
    """Voltage of a firing line against ground, rows and columns with opposite signs; a coincidence sees twice as much."""
    t_pulse_s: float = 80e-9
    """Pulse width of an update."""
    t_gap_s: float | None = None
    """Gap between two slots of an update; by default 80 ns, or the shortest of the build if that is longer."""
    slots_max: int = 10
    """Most slots per sign pass of an update. Source: the pulse train length of Gokmen and Vlasov 2016."""
    t_settle_s: float = 200e-9
    """Time the levels drive before a product is integrated."""
    t_integrate_s: float = 80e-9
    """Integration time of a product. Source: Gokmen and Vlasov 2016."""
    range_index: int = 0
    """Converter range of all products; 0, the widest, holds 12 weight units at full level."""


EMULATED_CYCLES = 7
"""Pulse width of an update on an emulated array: a mean step of 0.16 % of the distance to a bound, as cells of the preset `rpu` have."""


def settings_for(parameters: Parameters) -> AnalogSettings:
    """Return the settings for a device: those of the preset `rpu`, or what the cells of an emulated array need."""
    if parameters.frontend != "emulated":
        return AnalogSettings()
    cycle_s = 1 / parameters.clock_hz
    return AnalogSettings(
        weight_unit_s=half_range() * state_step_s(parameters), cell_step=mean_step(EMULATED_CYCLES),
        t_pulse_s=EMULATED_CYCLES * cycle_s, t_gap_s=parameters.gap_min_cycles * cycle_s, t_settle_s=cycle_s, t_integrate_s=cycle_s,
    )  # fmt: skip


@dataclass(frozen=True)
class AnalogCodes:
    """The settings as a build understands them."""

    level_max: int
    """Level code of an input of 1: the largest that has a negative twin."""
    output_unit: float
    """Weight units times inputs per converter code."""
    step: float
    """Mean change of a pair's weight by a coincidence in both of its columns."""
    update_level: int
    """Level code of a firing line."""
    width_cycles: int
    gap_cycles: int
    settle_cycles: int
    integrate_cycles: int
    slots_max: int
    range_index: int

    @classmethod
    def of(cls, settings: AnalogSettings, parameters: Parameters) -> AnalogCodes:
        """Convert settings for a build; raises RangeError for what it cannot represent."""
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        step_a = Samples.of(parameters).steps_a[settings.range_index]
        return cls(
            level_max=levels.code_max,
            output_unit=step_a / (settings.weight_unit_s * levels.volts(levels.code_max)),
            step=2 * settings.cell_step,
            update_level=levels.code(settings.v_update_v, "v_update_v"),
            width_cycles=clock.cycles(settings.t_pulse_s, "t_pulse_s"),
            gap_cycles=gap_cycles(settings.t_gap_s, parameters, name="t_gap_s", usual_s=_USUAL_GAP_S),
            settle_cycles=clock.cycles(settings.t_settle_s, "t_settle_s"),
            integrate_cycles=clock.cycles(settings.t_integrate_s, "t_integrate_s"),
            slots_max=settings.slots_max,
            range_index=settings.range_index,
        )
