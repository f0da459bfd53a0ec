"""An assembler for programs that decide: named registers, labels and branches over micro-ops."""

from __future__ import annotations

from collections.abc import Callable

from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import REGISTERS, WORD_MAX, WORD_MIN, Condition, Function
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import MicroOp


class Label:
    """A place in a program that branches may name before it is known."""

    def __init__(self) -> None:
        self.position: int | None = None


class Assembly:
    """Collects micro-ops; `ops()` returns them with every branch resolved.

    Registers are named once and then used by name, so that a program reads as what it does.
    """

    def __init__(self) -> None:
        self._ops: list[MicroOp | Callable[[], MicroOp]] = []
        self._registers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ops)

    def register(self, name: str) -> int:
        """Return the number of a named register; a new name gets the next free one.

        Raises
        ------
        RangeError
            If all registers are in use.
        """
        if name not in self._registers:
            if len(self._registers) == REGISTERS:
                raise RangeError(f"register {name!r} is one more than the {REGISTERS} that the device has")
            self._registers[name] = len(self._registers)
        return self._registers[name]

    def add(self, *ops: MicroOp) -> None:
        """Append micro-ops as they are."""
        self._ops += ops

    def here(self, label: Label | None = None) -> Label:
        """Put a label at the next micro-op; without one, a new label."""
        placed = label or Label()
        placed.position = len(self._ops)
        return placed

    def set(self, name: str, value: int) -> None:
        """Set a register."""
        self.add(ar.set_register(self.register(name), value))

    def compute(self, result: str, function: Function, x: str, y: str | int) -> None:
        """Compute a register of another one and a register or a constant."""
        number, left = self.register(result), self.register(x)
        if isinstance(y, str):
            self.add(ar.compute(function, number, left, y=self.register(y)))
        else:
            self.add(ar.compute(function, number, left, constant=y))

    def increase(self, name: str, amount: int | str = 1) -> None:
        """Add to a register."""
        self.compute(name, Function.ADD, name, amount)

    def load(self, name: str, address: int, index: str | None = None) -> None:
        """Load a vector word, at `address` plus register `index`."""
        self.add(ar.load(self.register(name), address, None if index is None else self.register(index)))

    def store(self, name: str, address: int, index: str | None = None) -> None:
        """Store a register in a vector word, at `address` plus register `index`."""
        self.add(ar.store(self.register(name), address, None if index is None else self.register(index)))

    def indexed(self, op: MicroOp, *, b: str | None = None, c: str | None = None) -> None:
        """Append a micro-op to whose fields registers are added."""
        self.add(ar.index(b=None if b is None else self.register(b), c=None if c is None else self.register(c)), op)

    def branch(
        self,
        label: Label,
        condition: Condition = Condition.ALWAYS,
        x: str | None = None,
        y: str | int = 0,
        *,
        leave: bool = False,
    ) -> None:
        """Branch to a label if x `condition` y; a constant beyond a branch's 16 bits goes through a register of its own."""
        left = 0 if x is None else self.register(x)
        if isinstance(y, int) and not WORD_MIN <= y <= WORD_MAX:
            self.set("constant", y)
            y = "constant"
        right = {"y": self.register(y)} if isinstance(y, str) else {"constant": y}
        at = len(self._ops)

        def resolve() -> MicroOp:
            if label.position is None:
                raise RangeError("a branch goes to a label that was never placed")
            return ar.branch(label.position - at, condition, left, leave=leave, **right)

        self._ops.append(resolve)

    def ops(self) -> tuple[MicroOp, ...]:
        """Return the program with its HALT."""
        resolved = [op if isinstance(op, MicroOp) else op() for op in self._ops]
        return (*resolved, m.halt())
