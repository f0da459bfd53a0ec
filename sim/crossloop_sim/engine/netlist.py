"""The flat netlist of a design, from the JSON form of Yosys, as the C generator needs it.

A bit is an integer (the number that Yosys gave it) or the text "0", "1" or "x". Every integer bit is driven by one
`Net` at one index. Aliases are gone: two names of a signal are the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from crossloop_sim.engine.errors import EngineError

Bit: TypeAlias = int | str
Bits: TypeAlias = list[Bit]

FLIP_FLOPS = {"$dff", "$dffe", "$sdff", "$sdffe", "$sdffce"}
BITWISE = {"$and", "$or", "$xor", "$xnor", "$not", "$mux"}
IGNORED = {"$scopeinfo", "$check", "$print", "$assert", "$assume", "$cover"}


@dataclass(frozen=True)
class Net:
    """A group of bits that one thing drives; words of 64 bits, lowest first, bits above `width` are zero."""

    name: str
    width: int

    def word(self, index: int) -> str:
        """Return the C name of one word."""
        return self.name if self.width <= 64 else f"{self.name}_{index}"

    @property
    def words(self) -> list[str]:
        """C names of all words, lowest first."""
        return [self.word(index) for index in range(-(-self.width // 64))]


@dataclass(eq=False)
class Cell:
    """One cell: type, parameters as integers where they are, connections, and the net that it drives."""

    kind: str
    parameters: dict[str, Any]
    pins: dict[str, Bits]
    net: Net | None = None

    def integer(self, name: str) -> int:
        """Return a parameter that Yosys writes as a binary string (x reads as 0)."""
        value = self.parameters.get(name, 0)
        return value if isinstance(value, int) else int(value.replace("x", "0").replace("z", "0") or "0", 2)

    @property
    def inputs(self) -> Iterable[Bit]:
        """All bits that a combinational cell reads."""
        for name, bits in self.pins.items():
            if name not in {"Y", "RD_DATA"}:
                yield from bits


@dataclass
class Netlist:
    """A flat, single-clock design."""

    inputs: dict[str, Bits] = field(default_factory=dict)
    outputs: dict[str, Bits] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    """Combinational cells, in an order in which every cell comes after those that it reads."""
    flip_flops: list[Cell] = field(default_factory=list)
    memories: list[Cell] = field(default_factory=list)
    driver: dict[int, tuple[Net, int]] = field(default_factory=dict)
    """Which net, and which bit of it, drives a bit."""
    init: dict[int, int] = field(default_factory=dict)
    """Power-on value of a flip-flop's bit."""
    by_net: dict[str, Cell] = field(default_factory=dict)
    """The combinational cell that drives a net."""


def read_netlist(design: dict[str, Any], *, clock: str = "clk") -> Netlist:
    """Read the only module of a flattened design.

    Parameters
    ----------
    design : dict
        What `write_json` wrote, parsed.
    clock : str
        Name of the clock port; every flip-flop and memory port must use its rising edge.

    Raises
    ------
    EngineError
        When the design has cells, clocks or loops that the generator does not know.
    """
    (module,) = design["modules"].values()
    netlist = Netlist()
    clock_bits = {bit for name, port in module["ports"].items() if name == clock for bit in port["bits"]}
    for name, port in module["ports"].items():
        if port["direction"] == "output":
            netlist.outputs[name] = port["bits"]
        elif name != clock:
            netlist.inputs[name] = port["bits"]
            _drive(netlist, Net(f"in_{name}", len(port["bits"])), port["bits"])
    for entry in module["netnames"].values():
        values = entry["attributes"].get("init")
        if values is not None:
            for bit, value in zip(entry["bits"], reversed(values), strict=False):
                if value in "01" and isinstance(bit, int):
                    netlist.init[bit] = int(value)
    combinational: list[Cell] = []
    for index, raw in enumerate(module["cells"].values()):
        cell = Cell(raw["type"], raw["parameters"], raw["connections"])
        if cell.kind in IGNORED:
            continue
        if cell.kind in FLIP_FLOPS:
            _check_clock(cell, cell.pins["CLK"], clock_bits, cell.integer("CLK_POLARITY"))
            cell.net = Net(f"q{index}", len(cell.pins["Q"]))
            _drive(netlist, cell.net, cell.pins["Q"])
            netlist.flip_flops.append(cell)
        elif cell.kind == "$mem_v2":
            combinational += _read_memory(netlist, cell, index, clock_bits)
        elif "Y" in cell.pins:
            cell.net = Net(f"n{index}", len(cell.pins["Y"]))
            combinational.append(cell)
        else:
            raise EngineError(
                f"the native engine does not know cells of type {cell.kind}; it takes synchronous single-clock designs "
                f"without latches or asynchronous resets: change the gateware, or use engine='verilator'"
            )
    _order(netlist, combinational)
    return netlist


def _check_clock(cell: Cell, bits: Iterable[Bit], clock_bits: set[Bit], polarity: int) -> None:
    if not polarity or any(bit not in clock_bits for bit in bits):
        raise EngineError(
            f"a {cell.kind} cell is clocked by something other than the rising edge of clk; the native engine takes "
            f"single-clock designs: use engine='verilator' for others"
        )


def _drive(netlist: Netlist, net: Net, bits: Bits) -> None:
    for index, bit in enumerate(bits):
        if isinstance(bit, int):
            netlist.driver[bit] = (net, index)


def _read_memory(netlist: Netlist, cell: Cell, index: int, clock_bits: set[Bit]) -> list[Cell]:
    """Split a memory's read ports off: registers, or combinational cells of our own kind `$read`."""
    width, address_bits = cell.integer("WIDTH"), cell.integer("ABITS")
    clocked, polarity = cell.integer("RD_CLK_ENABLE"), cell.integer("RD_CLK_POLARITY")
    cell.parameters = {**cell.parameters, "index": index}
    cell.net = Net(f"m{index}", width)
    netlist.memories.append(cell)
    _check_clock(cell, cell.pins["WR_CLK"], clock_bits | {"x", "0"}, 1)
    reads = []
    for port in range(cell.integer("RD_PORTS")):
        data = cell.pins["RD_DATA"][port * width : (port + 1) * width]
        if clocked >> port & 1:
            _check_clock(cell, [cell.pins["RD_CLK"][port]], clock_bits, polarity >> port & 1)
            net = Net(f"r{index}_{port}", width)
            value = cell.integer("RD_INIT_VALUE") >> (port * width)
            netlist.init.update({bit: value >> at & 1 for at, bit in enumerate(data) if isinstance(bit, int)})
            _drive(netlist, net, data)
        else:
            address = cell.pins["RD_ADDR"][port * address_bits : (port + 1) * address_bits]
            pins = {"A": address, "Y": data}
            reads.append(Cell("$read", {"memory": cell}, pins, Net(f"n{index}_{port}", width)))
    return reads


def _order(netlist: Netlist, cells: list[Cell]) -> None:
    """Sort the combinational cells; split bitwise cells into bits where a vector feeds itself from bit to bit."""
    for _ in range(3):
        for cell in cells:
            assert cell.net is not None
            _drive(netlist, cell.net, cell.pins["Y"])
        netlist.by_net = {cell.net.name: cell for cell in cells if cell.net is not None}
        loop = _sort(netlist, cells)
        if not loop:
            return
        cells = [part for cell in cells for part in (_split(cell) if cell in loop else [cell])]
    kinds = ", ".join(sorted({cell.kind for cell in loop}))
    raise EngineError(
        f"the design has a combinational loop through cells of the kinds {kinds}; break it with a register"
    )


def _sort(netlist: Netlist, cells: list[Cell]) -> set[Cell]:
    """Fill `netlist.cells`; return the cells that wait for themselves (none: success)."""
    position = {cell: index for index, cell in enumerate(cells)}
    readers: list[list[int]] = [[] for _ in cells]
    waits = [0] * len(cells)
    for index, cell in enumerate(cells):
        drivers = {netlist.driver[bit][0].name for bit in cell.inputs if isinstance(bit, int) and bit in netlist.driver}
        for name in drivers:
            source = netlist.by_net.get(name)
            if source is not None:
                readers[position[source]].append(index)
                waits[index] += 1
    ready = [index for index, count in enumerate(waits) if not count]
    order: list[int] = []
    while ready:
        index = ready.pop()
        order.append(index)
        for reader in readers[index]:
            waits[reader] -= 1
            if not waits[reader]:
                ready.append(reader)
    netlist.cells = [cells[index] for index in order]
    return {cells[index] for index, count in enumerate(waits) if count}


def _split(cell: Cell) -> list[Cell]:
    if cell.kind not in BITWISE or len(cell.pins["Y"]) == 1:
        return [cell]
    assert cell.net is not None
    parts = []
    for index, bit in enumerate(cell.pins["Y"]):
        pins = {"Y": [bit]}
        for name, bits in cell.pins.items():
            if name == "S":
                pins[name] = bits
            elif name != "Y":
                signed = cell.integer(f"{name}_SIGNED")
                pins[name] = [bits[index] if index < len(bits) else bits[-1] if signed else "0"]
        parts.append(Cell(cell.kind, {}, pins, Net(f"{cell.net.name}b{index}", 1)))
    return parts
