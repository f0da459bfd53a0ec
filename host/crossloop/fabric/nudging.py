"""Nudges in settle programs: per phase, which columns are pulled towards which level through their nudge lines."""

from __future__ import annotations

from crossloop.fabric.assembly import Assembly
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family

CHOSEN = 0x80
"""Word of a mask that chooses a line: the sign bit of a stream bank's byte."""


def choose(code: Assembly, family: Family, lines: int, mask: int, others: LineState) -> None:
    """Drive the lines that the mask at address `mask` chooses; the bank is that of rows, or of columns and nudge lines."""
    bank = Family.ROWS if family is Family.ROWS else Family.COLUMNS
    code.add(
        ar.streams(bank, lines, mask),
        m.connect(family, LineState.DRIVE, others=others, selection=Selection.SIGNED),
    )


def nudge(code: Assembly, lines: int, mask: int, targets: int) -> None:
    """Close the nudge switches of the columns that the mask chooses, to the level codes at `targets`; open all others."""
    code.add(m.levels(Family.NUDGES, lines, targets))
    choose(code, Family.NUDGES, lines, mask, LineState.FLOAT)


def release(code: Assembly, parameters: Parameters) -> None:
    """Open every nudge switch, in builds that have any."""
    if parameters.nudge_lines:
        code.add(m.connect(Family.NUDGES, LineState.FLOAT))


def check_nudges(parameters: Parameters) -> None:
    """Refuse nudges on a build without nudge lines."""
    if not parameters.nudge_lines:
        raise RangeError("this build has no nudge lines; build it with nudge_lines=1, nothing was driven")
