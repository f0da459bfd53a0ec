"""Settings of the front end: noise, gain and offset errors of the converters, the filter before them, the drivers' current limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from crossloop.protocol.errors import RangeError


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """Drivers and converters of the tiles' lines; one converter channel per line of either family.

    A channel turns a current i, after a first-order filter, into the code round((1 + gain error)*i/step + offset error + noise).
    Quantisation and range are the controller's (`crossloop.protocol.converters`).
    """

    read_noise: float = 0.06
    """Standard deviation of a sample in output units: the current of one cell of full weight at full level.

    Source: aihwkit's default out_noise. Range r has output_bound units at full scale, so its noise is read_noise/output_bound of that.
    """
    output_bound: float = 12.0
    """Full scale of the converter in output units. Source: aihwkit's default out_bound; 12 units of the defaults are 194 nA."""
    gain_error: float = 0.0
    """Standard deviation of the channels' relative gain errors. A choice; 0.01 is typical of 1 % feedback resistors."""
    offset_error: float = 0.0
    """Standard deviation of the channels' offset errors, as a fraction of full scale, the same in every range."""
    t_filter_s: float = 0.0
    """Time constant in seconds of the first-order filter before the converter; 0: none. Reading too early gives a part of the current."""
    limit_a: float = math.inf
    """Current limit of a driven cell in amperes: the compliance that selected transistors or drivers set. Infinite: none."""
    nudge_g_s: float = 1 / 24e6
    """Conductance in siemens between a nudge line and its column, in a build that has them. A choice: a cell of mean resistance."""
    dummy_g_s: float = 0.0
    """Conductance in siemens of the resistors of which the last tile is made, for calibration; 0: every tile is an array of cells."""
    dummy_tolerance: float = 0.001
    """Standard deviation of these resistors, relative. A choice: 0.1 % parts."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "limit_a":
                if not value > 0:
                    raise RangeError(f"plant setting limit_a must be above 0 A, not {value!r}")
                continue
            if not (isinstance(value, int | float) and math.isfinite(value)):
                raise RangeError(f"plant setting {field.name} must be a finite number, not {value!r}")
            if value < 0:
                raise RangeError(f"plant setting {field.name} must not be negative, not {value!r}")
        if self.output_bound == 0:
            raise RangeError(f"plant setting output_bound must be above 0, not {self.output_bound!r}")
        if self.gain_error >= 0.25:
            raise RangeError(
                f"plant setting gain_error of {self.gain_error!r} would turn channels round; use less than 0.25"
            )
