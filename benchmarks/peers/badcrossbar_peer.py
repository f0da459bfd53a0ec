"""badcrossbar, timed in its own environment: one call solves an array for one or many input vectors. One BLAS thread, its fastest use."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import logging

import badcrossbar
import numpy as np
from serve import serve, timed

logging.disable(logging.CRITICAL)


def solve(size: int, r_ohm: float, cases: int, repeats: int, out: str) -> dict:
    """Solve the array of `plant_circuits.problem`; its currents go to the file `out`."""
    rng = np.random.default_rng(0)
    cells = rng.uniform(1e-6, 1e-4, (size, size))
    volts = rng.uniform(0, 0.2, (size, cases))
    found = []

    def call() -> None:
        solution = badcrossbar.compute(volts, 1 / cells, r_ohm, node_voltages=False, all_currents=False)
        found[:] = [solution.currents.output]

    seconds = timed(call, repeats)
    np.save(out, np.asarray(found[0]).reshape(cases, size))
    return {"seconds": seconds}


serve({"solve": solve})
