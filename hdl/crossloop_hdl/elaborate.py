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


def to_rtlil(component: Any, name: str = "top") -> str:
    """Return a component as RTLIL text; the clock is `clk`, the synchronous reset `rst`."""
    return str(rtlil.convert(component, name=name, ports=core_ports(component), emit_src=False))
