"""The serial line: random bytes there and back, and what came of them."""

from __future__ import annotations

import math
import time

import numpy as np

from crossloop.checkup.check import Check, judged
from crossloop.checkup.counting import CountedTransport
from crossloop.checkup.words import differing_bytes, read_back, write
from crossloop.inspection import read_registers
from crossloop.link import Link
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import Register

SEED = 20261126
"""Of the random bytes, so that two self-tests send the same."""
CONFIDENCE = 0.95
"""Of the bound on the error rate."""


def loop_back(link: Link, line: CountedTransport, parameters: Parameters, count: int) -> Check:
    """Write random bytes to the vector memory and read them back; any spoiled frame fails, although the link repairs it.

    Parameters
    ----------
    link : Link
        An open session.
    line : CountedTransport
        What it speaks through.
    parameters : Parameters
        The device's build.
    count : int
        Bytes there and back.
    """
    rng = np.random.default_rng(SEED)
    spoiled = _spoiled(link)
    resent, passed, begin = link.resent, line.passed, time.perf_counter()
    wrong = done = 0
    while done < count:
        size = min(parameters.vector_words, -(-(count - done) // 2))
        words = rng.integers(-(1 << 15), 1 << 15, size)
        write(link, words, parameters)
        wrong += differing_bytes(words, read_back(link, size, parameters))
        done += 2 * size
    seconds = time.perf_counter() - begin
    passed = line.passed - passed
    device, host = (after - before for after, before in zip(_spoiled(link), spoiled, strict=True))
    errors = wrong + device + host
    bound = error_bound(errors, passed)
    faults = [
        text
        for found, text in (
            (
                wrong,
                f"{wrong} of {done} bytes came back wrong without a spoiled frame; this board or its memory is not sound",
            ),
            (
                device + host,
                f"{device} frames to the board and {host} from it were spoiled; check cable, ground and baud rate",
            ),
        )
        if found
    ]
    rate = f"{done} bytes there and back in {seconds:.2f} s ({done / seconds:.0f} bytes/s), {passed} bytes on the line"
    return judged(
        "loop-back", [f"{'; '.join(faults)} ({rate}, {errors / passed:.1e} errors per byte)"] if faults else [],
        f"{rate}, no error: fewer than {bound:.1e} per byte with {CONFIDENCE:.0%} confidence",
        bytes=done, wrong_bytes=wrong, spoiled_to_board=device, spoiled_from_board=host, resent=link.resent - resent, line_bytes=passed,
        seconds=seconds, bytes_per_s=done / seconds, errors_per_byte=errors / passed, errors_per_byte_below=bound, confidence=CONFIDENCE,
    )  # fmt: skip


def error_bound(errors: int, trials: int) -> float:
    """Return the error rate that is not exceeded with `CONFIDENCE`, after so many errors in so many trials.

    Without errors it is exact, 1 - (1 - confidence)^(1/n) or about 3/n; with some it is the normal approximation of a Poisson count.
    """
    if errors == 0:
        return -math.expm1(math.log(1 - CONFIDENCE) / trials)
    return (errors + 1 + 1.645 * math.sqrt(errors + 1)) / trials


def _spoiled(link: Link) -> tuple[int, int]:
    """Return the spoiled frames so far, to the device and from it."""
    return read_registers(link, (Register.BAD_FRAMES,))[Register.BAD_FRAMES], link.bad_frames
