"""From components to RTLIL, with the port names that the benches and the native engine use."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
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
    with _uncollected():
        return str(rtlil.convert(component, name=name, ports=core_ports(component), emit_src=sources))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the garbage collector: a netlist is many objects that all stay, and looking through them again and again takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


COLLISIONS_ARE_GARBAGE = "setparam -set RD_COLLISION_X_MASK 1'1 t:$mem_v2 r:RD_CLK_ENABLE=1'1 %i r:WR_PORTS=1 %i"
"""Yosys pass after `memory_collect`: what a memory with one port each way answers when the word that is read is written in that cycle is
nothing that the gateware counts on. `rtl:` answers wrong bits then, so that every test of equality notices if it does."""

SYNTHESIS_PREPARATION = (
    f"hierarchy -top top; proc; flatten; opt -full; memory_collect; {COLLISIONS_ARE_GARBAGE}; memory_unpack"
)
"""Yosys passes between reading the RTLIL and `synth_...`.

Amaranth's read ports promise the old word where another port writes the same one, and block RAMs do not: without the promise Yosys needs no
registers that remember it.
"""
