"""Which register of the netlist is which of the gateware: proposals, which the proof of equivalence accepts or refuses."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from formal.netlist import ALL, CONSTANTS, RUNS, Bit, Netlist, Trace

CYCLES, SEED = 48, 1
"""Of the simulation."""
Side = tuple[Bit, bool]
"""A net of the netlist, and whether the gateware's register is the opposite of it."""


@dataclass(frozen=True)
class Pairs:
    """Registers of the gateware, and what should always be equal to them."""

    names: dict[str, list[Side]]
    """Name of a register, and its bits in the netlist."""
    by_name: int
    """Bits that have one name on both sides."""
    by_simulation: int
    """The other bits."""
    alone: int
    """Bits of the gateware's registers that have no counterpart."""


def paired(gateware: Netlist, netlist: Netlist) -> Pairs:
    """Return the pairs, by name where names are equal.

    A flip-flop of an iCE40 begins with 0, so Yosys stores a register that begins with 1 the other way round, and drops its name. It is
    paired with the flip-flop that was its opposite in every cycle of a simulation of both.
    """
    found: dict[Bit, Side] = {bit: (bit, False) for bit in CONSTANTS}
    for name, bits in gateware.registers.items():
        other = netlist.names.get(name, [])
        if len(other) == len(bits):
            found |= {bit: (net, False) for bit, net in zip(bits, other, strict=True) if net in netlist.driven}
    by_name = len(gateware.flip_flops.keys() & found.keys())
    found |= _alike(gateware, netlist, found)
    names = {
        name: [found[bit] for bit in bits]
        for name, bits in gateware.registers.items()
        if all(bit in found for bit in bits)
    }
    both = gateware.flip_flops.keys() & {bit for name in names for bit in gateware.registers[name]}
    return Pairs(names, by_name, by_simulation=len(both) - by_name, alone=len(gateware.flip_flops) - len(both))


def _alike(gateware: Netlist, netlist: Netlist, found: dict[Bit, Side]) -> dict[Bit, Side]:
    """Return the flip-flops that do the same as, or the opposite of, what is not found yet.

    What is found begins with random values, equal ones on both sides: so more happens than from power-on.
    """
    chance = random.Random(SEED)
    states = {net: chance.getrandbits(RUNS) for net, _opposite in found.values() if net in netlist.flip_flops}
    traces = netlist.simulated(CYCLES, SEED, states)
    free = netlist.flip_flops.keys() - states.keys()
    sides: dict[Trace, Side] = {tuple(value ^ ALL for value in traces[bit]): (bit, True) for bit in free}
    sides |= {traces[bit]: (bit, False) for bit in free}
    same = {bit: states[found[bit][0]] for bit in gateware.flip_flops if bit in found and found[bit][0] in states}
    wanted = gateware.simulated(CYCLES, SEED, same)
    return {bit: sides[wanted[bit]] for bit in gateware.flip_flops if bit not in found and wanted[bit] in sides}


def renamed(module: dict[str, Any], pairs: Pairs) -> dict[str, Any]:
    """Return a netlist in which the paired registers have the gateware's names, and nothing else has a name but the ports."""
    cells = dict(module["cells"])
    free = 1 + max(bit for net in module["netnames"].values() for bit in net["bits"] if isinstance(bit, int))
    opposites: dict[Bit, Bit] = {}

    def net(bit: Bit, *, opposite: bool) -> Bit:
        if not opposite:
            return bit
        if bit not in opposites:
            opposites[bit] = free + len(opposites)
            cells[f"$opposite{bit}"] = {
                "hide_name": 1, "type": "$_NOT_", "parameters": {}, "attributes": {}, "port_directions": {"A": "input", "Y": "output"},
                "connections": {"A": [bit], "Y": [opposites[bit]]},
            }  # fmt: skip
        return opposites[bit]

    names = {name: module["netnames"][name]["bits"] for name in module["ports"]}
    names |= {name: [net(bit, opposite=opposite) for bit, opposite in sides] for name, sides in pairs.names.items()}
    netnames = {name: {"hide_name": 0, "bits": bits, "attributes": {}} for name, bits in names.items()}
    return module | {"cells": cells, "netnames": netnames}
