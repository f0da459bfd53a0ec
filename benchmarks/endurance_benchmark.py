"""SET and RESET cycles per second of board time with log-spaced readings, predicted by the dry run and counted by the RTL."""

from __future__ import annotations

import time

from report import Report

import crossloop
from crossloop.fabric.endurance import Cycling, Endurance, log_spaced, segments_of
from crossloop.fabric.reading import Reading

CYCLES = 20_000
CYCLES_PER_S = 100_000.0
"""The bar: SET and RESET cycles per second of board time."""
QUERY = (
    "rows=8&columns=8&clock_hz=48000000&level_bits=12&sample_bits=12&level_full_scale_uv=4096000&vector_words=4096"
    "&range_full_scale_pa=10240000,2560000,640000,160000&preset=rram&seed=5"
)
FRONT_ENDS = ("direct", "reference", "reference-dac8568")
SET, RESET = 1000, 1200
"""Codes of 2.0 V and 2.4 V across the cell."""
WAYS = {
    "levels held": ((SET, 0), (0, RESET)),
    "levels changed before each pulse": ((SET // 2, -SET // 2), (-RESET // 2, RESET // 2)),
}
"""Level codes (row, column) of SET and RESET."""
PULSE_CYCLES = GAP_CYCLES = 48
"""One microsecond each."""
SETTLE_CYCLES = {"direct": 48}
"""Settle time of a reading; with parts, the 100 us of the converters' input filter."""


def measure(report: Report) -> None:
    """Cycle one cell on every front end, with both ways to make the pulses."""
    for front_end in FRONT_ENDS:
        for way, levels in WAYS.items():
            print(f"  {front_end}, {way}", flush=True)
            predicted_s, counted_s, wall_s = _endure(front_end, levels)
            title = f"{front_end}, {way}"
            bar = CYCLES_PER_S if way == "levels held" else None
            report.add(f"{title}: cycles of board time", CYCLES / counted_s, "1/s", bar=bar)
            report.add(f"{title}: dry run over RTL", predicted_s / counted_s, "x", bar=1.0)
            report.add(f"{title}: time on rtl:", wall_s, "s")


def _endure(front_end: str, levels: tuple[tuple[int, int], tuple[int, int]]) -> tuple[float, float, float]:
    """Return the predicted and the counted board time and the wall time, in seconds."""
    reading = Reading(100, settle_cycles=SETTLE_CYCLES.get(front_end, 4800), integrate_cycles=48)
    cycling = Cycling(
        set_levels=levels[0], reset_levels=levels[1], set_taps=PULSE_CYCLES, reset_taps=PULSE_CYCLES, gap_taps=GAP_CYCLES,
        reading=reading,
    )  # fmt: skip
    operation = Endurance(cycling, 0, (3, 2), segments_of(log_spaced(CYCLES)))
    limits = crossloop.Limits(v_level_max_v=3.0, width_cap_s=2e-4)
    with crossloop.connect(f"rtl:?{QUERY}&frontend={front_end}", limits=limits) as session:
        session.arm()
        session.write_words(operation.first_word, operation.words())
        before, begin = session.cycles, time.perf_counter()
        session.execute(operation)
        wall_s = time.perf_counter() - begin
        counted_s = session.clock.seconds(session.cycles - before)
        return operation.dry_run(session.parameters).time_s, counted_s, wall_s
