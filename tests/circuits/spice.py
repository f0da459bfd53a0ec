"""Runs netlists through ngspice."""

import shutil
import subprocess

import numpy as np
import pytest

from crossloop_sim.array import Array, Lines
from crossloop_sim.array.spice import netlist

needs_ngspice = pytest.mark.skipif(
    shutil.which("ngspice") is None, reason="ngspice is missing: apt-get install ngspice"
)


def end_currents(array: Array, lines: Lines, folder) -> np.ndarray:
    """Return what ngspice finds for the currents into row_near, row_far, column_near, column_far, one after the other; 0 for open ends."""
    path = folder / "array.cir"
    path.write_text(netlist(array, lines))
    done = subprocess.run(["ngspice", "-b", path.name], cwd=folder, capture_output=True, text=True, check=False)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("i(v"):
            name, value = line.split("=")
            found[name.strip()[3:-1]] = float(value)
    if not found:
        pytest.skip(
            f"ngspice finds no operating point: {done.stderr.splitlines()[0] if done.stderr else done.stdout[-200:]}"
        )
    rows, columns = array.shape
    names = [f"{kind}{end}{k}" for kind, count in (("r", rows), ("c", columns)) for end in "nf" for k in range(count)]
    return np.array([found.get(name, 0.0) for name in names])
