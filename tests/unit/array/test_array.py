"""Arrays as users meet them: line states, write schemes, sneak currents, refusals, settling."""

import re
import subprocess

import numpy as np
import pytest
from circuits.networks import LAWS
from circuits.spice import needs_ngspice

from crossloop.protocol.errors import CircuitError, RangeError, ShapeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import Family
from crossloop_sim.array import Array, Break, Bridge, LineEnd, Lines, OneSelectorOneResistor, Sinh, Wires
from crossloop_sim.array.settling import elmore_s, settle
from crossloop_sim.array.spice import netlist
from crossloop_sim.array.wiring import write_scheme

DRIVE, SENSE, GROUND, FLOAT = LineState.DRIVE, LineState.SENSE, LineState.GROUND, LineState.FLOAT


def read_lines(wires, rows, columns, v=0.2):
    return Lines.of_states(wires, [DRIVE] * rows, [SENSE] * columns, np.full(rows, v), np.zeros(columns))


def test_ideal_wires_give_the_matrix_product():
    rng = np.random.default_rng(0)
    g, v = rng.uniform(1e-6, 1e-4, (5, 3)), rng.uniform(-0.2, 0.2, 5)
    lines = Lines.of_states(Wires(), [DRIVE] * 5, [SENSE] * 3, v, np.zeros(3))
    np.testing.assert_allclose(Array(g).solve(lines).column_near_a, g.T @ v, rtol=1e-12)


@pytest.mark.parametrize(("scheme", "others"), [("V/2", (0.5, 0.5, 0.0)), ("V/3", (1 / 3, 1 / 3, -1 / 3))])
def test_write_schemes_put_the_stated_voltages_on_every_cell(scheme, others):
    row_v, column_v = write_scheme(4, 5, 1, 2, 1.2, scheme)
    v = row_v[:, None] - column_v
    same_row, same_column, elsewhere = others
    assert v[1, 2] == pytest.approx(1.2)
    np.testing.assert_allclose(np.delete(v[1], 2), 1.2 * same_row)
    np.testing.assert_allclose(np.delete(v[:, 2], 1), 1.2 * same_column)
    np.testing.assert_allclose(np.delete(np.delete(v, 1, 0), 2, 1), 1.2 * elsewhere, atol=1e-15)


def test_sneak_current_is_that_of_three_cells_in_series():
    g = np.array([[4e-5, 6e-5], [3e-5, 2e-5]])
    lines = Lines.of_states(Wires(), [DRIVE, FLOAT], [SENSE, FLOAT], [0.3, 0], [0, 0])
    found = Array(g).solve(lines)
    sneak = 1 / (1 / 6e-5 + 1 / 2e-5 + 1 / 3e-5)
    assert found.column_near_a[0] == pytest.approx(0.3 * (4e-5 + sneak), rel=1e-12)
    assert found.cell_a[1, 1] == pytest.approx(-0.3 * sneak, rel=1e-12)


def test_a_selector_cuts_sneak_currents():
    g = np.full((16, 16), 1e-4)
    states = ([DRIVE] + [FLOAT] * 15, [SENSE] + [FLOAT] * 15)
    lines = Lines.of_states(Wires(), *states, np.full(16, 0.6), np.zeros(16))
    shares = {}
    for name, law in (("ohmic", None), ("1S1R", OneSelectorOneResistor())):
        found = Array(g, law=law).solve(lines)
        shares[name] = 1 - found.cell_a[0, 0] / found.column_near_a[0]
    assert shares["ohmic"] > 0.8
    assert shares["1S1R"] < 0.05


def test_far_cells_see_less_and_driving_both_ends_helps():
    g = np.full((64, 64), 1e-4)
    drops = {}
    for ends in ("near", "both"):
        wires = Wires(r_row_ohm=2.0, r_column_ohm=2.0, row_ends=ends, column_ends=ends)
        drops[ends] = 1 - Array(g, wires).solve(read_lines(wires, 64, 64)).cell_v / 0.2
    # The column's amplifier is at the bottom: the top right cell is the farthest.
    assert drops["near"].argmax() == 63
    assert drops["both"].max() < drops["near"].max() / 2


def test_a_break_cuts_off_what_lies_behind_it():
    wires = Wires(r_row_ohm=1.0, r_column_ohm=1.0)
    found = Array(np.full((3, 6), 1e-5), wires, faults=[Break(Family.ROWS, 1, 4)]).solve(read_lines(wires, 3, 6))
    whole = Array(np.full((3, 6), 1e-5), wires).solve(read_lines(wires, 3, 6))
    ratio = found.column_near_a / whole.column_near_a
    np.testing.assert_allclose(ratio, [1, 1, 1, 1, 2 / 3, 2 / 3], atol=1e-3)


@pytest.mark.parametrize("law", ["sinh", "cubic", "1S1R"])
def test_newton_on_the_ladder_agrees_with_nodal_analysis(law):
    rng = np.random.default_rng(5)
    wires = Wires(r_row_ohm=5.0, r_column_ohm=3.0, r_driver_ohm=30.0, r_amplifier_ohm=10.0)
    array = Array(rng.uniform(1e-6, 1e-4, (20, 12)), wires, LAWS[law])
    lines = read_lines(wires, 20, 12, 0.6)
    fast = array.solve(lines)
    exact = array._solve_nodal(lines, None)
    assert fast.method.startswith("ladder and")
    np.testing.assert_allclose(fast.column_near_a, exact.column_near_a, rtol=1e-8)
    np.testing.assert_allclose(fast.cell_v, exact.cell_v, atol=1e-9)
    again = array.solve(lines, start=fast)
    np.testing.assert_allclose(again.column_near_a, exact.column_near_a, rtol=1e-8)


def test_transistors_that_are_off_carry_nothing():
    array = Array(np.full((3, 3), 1e-5), law=LAWS["1T1R"])
    gate_v = np.array([1.2, 0.0, 1.2])
    lines = Lines.of_states(Wires(), [DRIVE] * 3, [SENSE] * 3, np.full(3, 0.2), np.zeros(3), gate_v)
    found = array.solve(lines)
    assert not found.row_near_a[1]
    assert (found.row_near_a[[0, 2]] < -5.7e-6).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Array([[1e-6, -1e-9]]), RangeError, r"conductance of cell \(0, 1\) is -1e-09 S"),
        (lambda: Array([[1e-6], [float("nan")]]), RangeError, r"conductance of cell \(1, 0\) is nan S"),
        (lambda: Array(np.zeros((0, 4))), ShapeError, r"each at least 1, not \(0, 4\)"),
        (lambda: Array([1e-6, 2e-6]), ShapeError, r"\(rows, columns\)"),
        (lambda: Array([[1e-6]], Wires(r_row_ohm=-1.0)), RangeError, r"r_row_ohm must be finite and not negative, not -1.0"),
        (lambda: Array([[1e-6]], law=Sinh(v0_v=0.0)), RangeError, r"Sinh.v0_v must be finite and above 0, not 0.0"),
        (lambda: Array([[1e-6]], faults=[Break(Family.ROWS, 3, 0)]), RangeError, "outside the array of 1 x 1 cells"),
        (
            lambda: Array([[1e-6]], faults=[Bridge((Family.ROWS, 0, 0), (Family.COLUMNS, 0, 5), 1.0)]),
            RangeError,
            "outside the array",
        ),
        (
            lambda: Array(np.ones((2, 2))).solve(Lines.of_states(Wires(), [FLOAT] * 2, [FLOAT] * 2, [0, 0], [0, 0])),
            CircuitError,
            "no line end is connected, so the network has no ground",
        ),
        (
            lambda: Array([[1e-5, 0], [0, 1e-5]]).solve(Lines.of_states(Wires(), [DRIVE, FLOAT], [SENSE, FLOAT], [0.1, 0], [0, 0])),
            CircuitError,
            r"the row-side node of cell \(1, 0\) is on a floating island",
        ),
        (
            lambda: Array(
                [[1e-5], [1e-5]], faults=[Bridge((Family.ROWS, 0, 0), (Family.ROWS, 1, 0), 0.0)]
            ).solve(Lines.of_states(Wires(), [DRIVE] * 2, [SENSE], [0.1, 0.2], [0])),
            CircuitError,
            r"shorted to a node at 0\.\d V by wires of 0 ohm; give the drivers a resistance",
        ),
        (
            lambda: Array(np.full((2, 2), 1e-5), law=LAWS["1T1R"]).solve(
                Lines.of_states(Wires(), [DRIVE] * 2, [FLOAT, SENSE], [0.1, 0.2], [0, 0], [0.0, 0.0])
            ),
            CircuitError,
            r"the network is singular at the column-side node of cell \(0, 0\): no branch there conducts",
        ),
        (
            lambda: Array(np.ones((2, 2))).solve(Lines.of_states(Wires(), [DRIVE] * 2, [SENSE], [0, 0], [0])),
            ShapeError,
            "column_near must have 2 ends",
        ),
        (
            lambda: Array(np.ones((1, 1))).solve(
                Lines([LineEnd(float("nan"), 1.0)], [LineEnd(0, 1.0)], [LineEnd(0, 1.0)], [LineEnd(0, 1.0)])
            ),
            RangeError,
            r"row_near\[0\] is .*voltages must be finite",
        ),
    ],
)  # fmt: skip
def test_bad_networks_are_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def rc_array():
    wires = Wires(
        r_row_ohm=20.0, r_column_ohm=30.0, r_driver_ohm=100.0, r_amplifier_ohm=50.0, c_row_f=2e-15, c_column_f=3e-15
    )
    rng = np.random.default_rng(2)
    return Array(rng.uniform(1e-5, 1e-4, (8, 6)), wires), Lines.of_states(
        wires, [DRIVE] * 8, [SENSE] * 6, rng.uniform(0.1, 0.3, 8), np.zeros(6)
    )


@needs_ngspice
def test_settling_follows_a_transient_simulation(tmp_path):
    array, lines = rc_array()
    rest = array.solve(read_lines(array.wires, 8, 6, 0.0))
    times_s = np.array([2e-12, 5e-12, 1e-11, 2e-11, 4e-11, 1e-10])
    _rows, columns = settle(array, rest, lines, times_s)
    text = netlist(array, lines)
    text = re.sub(r"^(v[rc]\S+ \S+ 0) dc (\S+)$", r"\1 pwl(0 0 1e-17 \2)", text, flags=re.MULTILINE)
    extra = [f"cw{i}_{j} w{i}_{j} 0 2e-15" for i in range(8) for j in range(6)]
    extra += [f"cb{i}_{j} b{i}_{j} 0 3e-15" for i in range(8) for j in range(6)]
    prints = "\n".join(f"meas tran m{j}_{k} find i(vcn{j}) at={t}" for j in range(6) for k, t in enumerate(times_s))
    text = (
        text.split(".options")[0]
        + "\n".join(extra)
        + (
            "\n.options reltol=1e-6 abstol=1e-16 vntol=1e-12 gmin=1e-20\n.control\nset numdgt=12\n"
            f"tran 2e-14 1.01e-10 0 2e-14 uic\n{prints}\n.endc\n.end\n"
        )
    )
    (tmp_path / "rc.cir").write_text(text)
    done = subprocess.run(["ngspice", "-b", "rc.cir"], cwd=tmp_path, capture_output=True, text=True, check=False)
    found = {m[1]: float(m[2]) for m in re.finditer(r"^(m\d+_\d+)\s*=\s*(\S+)", done.stdout, re.MULTILINE)}
    assert len(found) == 36, done.stdout[-400:] + done.stderr[-400:]
    theirs = np.array([[found[f"m{j}_{k}"] for j in range(6)] for k in range(6)])
    final = array.solve(lines).column_near_a
    # Both methods err by some 1e-4 of the final current at these steps.
    np.testing.assert_allclose(columns / final, theirs / final, atol=1e-3)
    assert (columns[0] < 0.95 * final).all()


def test_reading_too_early_gives_a_wrong_value_and_waiting_the_right_one():
    array, lines = rc_array()
    rest = array.solve(read_lines(array.wires, 8, 6, 0.0))
    row_delay_s, column_delay_s = elmore_s(array, lines)
    tau_s = row_delay_s.max() + column_delay_s.max()
    _rows, columns = settle(array, rest, lines, [0.2 * tau_s, 20 * tau_s])
    final = array.solve(lines).column_near_a
    assert (np.abs(columns[0] / final - 1) > 0.3).all()
    np.testing.assert_allclose(columns[1], final, rtol=1e-4)


def test_elmore_delay_of_a_bare_line_is_the_sum_over_its_capacitances():
    wires = Wires(r_row_ohm=10.0, r_column_ohm=10.0, r_driver_ohm=90.0, c_row_f=1e-15, c_column_f=1e-15)
    array = Array(np.full((1, 4), 1e-6), wires)
    rows, columns = elmore_s(array, Lines.of_states(wires, [DRIVE], [SENSE, SENSE, SENSE, FLOAT], [0.1], np.zeros(4)))
    assert rows[0] == pytest.approx(1e-15 * (100 + 110 + 120 + 130))
    assert columns[0] == pytest.approx(1e-15 * 10)
    assert np.isnan(columns[3])
