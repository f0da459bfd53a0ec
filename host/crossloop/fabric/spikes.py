"""Spike trains for spike-timing-dependent plasticity, as lists of pulses for the waveform player.

The presynaptic train is on the row and the postsynaptic one on the column, each spike with its shape: the cell sees their difference,
row less column, and learns where two spikes overlap. With a short peak and a long tail of the other sign, the sum of one's peak and the
other's tail tells how far apart they were, and the order tells the sign (`exponential_spike`).

Source: Linares-Barranco and Serrano-Gotarredona, Nature Precedings (2009), doi:10.1038/npre.2009.3010.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from crossloop.fabric.waveform import Step
from crossloop.protocol.errors import RangeError


def spike_trains(
    pre_slots: Sequence[int],
    post_slots: Sequence[int],
    pre: Sequence[int],
    post: Sequence[int],
    *,
    delay_slots: int = 0,
    width_taps: int,
    gap_taps: int,
) -> tuple[Step, ...]:
    """Return two spike trains as pulses, one for each slot in which a spike lasts; the slots between are part of the gaps.

    Parameters
    ----------
    pre_slots, post_slots : sequence of int
        Slots in which the spikes of either train begin, rising. A spike ends where the next one of its train begins.
    pre, post : sequence of int
        Shape of a spike on the row and on the column: level codes of its slots.
    delay_slots : int
        How much later (earlier if negative) the postsynaptic train is than `post_slots` says.
    width_taps, gap_taps : int
        Width of a slot's pulse, and time from there to the next slot, in taps.

    Raises
    ------
    RangeError
        If spikes do not rise, or there is none.
    """
    row = _train("pre_slots", pre_slots, pre, 0)
    column = _train("post_slots", post_slots, post, delay_slots)
    slots = sorted(row.keys() | column.keys())
    if not slots:
        raise RangeError("two spike trains need at least one spike with a level other than 0; nothing was pulsed")
    period = width_taps + gap_taps
    followers = [*slots[1:], slots[-1] + 1]
    return tuple(
        Step(row.get(slot, 0), column.get(slot, 0), width_taps, (after - slot) * period - width_taps)
        for slot, after in zip(slots, followers, strict=True)
    )


def exponential_spike(peak: int, tail: int, decay_slots: float, slots: int) -> tuple[int, ...]:
    """Return a spike of one slot at `peak` and a tail that decays from `tail` on, in level codes rounded to the nearest.

    Parameters
    ----------
    peak : int
        Level code of the first slot.
    tail : int
        Level code from which the tail decays, at the time of the peak; usually of the other sign.
    decay_slots : float
        Slots in which the tail falls to 1/e.
    slots : int
        Slots in all.
    """
    if slots < 1 or not decay_slots > 0:
        raise RangeError(
            f"a spike needs at least 1 slot and a decay above 0 slots, not {slots!r} and {decay_slots!r}; nothing was pulsed"
        )
    return (peak, *(round(tail * math.exp(-slot / decay_slots)) for slot in range(1, slots)))


def _train(name: str, begins: Sequence[int], shape: Sequence[int], delay: int) -> dict[int, int]:
    """Return the level of every slot in which it is not 0."""
    rising = [int(slot) + delay for slot in begins]
    if any(after <= before for before, after in pairwise(rising)):
        raise RangeError(f"{name} must rise, not {tuple(begins)}; nothing was pulsed")
    ends = [*rising, math.inf][1:]
    return {
        begin + place: int(level)
        for begin, end in zip(rising, ends, strict=True)
        for place, level in enumerate(shape)
        if level and begin + place < end
    }
