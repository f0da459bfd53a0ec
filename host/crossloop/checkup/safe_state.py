"""The safe state of a board that nobody has armed."""

from __future__ import annotations

from crossloop.checkup.check import Check, judged
from crossloop.inspection import read_registers, read_state
from crossloop.link import Link
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.errors import Status
from crossloop.protocol.registers import Register

PULSES = (Register.SLOTS, Register.ROW_PULSES, Register.COLUMN_PULSES, Register.CELL_PULSES, Register.TRAIN_PULSES)
"""Counters of what left the pins."""


def pulses(link: Link) -> dict[Register, int]:
    """Return the pulse counters."""
    return read_registers(link, PULSES)


def safe_state(link: Link, before: dict[Register, int] | None = None) -> Check:
    """Look whether the outputs are not armed, a program is refused, and nothing was pulsed.

    Parameters
    ----------
    link : Link
        An open session that has armed nothing.
    before : dict, optional
        The pulse counters at an earlier time since which nothing was to be pulsed.
    """
    state = read_state(link)
    # Ends at once, should a board that is not sound execute it.
    refused = link.exchange([commands.write_program(m.halt().encode(), 0) + commands.run(0)])[0].status
    after = pulses(link)
    given = {name.name: value - (before or after)[name] for name, value in after.items()}
    faults = [
        text
        for wrong, text in (
            (state.armed, "the outputs are armed, although a new session disarms; switch the board off"),
            (
                refused not in {Status.NOT_ARMED, Status.TRIPPED},
                f"a program was not refused while not armed: {refused.name}; switch the board off",
            ),
            (any(given.values()), f"pulses were counted while nothing was armed: {given}; switch the board off"),
        )
        if wrong
    ]
    words = ["not armed", "programs are refused", "no pulse"]
    if state.tripped:
        words.append(f"tripped by {state.trip_cause.name}")
    if state.stop_input:
        words.append("emergency stop input active")
    return judged(
        "safe state", faults, ", ".join(words), armed=state.armed, tripped=state.tripped, trip_cause=state.trip_cause.name,
        stop_input=state.stop_input, counters={register.name: value for register, value in after.items()},
    )  # fmt: skip
