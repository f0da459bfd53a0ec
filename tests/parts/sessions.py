"""What a session with a transcript has done at the boundary behind the part models."""

from __future__ import annotations

from crossloop.session import Session

ROUTES = {(0, 0): 1, (1, 0): 2, (0, 1): 4, (1, 1): 8}
"""Switches S1 to S4 by family and pairs: which amplifiers the converters listen to; S5 to S8 choose the range."""


def boundary_records(session: Session) -> list[list[int]]:
    """Records of the direct boundary behind the part models, conversions among them."""
    records: list[list[int]] = []
    for item in session.transport.world.transcript._log:
        records += item.tolist() if not isinstance(item, tuple) else [item[0].tolist()]
    return records


def converter_codes(session: Session) -> list[list[int]]:
    """What the plant answered to each conversion, as 16-bit converter codes in the middle of a step or at the limit."""
    bits = session.parameters.sample_bits
    answers = []
    for item in session.transport.world.transcript._log:
        if isinstance(item, tuple):
            codes = [(int(word) & (1 << bits) - 1 ^ 1 << bits - 1) - (1 << bits - 1) for word in item[1]]
            steps = [(code << 16 - bits) + (1 << 15 - bits) for code in codes]
            limits = [-(1 << 15) if code < 0 else (1 << 15) - 1 for code in codes]
            flags = [int(word) >> bits & 1 for word in item[1]]
            answers.append([limit if flag else step for step, limit, flag in zip(steps, limits, flags, strict=True)])
    return answers
