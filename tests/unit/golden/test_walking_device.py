"""A single device walks over every cell: only a cell whose row and column are pulsed together sees the full voltage."""

import numpy as np
import pytest

from crossloop.protocol import microops as ops
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind


def doses(bench, rows: int, columns: int) -> np.ndarray:
    """Charge-like dose per cell: voltage code times cycles while the gates were on, from the events alone."""
    levels = np.zeros((2, max(rows, columns)))
    states = np.zeros((2, max(rows, columns)), int)
    gates, since = (0, 0), 0
    dose = np.zeros((rows, columns))
    for event in bench.plant.seen:
        if event.kind is Kind.LEVEL:
            code = event.words[0] - 2**64 if event.words[0] >> 63 else event.words[0]
            levels[event.a, slice(None) if event.b == 65535 else event.b] = code
        elif event.kind is Kind.STATES:
            for family in (0, 1):
                low, high = event.words[2 * family : 2 * family + 2]
                states[family] = [(low >> n & 1) | (high >> n & 1) << 1 for n in range(states.shape[1])]
        elif event.kind is Kind.GATES:
            on = [[gates[f] >> n & 1 for n in range(states.shape[1])] for f in (0, 1)]
            driven = np.where((states == LineState.DRIVE) & np.array(on, bool), levels, 0.0)
            dose += (driven[0, :rows, None] - driven[1, None, :columns]) * (event.cycle - since)
            gates, since = event.words[:2], event.cycle
    return dose


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("column", range(3))
@pytest.mark.parametrize("row", range(4))
def test_only_the_selected_cell_sees_the_full_voltage(bench, row, column, polarity) -> None:
    bench.ready().run(
        ops.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE, index=row),
        ops.connect(Family.COLUMNS, LineState.DRIVE, selection=Selection.ONE, index=column),
        ops.level(Family.ROWS, row, 10 * polarity),
        ops.level(Family.COLUMNS, column, -10 * polarity),
        ops.pulse(7, 13, 4),
    )
    expected = np.zeros((4, 3))
    expected[row, :] += 10 * polarity * 7 * 13
    expected[:, column] += 10 * polarity * 7 * 13
    np.testing.assert_array_equal(doses(bench, 4, 3), expected)
