"""Matrix-vector products and reads."""

from __future__ import annotations

import numpy as np

from crossloop.operations import Product
from crossloop.protocol.streams import Family
from crossloop.session import Session


def _codes(session: Session, rng: np.random.Generator, lines: int) -> np.ndarray:
    return rng.integers(session.levels.code_min + 1, session.levels.code_max + 1, lines).astype(np.int16)


def multiply_forward_and_transposed(session: Session, rng: np.random.Generator) -> None:
    """Both directions, single lines and pairs, every range, whole array and a part of it."""
    parameters = session.parameters
    session.arm()
    for sensed in (Family.COLUMNS, Family.ROWS):
        driven, channels = (
            (parameters.rows, parameters.columns) if sensed is Family.COLUMNS else (parameters.columns, parameters.rows)
        )
        for range_index in range(4):
            for pair in (False, True) if channels > 1 else (False,):
                count = channels // (2 if pair else 1)
                lines = int(rng.integers(1, driven + 1))
                codes = _codes(session, rng, lines)
                tile = int(rng.integers(parameters.tiles))
                session.execute(
                    Product(
                        tile,
                        sensed,
                        codes,
                        count,
                        pair=pair,
                        range_index=range_index,
                        settle_cycles=7,
                        integrate_cycles=9,
                    )
                )
                session.execute(Product(tile, sensed, codes, 1 + count // 2, range_index=range_index))


def drive_into_saturation(session: Session, rng: np.random.Generator) -> None:
    """Full levels on all rows at the narrowest range."""
    codes = np.full(session.parameters.rows, session.levels.code_max, np.int16)
    session.arm()
    session.execute(
        *(Product(0, Family.COLUMNS, sign * codes, session.parameters.columns, range_index=3) for sign in (1, -1))
    )


def read_all_cells(session: Session, rng: np.random.Generator) -> None:
    """Every cell of every tile, row by row."""
    session.arm()
    for index in range(session.parameters.tiles):
        session.tile(index).read_all()
