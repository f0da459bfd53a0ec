"""Random arrays of every kind."""

from dataclasses import dataclass

import numpy as np

from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import Family
from crossloop_sim.array import (
    Array,
    Break,
    Bridge,
    Cubic,
    Lines,
    Ohmic,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    Sinh,
    Wires,
)
from crossloop_sim.array.wiring import write_scheme

LAWS = {
    "ohmic": Ohmic(),
    "sinh": Sinh(),
    "cubic": Cubic(),
    "1S1R": OneSelectorOneResistor(),
    "1T1R": OneTransistorOneResistor(),
}


@dataclass
class Case:
    """One network."""

    array: Array
    lines: Lines
    what: str


def random_case(seed: int, law: str, largest: int) -> Case:
    """Return a random array: size, wires, ends, line states or a write scheme, breaks, shorts."""
    rng = np.random.default_rng(seed)
    rows, columns = (int(k) for k in rng.integers(1, largest + 1, 2))
    cells = 10 ** rng.uniform(-6, -4, (rows, columns))
    cells[rng.random((rows, columns)) < 0.05] = 0.0  # cells that never formed
    r_row_ohm, r_column_ohm = (float(r) for r in rng.choice([0.0, 1.0, 10.0], 2))
    # Ideal lines driven from both ends are loops of voltage sources, which ngspice cannot solve.
    row_ends, column_ends = ("both" if r > 0 and rng.random() < 0.5 else "near" for r in (r_row_ohm, r_column_ohm))
    wires = Wires(
        r_row_ohm=r_row_ohm,
        r_column_ohm=r_column_ohm,
        r_driver_ohm=float(rng.choice([0.0, 50.0])),
        r_switch_ohm=float(rng.choice([0.0, 5.0])),
        r_amplifier_ohm=float(rng.choice([0.0, 20.0])),
        row_ends=row_ends,
        column_ends=column_ends,
    )
    gate_v = rng.uniform(0.9, 1.6, rows)
    kind = str(rng.choice(["states", "V/2", "V/3"]))
    if kind == "states":
        row_states = [LineState(int(s)) for s in rng.choice([0, 1, 2, 3], rows, p=[0.25, 0.25, 0.4, 0.1])]
        column_states = [LineState(int(s)) for s in rng.choice([0, 1, 2, 3], columns, p=[0.2, 0.2, 0.2, 0.4])]
        row_states[0], column_states[0] = LineState.DRIVE, LineState.SENSE
        row_v, column_v = rng.uniform(-0.5, 0.8, rows), rng.uniform(-0.3, 0.3, columns)
    else:
        row_states, column_states = [LineState.DRIVE] * rows, [LineState.DRIVE] * columns
        row_v, column_v = write_scheme(rows, columns, int(rng.integers(rows)), int(rng.integers(columns)), 1.0, kind)
    faults = []
    if rng.random() < 0.4 and columns > 1:
        faults.append(Break(Family.ROWS, int(rng.integers(rows)), int(rng.integers(1, columns))))
    if rng.random() < 0.4 and rows > 1:
        faults.append(Break(Family.COLUMNS, int(rng.integers(columns)), int(rng.integers(1, rows))))
    if rng.random() < 0.3 and rows > 1:
        i, j = int(rng.integers(rows - 1)), int(rng.integers(columns))
        faults.append(Bridge((Family.ROWS, i, j), (Family.ROWS, i + 1, j), float(rng.uniform(100, 1000))))
    if rng.random() < 0.3:
        i, j = int(rng.integers(rows)), int(rng.integers(columns))
        faults.append(Bridge((Family.ROWS, i, j), (Family.COLUMNS, i, j), float(rng.uniform(500, 2000))))
    array = Array(cells, wires, LAWS[law], faults)
    lines = Lines.of_states(wires, row_states, column_states, row_v, column_v, gate_v)
    return Case(array, lines, f"seed {seed}: {law}, {rows} x {columns}, {kind}, {wires}, {faults}")
