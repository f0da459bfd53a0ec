"""Write-verify of random targets over a whole array of cells with transistors: one command, the host idle meanwhile.

The cells (preset `rram`): steps grow exponentially with the voltage, thresholds vary by 0.15 V from cell to cell and steps by 30 % from
pulse to pulse, readings by 0.3 uS, and after each pulse a cell relaxes by 2.8 uS within seconds.
"""

from __future__ import annotations

import time

import numpy as np
from report import Report

import crossloop
from crossloop.fabric.endings import Reason
from crossloop.protocol.parameters import GateLines
from crossloop.writing import Verified, VoltageLadder

SEED = 5
SIZE = 32
TOLERANCE_S = 1e-6
QUERY = (
    f"rows={SIZE}&columns={SIZE}&clock_hz=48000000&level_bits=12&sample_bits=12&level_full_scale_uv=4096000&vector_words=4096"
    f"&range_full_scale_pa=10240000,2560000,640000,160000&preset=rram&seed={SEED}"
)
V_GATE_V = 3.125
UP = VoltageLadder(v_start_v=1.0, v_stop_v=2.6, v_step_v=0.1, width_s=1e-6)
DOWN = VoltageLadder(v_start_v=1.2, v_stop_v=3.0, v_step_v=0.1, width_s=1e-6)
WORLDS = {
    "passive": (GateLines.NONE, "direct"),
    "1T1R, gates along columns": (GateLines.COLUMNS, "direct"),
    "1T1R, gates along rows": (GateLines.ROWS, "direct"),
    "1T1R, reference front end": (GateLines.COLUMNS, "reference"),
}
"""How the gate lines lie, and the front end."""
SETTLE_S = {"direct": 1e-6, "reference": 100e-6}
"""Settle time of a reading: the AD7606's input filter takes 50 us to 1 % of a step (crossloop.protocol.parts.ad7606)."""


def measure(report: Report) -> None:
    """Program the array on the RTL, with transistors and without, and read it again at the end."""
    for name, (along, front_end) in WORLDS.items():
        print(f"  {name}", flush=True)
        verified, again_s, wall_s = _program("rtl", along, front_end)
        model, *_ = _program("model", along, front_end)
        in_window = verified.outcome.reasons == Reason.IN_WINDOW
        figures = [
            ("cells in their windows", float(in_window.mean()), "", 0.99, False),
            ("pulses per cell", float(verified.pulses.mean()), "", 12, True),
            ("device time per cell", 1e3 * verified.time_s / in_window.size, "ms", 5, True),
            ("time on rtl:", wall_s, "s", 60, True),
        ]
        for figure, value, unit, bar, at_most in figures:
            # The bars are those of cells with transistors: a passive array does not keep what it was given.
            report.add(f"{name}: {figure}", value, unit, bar=bar if along else None, at_most=at_most)
        report.add(f"{name}: within when read again", float((np.abs(again_s) <= TOLERANCE_S).mean()), "")
        report.add(f"{name}: spread when read again", float(again_s.std() * 1e6), "uS")
        report.add(f"{name}: cycles, rtl over model", verified.outcome.cycles / model.outcome.cycles, "x", bar=1.0)


def _program(target: str, along: GateLines, front_end: str) -> tuple[Verified, np.ndarray, float]:
    """Return the outcome, the errors of a reading at the end in siemens, and the wall time in seconds."""
    limits = crossloop.Limits(v_level_max_v=3.0, width_cap_s=2e-4, v_gate_max_v=V_GATE_V if along else None)
    gate = {"v_gate_v": V_GATE_V} if along else {}
    ladders = [VoltageLadder(**{**vars(ladder), **gate}) for ladder in (UP, DOWN)]
    settle_s = SETTLE_S[front_end]
    targets_s = np.random.default_rng(SEED).uniform(1e-6, 40e-6, (SIZE, SIZE))
    with crossloop.connect(f"{target}:?{QUERY}&gate_lines={int(along)}&frontend={front_end}", limits=limits) as session:
        session.arm()
        tile = session.tile(0)
        begin = time.perf_counter()
        verified = tile.write_verify(
            targets_s, tolerance_s=TOLERANCE_S, v_read_v=0.2, up=ladders[0], down=ladders[1], settle_s=settle_s
        )
        wall_s = time.perf_counter() - begin
        return verified, np.asarray(tile.read_all(v_read_v=0.2, settle_s=settle_s)) - targets_s, wall_s
