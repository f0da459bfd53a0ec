"""The step function of a C model: one rising edge, at the cost of what changed.

Combinational cells form chunks of neighbours, and flip-flops form groups by their enable. Each has a bit in a set of
things to do; whoever changes a value sets the bits of those that read it. A quiet part of the design costs one test.
Values that cross chunks live in the state structure; a chunk that finds a value unchanged wakes nobody.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from crossloop_sim.engine.expressions import CellWriter, gather, literal, read_memory, words
from crossloop_sim.engine.netlist import Bit, Bits, Cell, Net, Netlist

CHUNK = 32
"""Cells per chunk. Measured on the core: 4, 16 and 32 differ by less than a fifth, 8 is unlucky."""
WORD = re.compile(r"(?<![\w>])(?:[nqr]\d+\w*|in_\w+)")
"""Names of values in the text of a statement (values in the state structure follow an arrow)."""
ROWS = re.compile(r"s->(m\d+\w*)\[")
"""Names of memories in the text of a statement."""

Guard = tuple[Bit, ...]


@dataclass
class Unit:
    """Something that is evaluated as a whole."""

    body: list[str]
    defines: dict[str, str] = field(default_factory=dict)
    """Word that a chunk computes or a group updates, and its expression (groups) or nothing."""
    guard: Guard = ()

    def reads(self) -> set[str]:
        """Words and memories that come from elsewhere."""
        text = "\n".join([*self.body, *self.defines.values()])
        own = {name for name, value in self.defines.items() if not value}
        return (set(WORD.findall(text)) - own) | set(ROWS.findall(text))


class StepWriter:
    """Writes `cl_model_step` for one netlist.

    Parameters
    ----------
    netlist : Netlist
        The design.
    """

    def __init__(self, netlist: Netlist) -> None:
        self._netlist = netlist
        self._cells = CellWriter(netlist)
        known = {net.name: net for net, _ in netlist.driver.values()}
        self._words = {word for net in known.values() for word in net.words}
        self._guard_of: dict[str, Guard] = {}
        groups = self._guards()
        self._chunks = [self._chunk(cells) for cells in self._slices(groups)]
        self._groups = [self._group(guard, members) for guard, members in groups.items()]
        self._memories = [Unit(self._memory(memory, wake=False)) for memory in netlist.memories]
        self._readers: dict[str, list[int]] = defaultdict(list)
        for index, unit in enumerate([*self._chunks, *self._groups]):
            for word in self._known(unit.reads()):
                self._readers[word].append(index)
        elsewhere = set().union(*(unit.reads() for unit in [*self._chunks, *self._groups, *self._memories]))
        self.kept = sorted(name for unit in self._chunks for name in unit.defines if name in elsewhere)
        """Values of cells that must be in the state structure."""
        self.flags = -(-(len(self._chunks) + len(self._groups)) // 64) or 1
        """Words of the set of things to do, `todo` in the state structure."""

    def _known(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name in names if name in self._words or name.startswith("m"))

    def wake(self, word: str, target: str) -> list[str]:
        """Return statements that set the bits of all readers of a word in the set `target`."""
        masks: dict[int, int] = defaultdict(int)
        for index in self._readers.get(word, []):
            masks[index // 64] |= 1 << index % 64
        return [f"{target.format(at)} |= {literal(mask)};" for at, mask in masks.items()]

    def _keep(self, values: dict[str, str], target: str) -> list[str]:
        """Return statements that store values and wake the readers of those that changed."""
        lines: list[str] = []
        together: dict[str, list[str]] = defaultdict(list)
        for name, value in values.items():
            wake = " ".join(self.wake(name, target))
            if wake:
                lines.append(f"const uint64_t was_{name} = s->{name} ^ {value};")
                together[wake].append(f"was_{name}")
            lines.append(f"s->{name} = {value};")
        for wake, changes in together.items():
            lines.append(f"if ({' | '.join(changes)}) {{ {wake} }}")
        return lines

    def source(self) -> list[str]:
        """Return the function."""
        lines = ["static inline void cl_model_step(cl_model *s) {"]
        lines += [f"    uint64_t now{at} = s->todo[{at}], then{at} = 0;" for at in range(self.flags)]
        for index, unit in enumerate(self._chunks):
            lines += self._open(index, 0)
            lines += self._loads(unit.reads())
            lines += unit.body
            lines += self._keep({name: name for name in unit.defines if name in self.kept}, "now{}")
            lines += self._close(index, len(self._chunks))
        captured = self._captured()
        lines += self._loads(captured)
        for memory, unit in zip(self._netlist.memories, self._memories, strict=True):
            lines += ["{", *self._loads(unit.reads() - captured), *self._memory(memory, wake=True), "}"]
        base = len(self._chunks)
        for index, unit in enumerate(self._groups, base):
            lines += self._open(index, base)
            lines += self._loads(unit.reads() - captured)
            if unit.guard:
                lines.append(f"if ({self._condition(unit.guard)}) {{")
            lines += unit.body
            lines += [f"const uint64_t next_{name} = {value};" for name, value in unit.defines.items()]
            lines += self._keep({name: f"next_{name}" for name in unit.defines}, "then{}")
            lines += ["}"] if unit.guard else []
            lines += self._close(index, base + len(self._groups))
        return [*lines, *(f"s->todo[{at}] = then{at};" for at in range(self.flags))]

    @staticmethod
    def _open(index: int, first: int) -> list[str]:
        test = [f"if (now{index // 64} & {literal(1 << index % 64)}) {{"]
        if index % 64 == 0 or index == first:
            low = first % 64 if index == first else 0
            test.insert(0, f"if (now{index // 64} & {literal((1 << 64) - (1 << low))}) {{")
        return test

    @staticmethod
    def _close(index: int, end: int) -> list[str]:
        return ["}"] + (["}"] if index % 64 == 63 or index == end - 1 else [])

    def _captured(self) -> set[str]:
        """Return registers that a group reads after another has changed them, and the read registers of memories."""
        owner = {name: index for index, unit in enumerate(self._groups) for name in unit.defines}
        found: set[str] = set()
        for index, unit in enumerate(self._groups):
            found |= {name for name in unit.reads() if owner.get(name, index) < index or name.startswith("r")}
        for unit in self._memories:
            found |= {name for name in unit.reads() if name.startswith("r")}
        return found & self._words

    def _loads(self, names: Iterable[str]) -> list[str]:
        return [f"const uint64_t {name} = s->{name};" for name in sorted(names) if name in self._words]

    def _guards(self) -> dict[Guard, list[Cell]]:
        """Group the flip-flops by enable, and decide which cells are only needed under one of them."""
        groups: dict[Guard, list[Cell]] = defaultdict(list)
        needs: dict[str, set[Guard]] = defaultdict(set)

        def need(bits: Iterable[Bit], guard: Guard) -> None:
            for bit in bits:
                if isinstance(bit, int) and bit in self._netlist.driver:
                    needs[self._netlist.driver[bit][0].name].add(guard)

        for number, cell in enumerate(self._netlist.flip_flops):
            guard: Guard = ()
            if "EN" in cell.pins:
                guard = (cell.pins["EN"][0], cell.integer("EN_POLARITY"))
                if cell.kind == "$sdffe":
                    guard += (cell.pins["SRST"][0], cell.integer("SRST_POLARITY"))
                need(guard[::2], ())
            # A flip-flop without enable is a group of its own: nothing says that it changes with others.
            groups[guard or (f"free {number}",)].append(cell)
            need(cell.pins["D"] + cell.pins.get("SRST", []), guard)
        for memory in self._netlist.memories:
            for name, bits in memory.pins.items():
                if name.startswith(("RD_ADDR", "RD_EN", "WR_")):
                    need(bits, ())
        for cell in reversed(self._netlist.cells):
            assert cell.net is not None
            wanted = needs.get(cell.net.name)
            if wanted is None:
                self._guard_of[cell.net.name] = ("unused",)
                continue
            # Rows of memories are read before anything is written, so never inside a group.
            guard = next(iter(wanted)) if len(wanted) == 1 and cell.kind != "$read" else ()
            self._guard_of[cell.net.name] = guard
            need(cell.inputs, guard)
        return groups

    def _slices(self, groups: dict[Guard, list[Cell]]) -> list[list[Cell]]:
        """Cut the cells that belong to no group into chunks: in the order of a search from their readers."""
        order: list[list[Cell]] = [[]]
        placed: set[str] = set()

        def visit(bits: Iterable[Bit]) -> None:
            stack: list[tuple[Bits, Cell | None]] = [([bit], None) for bit in reversed(list(bits))]
            while stack:
                todo, done = stack.pop()
                if done is not None:
                    if len(order[-1]) >= CHUNK:
                        order.append([])
                    order[-1].append(done)
                    continue
                for bit in todo:
                    if not isinstance(bit, int) or bit not in self._netlist.driver:
                        continue
                    cell = self._netlist.by_net.get(self._netlist.driver[bit][0].name)
                    if cell is None or cell.net is None or cell.net.name in placed:
                        continue
                    placed.add(cell.net.name)
                    if not self._guard_of[cell.net.name]:
                        stack.append(([], cell))
                    stack.extend(([source], None) for source in cell.inputs)

        for members in groups.values():
            for cell in members:
                visit([*cell.pins.get("EN", []), *cell.pins.get("SRST", []), *cell.pins["D"]])
            if len(order[-1]) > CHUNK // 2:
                order.append([])
        for memory in self._netlist.memories:
            visit(
                [
                    bit
                    for name, bits in memory.pins.items()
                    if name.startswith(("RD_ADDR", "RD_EN", "WR_"))
                    for bit in bits
                ]
            )
        return [cells for cells in order if cells]

    def _chunk(self, cells: list[Cell]) -> Unit:
        body = [line for cell in cells for line in self._cells.statements(cell)]
        return Unit(body, {word: "" for cell in cells if cell.net is not None for word in cell.net.words})

    def _group(self, guard: Guard, members: list[Cell]) -> Unit:
        guard = () if str(guard[0]).startswith("free") else guard
        inside = [
            cell for cell in self._netlist.cells
            if guard and cell.net is not None and self._guard_of[cell.net.name] == guard
        ]  # fmt: skip
        body = [line for cell in inside for line in self._cells.statements(cell)]
        unit = Unit(body, {}, guard)
        for cell in members:
            assert cell.net is not None
            unit.defines |= dict(zip(cell.net.words, self._next(cell), strict=True))
        return _Group(
            unit, [word for cell in inside if cell.net is not None for word in cell.net.words], self._condition(guard)
        )

    def _condition(self, guard: Guard) -> str:
        terms = []
        for bit, polarity in zip(guard[::2], guard[1::2], strict=True):
            text = gather(self._netlist, [bit])
            terms.append(text if polarity else f"!{text}")
        return " | ".join(terms)

    def _next(self, cell: Cell) -> list[str]:
        """Return the next value of a flip-flop, given that its group's condition holds."""
        assert cell.net is not None
        values = words(self._netlist, cell.pins["D"])
        if "SRST" not in cell.pins or (cell.pins["SRST"][0] == "0" and cell.integer("SRST_POLARITY")):
            return values
        reset = self._condition((cell.pins["SRST"][0], cell.integer("SRST_POLARITY")))
        if cell.kind == "$sdffe":
            enable = self._condition((cell.pins["EN"][0], cell.integer("EN_POLARITY")))
            values = [f"({enable} ? {value} : {name})" for value, name in zip(values, cell.net.words, strict=True)]
        value = cell.integer("SRST_VALUE")
        return [f"({reset} ? {literal(value >> (64 * at) & (1 << 64) - 1)} : {text})" for at, text in enumerate(values)]

    def _memory(self, memory: Cell, *, wake: bool) -> list[str]:
        """Read, then write (a transparent port sees the write of the same edge), lowest port number first."""
        assert memory.net is not None
        address_bits = memory.integer("ABITS")
        write_ports = range(memory.integer("WR_PORTS"))
        lines: list[str] = []
        for net, port in read_registers(memory):
            address = memory.pins["RD_ADDR"][port * address_bits : (port + 1) * address_bits]
            lines.append(f"if ({gather(self._netlist, [memory.pins['RD_EN'][port]])}) {{")
            fresh = Net(f"fresh_{net.name}", net.width)
            for at, name in enumerate(fresh.words):
                lines.append(f"uint64_t {read_memory(self._netlist, memory, address, name, at, declare=False)}")
            for write in write_ports:
                if memory.integer("RD_TRANSPARENCY_MASK") >> (port * len(write_ports) + write) & 1:
                    other = memory.pins["WR_ADDR"][write * address_bits : (write + 1) * address_bits]
                    lines.append(f"if ({gather(self._netlist, address)} == {gather(self._netlist, other)}) {{")
                    for data, enable, name in self._write_words(memory, write, fresh):
                        lines.append(f"{name} = ({name} & ~{enable}) | ({data} & {enable});")
                    lines.append("}")
                if memory.integer("RD_COLLISION_X_MASK") >> (port * len(write_ports) + write) & 1:
                    other = memory.pins["WR_ADDR"][write * address_bits : (write + 1) * address_bits]
                    lines.append(f"if ({gather(self._netlist, address)} == {gather(self._netlist, other)}) {{")
                    lines += [f"{name} ^= {enable};" for _, enable, name in self._write_words(memory, write, fresh)]
                    lines.append("}")
            for name, new in zip(net.words, fresh.words, strict=True):
                woken = " ".join([f"s->{name} = {new};", *(self.wake(name, "then{}") if wake else [])])
                lines.append(f"if (s->{name} != {new}) {{ {woken} }}")
            lines.append("}")
        for write in write_ports:
            address = memory.pins["WR_ADDR"][write * address_bits : (write + 1) * address_bits]
            row = gather(self._netlist, address)
            bound = f" && {row} < {memory.integer('SIZE')}" if memory.integer("SIZE") < 1 << len(address) else ""
            for data, enable, name in self._write_words(memory, write, memory.net):
                place = f"s->{name}[{row}]"
                woken = " ".join([f"{place} = ({place} & ~{enable}) | ({data} & {enable});",
                                  *(self.wake(name, "then{}") if wake else [])])  # fmt: skip
                lines.append(f"if ({enable}{bound}) {{ {woken} }}")
        return lines

    def _write_words(self, memory: Cell, port: int, target: Net) -> list[tuple[str, str, str]]:
        width = target.width
        data = words(self._netlist, memory.pins["WR_DATA"][port * width : (port + 1) * width])
        enable = words(self._netlist, memory.pins["WR_EN"][port * width : (port + 1) * width])
        return list(zip(data, enable, target.words, strict=True))


def read_registers(memory: Cell) -> list[tuple[Net, int]]:
    """Return the registers of a memory's clocked read ports, each with the number of its port."""
    clocked, index = memory.integer("RD_CLK_ENABLE"), memory.parameters["index"]
    ports = range(memory.integer("RD_PORTS"))
    return [(Net(f"r{index}_{port}", memory.integer("WIDTH")), port) for port in ports if clocked >> port & 1]


class _Group(Unit):
    """A group of flip-flops: what it computes inside is not seen outside."""

    def __init__(self, unit: Unit, inside: list[str], condition: str) -> None:
        super().__init__(unit.body, unit.defines, unit.guard)
        self._inside = set(inside)
        self._condition = condition

    def reads(self) -> set[str]:
        """Words that come from elsewhere, the condition included."""
        return (super().reads() | set(WORD.findall(self._condition))) - self._inside
