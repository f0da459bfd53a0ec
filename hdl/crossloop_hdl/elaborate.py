"""From components to RTLIL, with the port names that the benches and the native engine use."""

from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Const, Value


def core_ports(component: Any) -> list[Any]:
    """Return the ports of a component in the order of its signature, without members that are constants.

    Amaranth's own port finding fails on constants: the `ready` of a stream that is always ready is one.
    """
    ports = []
    for _path, _member, value in component.signature.flatten(component):
        port = Value.cast(value)
        if not isinstance(port, Const):
            ports.append(port)
    return ports


def to_rtlil(component: Any, name: str = "top", *, sources: bool = False) -> str:
    """Return a component as RTLIL text; the clock is `clk`, the synchronous reset `rst`. With `sources`, it names the lines of Python."""
    return str(rtlil.convert(component, name=name, ports=core_ports(component), emit_src=sources))


SYNTHESIS_PREPARATION = (
    "hierarchy -top top; proc; flatten; opt -full; memory_collect; memory_nordff; memory_unpack; "
    "rename -enumerate -pattern read_data_% w:*rdreg*; rename -enumerate -pattern read_register_% c:*rdreg*"
)
"""Yosys passes between reading the RTLIL and `synth_...`.

Amaranth's read ports promise the old word where another port writes the same one, and block RAMs do not: Yosys adds registers that
remember it. It leaves them out where it can prove that the two ports never work in the same cycle, but tries that only for ports whose
register lies outside the memory, so these passes take it out; `synth_...` puts it back. Where it takes one out again itself, for lookup
tables as memory, the two must not have one name.
"""
