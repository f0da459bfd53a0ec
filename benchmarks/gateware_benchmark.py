"""The controller on three FPGAs after place and route, engine cycles of each operation, and bytes per operation on the wire."""

from __future__ import annotations

import numpy as np
from place_and_route import DEVICES, place_and_route
from report import Report

import crossloop
from crossloop.fabric.endurance import Cycling, Endurance
from crossloop.fabric.reading import Reading
from crossloop.operation import Operation
from crossloop.operations import Product, PulseTrain, Update
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.reads import ReadLines

CONFIGURATIONS = {
    "standard 16x16": Parameters(),
    "64x64": Parameters(rows=64, columns=64),
    "16x16 with small memories": Parameters(program_ops=512, frame_bytes=512),
    "16x16 without arithmetic": Parameters(
        program_ops=256, frame_bytes=256, vector_words=256, request_slots=1, loop_depth=2, arithmetic=False
    ),
}
"""Builds by name."""


def operations(parameters: Parameters) -> dict[str, Operation]:
    """Return one of each operation, for a build."""
    rows, columns = parameters.rows, parameters.columns
    levels = np.full(rows, 40, np.int8)
    bytes_ = np.full(max(rows, columns), 99, np.uint8)
    cycling = Cycling(
        set_levels=(40, -40), reset_levels=(-40, 40), set_taps=48, reset_taps=48, gap_taps=48, reading=Reading(20)
    )
    deciding: dict[str, Operation] = {"endurance, 1000 cycles": Endurance(cycling, 0, (1, 1), (1000,))}
    return {
        "product": Product(0, Family.COLUMNS, levels, columns),
        "update": Update(0, bytes_[:rows], bytes_[:columns], 10, 4, 4, (60, -60), (-60, 60)),
        "pulse": PulseTrain(0, 1, 1, 1, (40, -40), 48, 48),
        "read of a row": ReadLines(0, Family.ROWS, 1, 1, 20),
        **(deciding if parameters.arithmetic else {}),
    }


def measure(report: Report) -> None:
    """Place and route every configuration on every device; then run every operation on `rtl:`."""
    for name, parameters in CONFIGURATIONS.items():
        for device_name, device in DEVICES.items():
            print(f"  {name} on {device_name}", flush=True)
            placed = place_and_route(parameters, device)
            title = f"{name} on {device_name}"
            report.add(
                f"{title}, logic cells", placed.cells, "cells", reference="available", reference_values=placed.cells_available
            )  # fmt: skip
            report.add(f"{title}, registers", placed.registers, "registers")
            report.add(
                f"{title}, block RAM", placed.memories, "blocks", reference="available", reference_values=placed.memories_available
            )  # fmt: skip
            if placed.fmax_mhz is None:
                print(f"  {title}: does not fit")
            report.add(f"{title}, Fmax (0: does not fit)", placed.fmax_mhz or 0.0, "MHz", bar=device.clock_mhz)
            for part, luts in placed.parts.items():
                report.add(f"{title}, LUTs of {part}", luts, "LUTs")
        _run(report, name, parameters)


def _run(report: Report, name: str, parameters: Parameters) -> None:
    """Count cycles and bytes of every operation, its program uploaded before."""
    names = (
        "rows", "columns", "program_ops", "frame_bytes", "vector_words", "request_slots", "loop_depth", "arithmetic",
    )  # fmt: skip
    build = "&".join(f"{name}={int(getattr(parameters, name))}" for name in names)
    with crossloop.connect(f"rtl:?{build}&transcript=1") as session:
        session.arm()
        transcript = session.transport.world.transcript  # type: ignore[attr-defined]
        for title, operation in operations(parameters).items():
            if isinstance(operation, Endurance):
                session.write_words(operation.first_word, operation.words())
            session.execute(operation)
            before = session.cycles, sum(map(len, transcript.frames_in)), sum(map(len, transcript.frames_out))
            if isinstance(operation, Endurance):
                session.write_words(operation.first_word, operation.words())
            session.execute(operation)
            after = session.cycles, sum(map(len, transcript.frames_in)), sum(map(len, transcript.frames_out))
            cycles, sent, received = (b - a for a, b in zip(before, after, strict=True))
            report.add(
                f"{name}, {title}",
                cycles,
                "cycles",
                reference="dry run",
                reference_values=operation.dry_run(parameters).cycles,
            )
            report.add(f"{name}, {title}, to the device", sent, "bytes")
            report.add(f"{name}, {title}, from the device", received, "bytes")
