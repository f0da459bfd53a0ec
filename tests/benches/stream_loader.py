"""Stream loader: the bank is cleared, then filled from the highest line down, one byte per cycle."""

from __future__ import annotations

from typing import Any

import cocotb

from benches.stepper import Stepper, generator

INPUTS = ("start", "count", "first", "abort")
OUTPUTS = ("vector_address", "clear", "shift", "done")


async def load(
    stepper: Stepper, count: int, first: int, *, abort_at: int = -1
) -> tuple[list[int], list[int], list[int]]:
    """Start; return the words that were shifted in, and the cycles of the clear and done strobes."""
    stepper.hold(count=count, first=first)
    words, clears, done = [], [], []
    address = (await stepper.step(start=1))["vector_address"]
    assert address == 0
    for cycle in range(1, count + 6):
        out = await stepper.step(abort=int(cycle == abort_at))
        if out["shift"]:
            assert not out["clear"]
            words.append(address)
        if out["clear"]:
            clears.append(cycle)
        if out["done"]:
            done.append(cycle)
        address = out["vector_address"]
    return words, clears, done


@cocotb.test()
async def words_are_taken_from_the_last_line_down(dut: Any) -> None:
    stepper, random = Stepper(dut, INPUTS, OUTPUTS), generator()
    await stepper.reset()
    for count in (1, 2, 3, 32, 65, *(random.randint(1, 90) for _ in range(4))):
        first = random.randrange(1, 60000)
        words, clears, done = await load(stepper, count, first)
        assert words == list(range(first + count - 1, first - 1, -1))
        assert clears == [1]
        assert done == [count + 1]


@cocotb.test()
async def an_abort_stops_it_and_the_next_start_is_whole(dut: Any) -> None:
    stepper = Stepper(dut, INPUTS, OUTPUTS)
    await stepper.reset()
    for abort_at in range(1, 6):
        words, _clears, done = await load(stepper, 6, 100, abort_at=abort_at)
        assert len(words) == abort_at - 1
        assert not done
        assert (await load(stepper, 3, 40))[0] == [42, 41, 40]
