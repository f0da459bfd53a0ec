"""The random streams, written out from the contract's text with numbers of their own; shares no code with gateware or golden model."""

from __future__ import annotations

MASK = 0xFFFFFFFF
SHIFTS = ((13, 17, 5), (5, 9, 7))
"""Of rows and of columns: left, right, left (Marsaglia 2003)."""
DRAWS = 7


class Stream:
    """One family's lanes and its drawing of firing bits.

    Parameters
    ----------
    family
        0 rows, 1 columns.
    lines
        Number of lines; 32 of them share a lane.
    """

    def __init__(self, family: int, lines: int) -> None:
        self._family, self._lines = family, lines
        self.states: list[int] = []
        self.seed(0)

    def seed(self, seed: int) -> None:
        """Restart all lanes."""
        constants = [(2 * lane + 1 + self._family) * 0x9E3779B9 & MASK for lane in range((self._lines + 31) // 32)]
        self.states = [(seed ^ constant) or constant for constant in constants]

    def step(self) -> list[int]:
        """Advance every lane; return one random bit per line."""
        left, right, again = SHIFTS[self._family]
        for lane, state in enumerate(self.states):
            x = (state ^ state << left) & MASK
            y = x ^ x >> right
            self.states[lane] = (y ^ y << again) & MASK
        return [self.states[line // 32] >> (line % 32) & 1 for line in range(self._lines)]

    def draw(self, stream_bytes: list[int], sign: int, driven: int) -> int:
        """Return which lines fire in the next slot, as one bit per line."""
        fire = [0] * self._lines
        for bit in range(DRAWS):
            random = self.step()
            for line, byte in enumerate(stream_bytes):
                fire[line] = fire[line] | random[line] if byte >> bit & 1 else fire[line] & random[line]
        return sum(
            1 << line
            for line, byte in enumerate(stream_bytes)
            if fire[line] and byte >> 7 == sign and driven >> line & 1
        )
