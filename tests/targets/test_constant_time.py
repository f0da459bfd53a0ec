"""A product or an update takes the same number of engine cycles at every tile size, converter serial time apart."""

from __future__ import annotations

import numpy as np
import pytest

from crossloop.operations import Product, Update
from crossloop.protocol.streams import Family

SIZES = (4, 8, 16, 32)


def _engine_cycles(session, size: int) -> tuple[int, int, int]:
    """Return cycles that the device reported: of product and transposed product without serial time, and of update."""
    session.arm()
    found = []
    for sensed in (Family.COLUMNS, Family.ROWS):
        product = Product(0, sensed, np.full(size, 40, np.int8), size)
        before = session.cycles
        session.execute(product)
        found.append(session.cycles - before - product.dry_run(session.parameters).serial_cycles)
    update = Update(0, np.full(size, 99, np.uint8), np.full(size, 55, np.uint8), 10, 4, 4, (60, -60), (-60, 60))
    before = session.cycles
    session.execute(update)
    return found[0], found[1], session.cycles - before


@pytest.mark.parametrize("target", ["model", pytest.param("rtl", marks=pytest.mark.slow)])
def test_engine_cycles_do_not_depend_on_the_tile_size(open_session, target: str) -> None:
    cycles = {size: _engine_cycles(open_session(target, f"rows={size}&columns={size}"), size) for size in SIZES}
    assert len(set(cycles.values())) == 1, cycles


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_dry_run_predicts_what_the_device_reports(open_session, target: str) -> None:
    session = open_session(target)
    session.arm()
    for operation in (
        Product(1, Family.ROWS, np.array([1, -2, 3], np.int8), 5, settle_cycles=17, integrate_cycles=3),
        Update(0, np.array([255, 0, 1], np.uint8), np.array([1, 130], np.uint8), 7, 5, 9, (60, -60), (-60, 60)),
    ):
        before = session.cycles
        session.execute(operation)
        assert session.cycles - before == operation.dry_run(session.parameters).cycles
