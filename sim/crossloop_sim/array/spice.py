"""An array as a SPICE netlist, for ngspice: written line by line from the wiring, independent of the solvers' matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator

from crossloop.protocol.errors import CircuitError
from crossloop.protocol.streams import Family
from crossloop_sim.array.array import Array
from crossloop_sim.array.laws import Cubic, Law, Ohmic, OneSelectorOneResistor, OneTransistorOneResistor, Sinh
from crossloop_sim.array.wiring import Break, Bridge, LineEnd, Lines

OPTIONS = "reltol=1e-12 abstol=1e-20 vntol=1e-15 gmin=1e-22 pivtol=1e-25 rshunt=1e19 itl1=2000"
"""Tight enough that currents are right to about 1e-12 in linear networks.

The shunt gives lines that nothing is connected to a potential.
"""

NONLINEAR_OPTIONS = "reltol=1e-9 abstol=1e-17 vntol=1e-13 gmin=1e-20 pivtol=1e-25 rshunt=1e19 itl1=2000"
"""Rounding keeps Newton's method from meeting tighter ones."""


def netlist(array: Array, lines: Lines, title: str = "crossloop array") -> str:
    """Write the operating point of an array as a netlist for `ngspice -b`.

    Currents out of the array into its ends are printed as i(vrn0), i(vrf0) (near and far end of row 0), i(vcn0), i(vcf0) (columns).

    Raises
    ------
    CircuitError
        If the law has no SPICE form here.
    """
    body = list(_elements(array, lines))
    sources = [line.split()[0] for line in body if line.startswith("v") and not line.startswith("vg")]
    prints = [f"print i({name})" for name in sources]
    return "\n".join(
        [
            f"* {title}",
            *body,
            f".options {OPTIONS if array.law.linear else NONLINEAR_OPTIONS}",
            ".control",
            "set numdgt=15",
            "op",
            *prints,
            ".endc",
            ".end",
            "",
        ]
    )


def _elements(array: Array, lines: Lines) -> Iterator[str]:
    rows, columns = array.shape
    breaks = {(f.family, f.line, f.segment) for f in array.faults if isinstance(f, Break)}
    wires = array.wires
    for i in range(rows):
        nodes = [f"w{i}_{j}" for j in range(columns)]
        yield from _line("r", i, nodes, wires.r_row_ohm, lines.row_near[i], lines.row_far[i], Family.ROWS, breaks)
    for j in range(columns):
        nodes = [f"b{i}_{j}" for i in range(rows)]
        # Segments are counted from the top, which is the far end.
        yield from _line(
            "c", j, nodes, wires.r_column_ohm, lines.column_far[j], lines.column_near[j], Family.COLUMNS, breaks
        )
    for i in range(rows):
        for j in range(columns):
            if array.cell_s[i, j] > 0:
                yield from _cell(array.law, i, j, float(array.cell_s[i, j]))
    if isinstance(array.law, OneTransistorOneResistor):
        for i in range(rows):
            yield f"vg{i} g{i} 0 dc {float(lines.gate_v[i]) if lines.gate_v.size else 0.0!r}"
        law = array.law
        yield f".model nmem nmos level=1 vto={law.v_threshold_v!r} kp={law.k_a_per_v2!r} lambda=0 gamma=0 is=1e-40 cgso=0 cgdo=0"
    for k, fault in enumerate(array.faults):
        if isinstance(fault, Bridge):
            a, b = (f"{'wb'[family]}{i}_{j}" for family, i, j in (fault.first, fault.second))
            yield f"rbridge{k} {a} {b} {fault.r_ohm!r}" if fault.r_ohm > 0 else f"vbridge{k} {a} {b} dc 0"


def _line(
    kind: str,
    line: int,
    nodes: list[str],
    r_ohm: float,
    first: LineEnd,
    last: LineEnd,
    family: Family,
    breaks: set[tuple[Family, int, int]],
) -> Iterator[str]:
    """Write the segments of one line from its first (left, top) to its last end."""
    names = ("n", "f") if family is Family.ROWS else ("f", "n")
    for position, (end, node) in enumerate(((first, nodes[0]), (last, nodes[-1]))):
        segment = 0 if position == 0 else len(nodes)
        if math.isinf(end.r_ohm) or (family, line, segment) in breaks:
            continue
        name = f"{kind}{names[position]}{line}"
        series = end.r_ohm + r_ohm
        # The source's current is counted from its first node through it: out of the array, into the end.
        if series > 0:
            yield f"r{name} {node} e{name} {series!r}"
            yield f"v{name} e{name} 0 dc {end.v_v!r}"
        else:
            yield f"v{name} {node} 0 dc {end.v_v!r}"
    for k in range(1, len(nodes)):
        if (family, line, k) in breaks:
            continue
        if r_ohm > 0:
            yield f"rs{kind}{line}_{k} {nodes[k - 1]} {nodes[k]} {r_ohm!r}"
        else:
            yield f"vs{kind}{line}_{k} {nodes[k - 1]} {nodes[k]} dc 0"


def _cell(law: Law, i: int, j: int, g_s: float) -> Iterator[str]:
    row, column, name = f"w{i}_{j}", f"b{i}_{j}", f"{i}_{j}"
    v = f"v({row},{column})"
    if isinstance(law, Ohmic):
        yield f"rcell{name} {row} {column} {1 / g_s!r}"
    elif isinstance(law, Sinh):
        yield f"bcell{name} {row} {column} i={g_s * law.v0_v!r}*sinh({v}/{law.v0_v!r})"
    elif isinstance(law, Cubic):
        yield f"bcell{name} {row} {column} i={g_s!r}*({v}+{v}*{v}*{v}/{law.v0_v**2!r})"
    elif isinstance(law, OneSelectorOneResistor):
        yield f"rcell{name} {row} m{name} {1 / g_s!r}"
        yield f"bcell{name} m{name} {column} i={law.i0_a!r}*sinh(v(m{name},{column})/{law.vs_v!r})"
    elif isinstance(law, OneTransistorOneResistor):
        yield f"rcell{name} {row} m{name} {1 / g_s!r}"
        yield f"mcell{name} m{name} g{i} {column} {column} nmem w=1u l=1u"
    else:
        raise CircuitError(f"{type(law).__name__} has no SPICE form here")
