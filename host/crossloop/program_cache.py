"""Which programs are in the device's program memory, by their content."""

from __future__ import annotations

from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import MICRO_OP


class ProgramCache:
    """Places programs in the program memory one after the other, in a ring; what is overwritten is forgotten.

    Requests are executed in order, so overwriting a program whose run was requested earlier is safe.

    Parameters
    ----------
    depth : int
        Size of the program memory in micro-ops.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._addresses: dict[bytes, int] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._addresses)

    def clear(self) -> None:
        """Forget everything: after an error nobody knows what was written."""
        self._addresses.clear()
        self._next = 0

    def find(self, image: bytes) -> int | None:
        """Return the address of a program that is on the device, in micro-ops."""
        return self._addresses.get(image)

    def place(self, image: bytes) -> int:
        """Choose an address for a program and remember it there; the caller uploads it.

        Raises
        ------
        RangeError
            If the program is longer than the program memory.
        """
        length = len(image) // MICRO_OP.size
        if length > self._depth:
            raise RangeError(
                f"program of {length} micro-ops is longer than the device's program memory of {self._depth}; "
                "use loops or split it, nothing was sent"
            )
        start = self._next if self._next + length <= self._depth else 0
        end = start + length
        self._addresses = {
            held: address
            for held, address in self._addresses.items()
            if address + len(held) // MICRO_OP.size <= start or address >= end
        }
        self._addresses[image] = start
        self._next = end
        return start
