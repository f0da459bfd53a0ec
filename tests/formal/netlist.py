"""Netlists as Yosys writes them in JSON, and what they do: simulated here, many runs at once, by nothing that the proofs use."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from functools import reduce
from graphlib import TopologicalSorter
from operator import and_
from pathlib import Path
from typing import Any

RUNS = 256
ALL = (1 << RUNS) - 1
CONSTANTS = {"0": 0, "1": ALL}
Bit = int | str
"""Number of a net, or a constant."""
Trace = tuple[int, ...]
"""Values of a net, one per cycle; each is an integer with one bit per run."""
Pins = Callable[[str], int]
FLIP_FLOP = re.compile(r"\$_DFF_P_|SB_DFF(?P<enabled>E?)(?P<forced>SR|SS)?")
"""Those that are set and reset with the clock, at its rising edge. With an enable, set and reset wait for it."""


def _looked_up(cell: dict[str, Any], pins: Pins) -> int:
    """Return what a lookup table says: bit n of its number is the answer to inputs that spell n."""
    table = int(cell["parameters"]["LUT_INIT"], 2)
    column = [ALL if table >> place & 1 else 0 for place in range(16)]
    for name in ("I0", "I1", "I2", "I3"):
        chosen = pins(name)
        column = [low ^ ((low ^ high) & chosen) for low, high in zip(column[::2], column[1::2], strict=True)]
    return column[0]


GATES: dict[str, tuple[str, Callable[[dict[str, Any], Pins], int]]] = {
    "$_AND_": ("Y", lambda _cell, pins: pins("A") & pins("B")),
    "$_NOT_": ("Y", lambda _cell, pins: pins("A") ^ ALL),
    "SB_LUT4": ("O", _looked_up),
    "SB_CARRY": ("CO", lambda _cell, pins: (pins("I0") & pins("I1")) | ((pins("I0") | pins("I1")) & pins("CI"))),
}
"""Output of a gate, and what it does."""


class Netlist:
    """A flat module of gates and flip-flops with one clock, `clk`.

    Parameters
    ----------
    module : dict
        The module in Yosys' JSON form.

    Raises
    ------
    ValueError
        If it has cells of another kind, another clock, or nets without a driver.
    """

    def __init__(self, module: dict[str, Any]) -> None:
        self.module = module
        self.gates: dict[Bit, dict[str, Any]] = {}
        """By their outputs."""
        self.flip_flops: dict[Bit, dict[str, Any]] = {}
        """By their outputs."""
        for name, cell in module["cells"].items():
            if cell["type"] in GATES:
                self.gates[cell["connections"][GATES[cell["type"]][0]][0]] = cell
            elif FLIP_FLOP.fullmatch(cell["type"]):
                self.flip_flops[cell["connections"]["Q"][0]] = cell
            elif cell["type"] != "$scopeinfo":  # that one has no pins
                raise ValueError(f"cell {name} is a {cell['type']}, whose function is not known here")
        self.inputs = {name: bits for name, bits in self._ports("input") if name != "clk"}
        self.outputs = dict(self._ports("output"))
        self.driven: set[Bit] = {*CONSTANTS, *self.gates, *self.flip_flops}.union(*self.inputs.values())
        self.names: dict[str, list[Bit]] = {
            name: net["bits"] for name, net in module["netnames"].items() if not net["hide_name"]
        }
        self.registers = {
            name: bits for name, bits in self.names.items() if any(bit in self.flip_flops for bit in bits)
        }
        """Name and nets of what is a register, at least in part."""
        read: set[Bit] = set().union(*self.outputs.values(), *map(_read, self._cells()))
        clocks = {flip_flop["connections"]["C"][0] for flip_flop in self.flip_flops.values()}
        if undriven := read - self.driven:
            raise ValueError(f"nets {undriven} have no driver")
        if others := clocks.difference(module["ports"]["clk"]["bits"]):
            raise ValueError(f"nets {others} are clocks, beside `clk`")
        order = TopologicalSorter({net: _read(gate) for net, gate in self.gates.items()})
        self._order = [net for net in order.static_order() if net in self.gates]

    @classmethod
    def read(cls, file: Path) -> Netlist:
        """Return the module `top` of a file."""
        return cls(json.loads(file.read_text())["modules"]["top"])

    def simulated(self, cycles: int, seed: int, states: dict[Bit, int] | None = None) -> dict[Bit, Trace]:
        """Return what registers and outputs are from power-on, or from there with other states of some flip-flops.

        Inputs are random and depend on the seed and the ports' names alone.
        """
        watched = {*self.flip_flops}.union(*self.outputs.values())
        seen: dict[Bit, list[int]] = {bit: [] for bit in watched}
        stimuli = {name: _stimulus(f"{seed} {name}", len(bits), cycles) for name, bits in self.inputs.items()}
        states = self._at_power_on() | (states or {})
        for cycle in range(cycles):
            values: dict[Bit, int] = {**CONSTANTS, **states}
            for name, bits in self.inputs.items():
                values |= zip(bits, stimuli[name][cycle], strict=True)
            for net in self._order:
                gate = self.gates[net]
                values[net] = GATES[gate["type"]][1](gate, _pins(gate, values))
            for bit in watched:
                seen[bit].append(values[bit])
            states = {net: _next(flip_flop, values, states[net]) for net, flip_flop in self.flip_flops.items()}
        return {bit: tuple(trace) for bit, trace in seen.items()}

    def _at_power_on(self) -> dict[Bit, int]:
        """Return what flip-flops begin with: what the gateware says, else 0 as in an iCE40."""
        states: dict[Bit, int] = dict.fromkeys(self.flip_flops, 0)
        for net in self.module["netnames"].values():
            for bit, value in zip(net["bits"], reversed(net["attributes"].get("init", "")), strict=False):
                if bit in states and value == "1":
                    states[bit] = ALL
        return states

    def _cells(self) -> Iterator[dict[str, Any]]:
        yield from self.gates.values()
        yield from self.flip_flops.values()

    def _ports(self, direction: str) -> Iterator[tuple[str, list[Bit]]]:
        return ((name, port["bits"]) for name, port in self.module["ports"].items() if port["direction"] == direction)


def _read(cell: dict[str, Any]) -> set[Bit]:
    """Return the nets that a cell reads, but its clock's."""
    pins = [name for name, direction in cell["port_directions"].items() if direction == "input"]
    return {cell["connections"][name][0] for name in pins if name != "C"}


def _pins(cell: dict[str, Any], values: dict[Bit, int]) -> Pins:
    """Return a function from a cell's pin to its value."""
    return lambda name: values[cell["connections"][name][0]]


def _next(flip_flop: dict[str, Any], values: dict[Bit, int], now: int) -> int:
    """Return what a flip-flop is in the next cycle."""
    pins, kind = _pins(flip_flop, values), FLIP_FLOP.fullmatch(flip_flop["type"])
    assert kind
    value = pins("D")
    if kind["forced"]:
        value = value & ~pins("R") if kind["forced"] == "SR" else value | pins("S")
    return now ^ ((now ^ value) & pins("E")) if kind["enabled"] else value


def _stimulus(key: str, width: int, cycles: int) -> list[list[int]]:
    """Return random values of a port: often small numbers, so that comparisons come out either way.

    In a quarter of the runs the port keeps its first value, as limits do, and in half of them it is seldom anything but 0, as strobes are.
    """
    chance = random.Random(key)
    keeps, busy = _at_random(chance, 2), _at_random(chance, 1)
    if key.endswith(" rst"):
        keeps, busy = 0, 0
    values: list[list[int]] = []
    for _ in range(cycles):
        rarity, comes = chance.randint(1, 4), busy | _at_random(chance, 4)
        fresh = [_at_random(chance, rarity) & comes for _ in range(width)]
        before = values[-1] if values else [_at_random(chance, rarity) for _ in range(width)]
        values.append([old & keeps | new & ~keeps for old, new in zip(before, fresh, strict=True)])
    return values


def _at_random(chance: random.Random, rarity: int) -> int:
    """Return a value that is 1 in a run with a chance of two to the power of minus `rarity`."""
    return reduce(and_, (chance.getrandbits(RUNS) for _ in range(rarity)))
