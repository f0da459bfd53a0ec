"""Write docs/data/pulses.csv, a table of pulses as a probe station would: `python docs/make_pulses.py`.

Synthetic: eight cells of linear steps, 60 up and 60 down, twice; what docs/devices.md fits, and tests/unit/devices/test_fitting.py checks.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.population import Population

DEVICE = LinearStep(
    g_min_s=2e-6, g_max_s=20e-6, dw_min=0.03, dw_min_dtod=0.1, up_down=0.2, up_down_dtod=0.0, w_max_dtod=0.0, w_min_dtod=0.0, c2c=0.2,
    c2c_kind="additive", gamma_up=0.5, gamma_up_dtod=0.0, gamma_down=0.3, gamma_down_dtod=0.0,
)  # fmt: skip
"""What the table was made from."""


def rows(cells: int = 8, pulses: int = 60, seed: int = 3) -> list[tuple[int, float, float]]:
    """Return (cell, pulse in volts, conductance in siemens) of every pulse, the state before as pulse 0."""
    probe = Population(DEVICE, cells, seed=seed)
    probe.set_w(-0.8)
    volts = [0.0, *([1.0] * pulses + [-1.0] * pulses) * 2]
    readings = []
    for v in volts:
        if v != 0:
            probe.pulse(v, DEVICE.t_pulse_s)
        readings.append(probe.read_s())
    table = np.array(readings)
    return [(cell, v, float(table[k, cell])) for cell in range(cells) for k, v in enumerate(volts)]


def main() -> None:
    """Write the file."""
    path = Path(__file__).parent / "data" / "pulses.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("cell", "pulse", "conductance_s"))
        writer.writerows((cell, v, f"{g_s:.6g}") for cell, v, g_s in rows())
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
