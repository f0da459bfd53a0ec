"""Host programs that run unchanged on every target; what they do to the plant must be equal everywhere.

Each takes a session and a seeded generator. Nothing here knows what is behind the session.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crossloop.session import Session
from scenarios import arithmetic, gate_lines, memory, nodes, products, pulses, safety, sequences, updates

Scenario = Callable[[Session, np.random.Generator], None]

SCENARIOS: dict[str, Scenario] = {
    "walking device": pulses.walk_every_cell_and_polarity,
    "pulse trains": pulses.count_on_random_cells,
    "masked pulses": pulses.fire_random_masks,
    "products": products.multiply_forward_and_transposed,
    "saturating products": products.drive_into_saturation,
    "cell reads": products.read_all_cells,
    "node voltages": nodes.read_with_random_lines_floating,
    "nudge lines": nodes.walk_nudges_and_break_their_rules,
    "updates": updates.update_with_random_signs,
    "reseeded updates": updates.repeat_from_the_same_seed,
    "training step": updates.multiply_and_update_in_one_frame,
    "random programs": sequences.run_random_programs,
    "nested loops": sequences.nest_loops,
    "refused programs": safety.offer_bad_programs,
    "trips and arming": safety.trip_and_arm_again,
    "arithmetic": arithmetic.compute_at_random,
    "refused arithmetic": arithmetic.refuse_bad_arithmetic,
    "samples and streams": arithmetic.sample_and_drive,
    "gate lines": gate_lines.walk_gates_and_break_their_rules,
    "gate currents": gate_lines.pulse_gates_by_voltage_and_by_charge,
    "compliance and duty": gate_lines.end_pulses_early,
    "vector memory": memory.write_and_read_back,
}
"""Name and program."""

SEED = 20261122
"""Seed of every scenario's generator."""


def run(name: str, session: Session) -> None:
    """Run one scenario with its own fixed generator."""
    SCENARIOS[name](session, np.random.default_rng(SEED))
