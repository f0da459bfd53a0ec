"""What the documentation says of the emulated array, computed in another way than gateware and integer model do."""

from collections.abc import Iterator

import numpy as np


def hashed(value: int) -> int:
    """Return lowbias32 of a number, from its published definition in C."""
    x = np.uint64(value & 0xFFFFFFFF)
    mask = np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & mask
    return int(x ^ (x >> np.uint64(16)))


def draws(seed: int) -> Iterator[int]:
    """Yield the draws of an array's generator, one bit after the other: each is the XOR of those 40, 38, 21 and 19 before it."""
    start = hashed(seed ^ 0x9E3779B9) << 8 | 0xA5
    history = [start >> (39 - place) & 1 for place in range(40)]
    while True:
        for _ in range(16):
            history.append(history[-40] ^ history[-38] ^ history[-21] ^ history[-19])
        yield sum(history[-15:])
        del history[:-40]
