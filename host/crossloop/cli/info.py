"""`crossloop info` and `crossloop safe`: who a target is, and stopping it; neither writes a limit nor arms anything."""

from __future__ import annotations

from contextlib import closing

from rich.console import Console
from rich.table import Table

from crossloop.cli.opening import open_shown
from crossloop.inspection import inspect, stop_target
from crossloop.limits import LimitCodes
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.parameters import Parameters
from crossloop.state import State


def show(target: str) -> None:
    """Print a target's identity, limits and state."""
    with closing(open_shown(target)) as transport:
        found = inspect(transport)
    table = Table(title=target, show_header=False)
    for name, value in rows(found.parameters, found.limits, found.state):
        table.add_row(name, value)
    Console(soft_wrap=True).print(table)


def stop(target: str) -> None:
    """Stop a target and say what it confirmed."""
    with closing(open_shown(target)) as transport:
        state = stop_target(transport)
    Console(soft_wrap=True).print(f"{target} is in the safe state: {_state(state)}", highlight=False)


def rows(parameters: Parameters, limits: LimitCodes, state: State) -> list[tuple[str, str]]:
    """Return the lines of the identity table."""
    levels, clock = Levels.of(parameters), Clock.of(parameters)
    window = (
        f"{parameters.level_bits} bit, {levels.volts(levels.code_min):g} to {levels.volts(levels.code_max):g} V, "
        f"{levels.step_v * 1e3:g} mV apart"
    )
    ranges = ", ".join(f"{picoamperes / 1000:g}" for picoamperes in parameters.range_full_scale_pa)
    return [
        ("build", f"{parameters.build_hash:016x}"),
        ("array", f"{parameters.rows} rows x {parameters.columns} columns, {parameters.tiles} tiles"),
        ("clock", f"{clock.hz / 1e6:g} MHz, pulses in steps of {clock.tap_seconds(1) * 1e9:.4g} ns"),
        ("levels", window),
        ("converters", f"{parameters.sample_bits} bit, ranges of {ranges} nA"),
        ("memories", f"{parameters.vector_words} vector words, {parameters.program_ops} micro-ops"),
        ("frames", f"{parameters.frame_bytes} bytes, {parameters.request_slots} under way"),
        ("limits", "not set yet" if limits.unset else limits.describe(parameters)),
        ("state", _state(state)),
    ]


def _state(state: State) -> str:
    words = ["armed" if state.armed else "disarmed"]
    if state.tripped:
        words.append(f"tripped by {state.trip_cause.name}")
    if state.stop_input:
        words.append("emergency stop input active")
    return ", ".join(words)
