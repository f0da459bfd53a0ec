"""Engine cycles of product and update over tile sizes, as the RTL reports them; converter serial time apart."""

from __future__ import annotations

import numpy as np
from report import Report

import crossloop
from crossloop.operations import Product, Update
from crossloop.protocol.streams import Family

SIZES = (4, 8, 16, 32)


def measure(report: Report) -> None:
    """Run each operation on the RTL of each size and compare with the smallest."""
    engine: dict[str, list[int]] = {}
    for size in SIZES:
        print(f"  rtl: at {size}x{size}", flush=True)
        levels = np.full(size, 40, np.int8)
        operations = {
            "product": Product(0, Family.COLUMNS, levels, size),
            "transposed product": Product(0, Family.ROWS, levels, size),
            "update": Update(
                0, np.full(size, 99, np.uint8), np.full(size, 55, np.uint8), 10, 4, 4, (60, -60), (-60, 60)
            ),
        }
        with crossloop.connect(f"rtl:?rows={size}&columns={size}") as session:
            session.arm()
            for name, operation in operations.items():
                before = session.cycles
                session.execute(operation)
                serial = operation.dry_run(session.parameters).serial_cycles
                cycles = session.cycles - before - serial
                engine.setdefault(name, []).append(cycles)
                reference = {"reference": "4x4", "reference_values": engine[name][0]} if size > SIZES[0] else {}
                report.add(f"{name} {size}x{size}, engine", cycles, "cycles", **reference)
                report.add(f"{name} {size}x{size}, converter serial time", serial, "cycles")
    for name, cycles in engine.items():
        report.add(f"{name}: largest over smallest", max(cycles) / min(cycles), "x", bar=1.0, at_most=True)
