"""Fits recover what synthetic tables were made from; the examples of docs/devices.md run."""

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.fitting import Measurement, fit, load_csv
from crossloop_sim.devices.population import Population
from crossloop_sim.devices.soft_bounds import SoftBounds

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_pulses", ROOT / "docs" / "make_pulses.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measurement(device, cells=40, pulses=120, seed=1):
    probe = Population(device, cells, seed=seed)
    probe.set_w(-0.9)
    steps = []
    for sign in (1, -1, 1, -1):
        for _ in range(pulses):
            before = probe.read_s()
            probe.pulse(sign * 1.0, device.t_pulse_s)
            steps.append((np.arange(cells), np.full(cells, sign), before, probe.read_s()))
    return Measurement(*(np.concatenate(column) for column in zip(*steps, strict=True)))


def test_a_linear_fit_recovers_the_model_behind_the_table(maker):
    true = maker.DEVICE
    fitted = fit(load_csv(ROOT / "docs" / "data" / "pulses.csv")).device
    # The fit's w spans the range that was measured, so steps are compared in siemens: in the middle and at both ends of what was seen.
    for g_s in (6e-6, 11e-6, 15e-6):
        steps = {}
        for name, device in (("true", true), ("fitted", fitted)):
            quiet = replace(device, c2c=0.0, dw_min_dtod=0.0)
            for sign in (1.0, -1.0):
                cell = Population(quiet, 1)
                cell.set_w((g_s - quiet.g_mid_s) / quiet.g_half_s)
                cell.pulse(sign, quiet.t_pulse_s)
                steps[name, sign] = cell.read_s()[0] - g_s
        for sign in (1.0, -1.0):
            # Eight cells of 10 % spread: their mean is known to 3.5 %, times 4.
            assert steps["fitted", sign] == pytest.approx(steps["true", sign], rel=0.15)
    # Steps of cells of 10 % spread: eight of them say little about the spread itself.
    assert 0.03 < fitted.dw_min_dtod < 0.25
    # Additive noise of 0.2 steps; steps differ by direction, and dw_min is the larger one.
    assert fitted.c2c * fitted.dw_min * fitted.g_half_s == pytest.approx(0.2 * 0.9 * 0.03 * true.g_half_s, rel=0.2)


@pytest.mark.parametrize("kind", ["soft-bounds", "piecewise"])
def test_soft_bounds_are_recovered(kind):
    true = SoftBounds(
        g_min_s=1e-6, g_max_s=50e-6, dw_min=0.04, dw_min_dtod=0.05, up_down_dtod=0.0, w_max_dtod=0.0, w_min_dtod=0.0, c2c=0.1,
        c2c_kind="additive",
    )  # fmt: skip
    fitted = fit(measurement(true), kind).device
    cells = {
        name: Population(replace(d, c2c=0.0, dw_min_dtod=0.0), 1) for name, d in (("true", true), ("fitted", fitted))
    }
    for g_s in (10e-6, 25e-6, 40e-6):
        moved = {}
        for name, cell in cells.items():
            cell.set_w((g_s - cell.device.g_mid_s) / cell.device.g_half_s)
            cell.pulse(1.0, cell.device.t_pulse_s)
            moved[name] = cell.read_s()[0] - g_s
        assert moved["fitted"] == pytest.approx(moved["true"], rel=0.1)
    assert fitted.c2c == pytest.approx(0.1, rel=0.35)
    assert fitted.dw_min_dtod == pytest.approx(0.05, rel=0.5)


def test_bad_tables_are_refused_by_line(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("cell,volts\n0,1\n")
    with pytest.raises(RangeError, match="lacks the columns conductance_s, pulse"):
        load_csv(path)
    path.write_text("cell,pulse,conductance_s\n0,0,1e-6\n0,1,many\n")
    with pytest.raises(RangeError, match=r"line 3: .*is not cell, pulse in volts and conductance in siemens"):
        load_csv(path)
    path.write_text("cell,pulse,conductance_s\n0,0,1e-6\n0,1,-2e-6\n")
    with pytest.raises(RangeError, match="line 3: pulses must be finite and conductances 0 S or more"):
        load_csv(path)
    path.write_text("cell,pulse,conductance_s\n0,0,1e-6\n0,1,2e-6\n")
    with pytest.raises(RangeError, match="at least 20 pulses in each direction, not 1 up and 0 down"):
        fit(load_csv(path))


def test_the_examples_of_the_page_run(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "devices.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    assert len([line for line in blocks[0].split("\n\n\n", 1)[1].splitlines() if line.strip()]) <= 30
    for block in blocks:
        exec(compile(block, "docs/devices.md", "exec"), {"__name__": "example"})  # noqa: S102
    printed = capsys.readouterr().out
    assert printed.startswith("[ 0.1998")
