"""Gaps between pulses: what a build needs at least, and what is taken where the caller has no wish."""

from __future__ import annotations

from crossloop.protocol.converters import Clock
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import GAP_MAX
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.timing import pulse_gap_min_taps

GAP_S = 1e-6
"""Gap that is taken where the caller has no wish, in seconds, if it is long enough for the build."""


def gap_cycles(gap_s: float | None, parameters: Parameters, *, name: str = "gap_s", usual_s: float = GAP_S) -> int:
    """Return the gap of coincidence slots in cycles; None is the usual one, or the shortest of the build if that is longer.

    Raises
    ------
    RangeError
        If the gap has no exact number of cycles, is too short for the build, or too long for a micro-op.
    """
    clock = Clock.of(parameters)
    if gap_s is None:
        return max(clock.cycles(usual_s, name), parameters.gap_min_cycles)
    cycles = clock.cycles(gap_s, name, GAP_MAX)
    check_slot_gap(cycles, parameters)
    return cycles


def gap_taps(gap_s: float | None, parameters: Parameters) -> int:
    """Return the gap after counted pulses in taps; as `gap_cycles`."""
    clock = Clock.of(parameters)
    if gap_s is None:
        return max(clock.gap_taps(GAP_S), pulse_gap_min_taps(parameters))
    taps = clock.gap_taps(gap_s)
    check_gap(taps, parameters)
    return taps


def check_gap(taps: int, parameters: Parameters) -> None:
    """Refuse a gap after a counted pulse, in taps, that is shorter than the build can make it, or its front end can bear."""
    _check(taps, pulse_gap_min_taps(parameters), Clock.of(parameters))


def check_slot_gap(cycles: int, parameters: Parameters) -> None:
    """Refuse a gap between coincidence slots, in cycles, that is shorter than the front end can bear."""
    _check(cycles * parameters.gate_taps, parameters.gap_min_cycles * parameters.gate_taps, Clock.of(parameters))


def _check(taps: int, least: int, clock: Clock) -> None:
    if taps < least:
        raise RangeError(
            f"a gap of {clock.tap_seconds(taps):.6g} s after a pulse is shorter than the {clock.tap_seconds(least):.6g} s "
            f"({least} taps) that this build needs between two pulses; make it longer, nothing was sent"
        )
