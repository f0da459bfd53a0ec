"""Netlists with one defect, and whether a simulation notices it: what a proof of equivalence must refuse is not for the prover to say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from formal.netlist import Netlist

CYCLES = 64


def defective(netlist: Netlist, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield defects without end: what is wrong, and the module with it."""
    chance = random.Random(seed)
    cells = netlist.module["cells"]
    names = sorted(name for name, cell in cells.items() if cell["type"] == "SB_LUT4" or cell["type"].endswith("SR"))
    while True:
        name = chance.choice(names)
        what, cell = _wrong(cells[name], chance)
        yield f"{name}: {what}", netlist.module | {"cells": cells | {name: cell}}


def _wrong(cell: dict[str, Any], chance: random.Random) -> tuple[str, dict[str, Any]]:
    """Return what is wrong with a cell, and the cell."""
    if cell["type"] != "SB_LUT4":
        pins = {"S" if pin == "R" else pin: bits for pin, bits in cell["connections"].items()}
        directions = dict.fromkeys(pins, "input") | {"Q": "output"}
        changed = {"type": cell["type"][:-2] + "SS", "connections": pins, "port_directions": directions}
        return "set, not reset", cell | changed
    table = cell["parameters"]["LUT_INIT"]
    # Inverted, or wrong for one of its inputs' values.
    flips = chance.choice([0xFFFF, 1 << chance.randrange(16)])
    wrong = f"{int(table, 2) ^ flips:016b}"
    return f"{wrong} for {table}", cell | {"parameters": cell["parameters"] | {"LUT_INIT": wrong}}


def noticed(netlist: Netlist, module: dict[str, Any], seed: int) -> bool:
    """Return whether the outputs of a netlist and of one with a defect are ever different in a simulation from power-on."""
    original, other = netlist.simulated(CYCLES, seed), Netlist(module).simulated(CYCLES, seed)
    return any(original[bit] != other[bit] for bits in netlist.outputs.values() for bit in bits)
