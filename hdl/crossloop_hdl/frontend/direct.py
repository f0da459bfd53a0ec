"""The `direct` front end: the abstract boundary of the core, for simulation and for wrapping by a real front end.

Every output is a flip-flop of the safety gate or of an engine behind it, so no pin ever glitches.
"""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import Parameters
from crossloop_hdl.layouts import PREFIX, ConversionWord, family_lines, level_layout, sample_layout


class StrobeSignature(wiring.Signature):
    """A payload that is valid for one cycle and cannot be refused.

    Members
    -------
    valid : Out(1)
        High for the one cycle in which `payload` counts.
    payload : Out(shape)
        What is told.
    """

    def __init__(self, shape: Any) -> None:
        super().__init__({"valid": Out(1), "payload": Out(shape)})


class DirectSignature(wiring.Signature):
    """What the controller tells the analog world and hears from it.

    Members
    -------
    tile : Out(8)
        Which array is connected to the lines.
    row_gates, column_gates, gate_line_gates, nudge_line_gates : Out(rows), Out(columns), Out(gate lines), Out(nudge lines)
        Pulse gates: a line in state DRIVE is tied to its level while its gate is 1 and rests at ground otherwise. A gate is
        never 1 on a line in another state.
    gates_late, gates_early : Out(1), Out(1)
        Only in builds with two taps per cycle: the gates of this cycle count in its second half only, in its first half only; never both.
        A gate's pin in a half of the cycle is the gate and that half. Both are 0 while no gate is on.
    row_states_low, row_states_high, column_states_low, ... : Out(rows), Out(rows), Out(columns), ...
        Bit 0 and bit 1 of every line's `LineState`. A build without gate or nudge lines has no members for them.
    level : Out(StrobeSignature(level_layout))
        A level DAC takes a new code; never while a gate is on.
    conversion : Out(StrobeSignature(ConversionWord))
        The converters sample now; the gates of a CONVERT are still on in this cycle. The payload shows `route_cycles` of the build before
        the gates go on already, and stays.
    samples : In(stream.Signature(sample_layout))
        The samples of the last conversion, channel 0 first.
    """

    def __init__(self, parameters: Parameters) -> None:
        super().__init__({
            "tile": Out(8),
            **line_members(parameters),
            "level": Out(StrobeSignature(level_layout(parameters))),
            "conversion": Out(StrobeSignature(ConversionWord)),
            "samples": In(stream.Signature(sample_layout(parameters))),
        })  # fmt: skip


def line_members(parameters: Parameters) -> dict[str, wiring.Member]:
    """Return the outputs that stand for lines: pulse gates and the two bits of the state, per family, and the halves of the gates."""
    parts = ("gates", "states_low", "states_high")
    lines = {
        f"{PREFIX[family]}_{part}": Out(count) for part in parts for family, count in family_lines(parameters).items()
    }
    return lines | {name: Out(1) for name in GATE_HALVES if parameters.gate_taps > 1}


GATE_HALVES = ("gates_late", "gates_early")
"""Members of builds with two taps per cycle."""


def pass_through(m: Module, outer: Any, inner: Any, parameters: Parameters) -> None:
    """Join the pins of a top, or of a front end, to those of a component inside it, or of the controller.

    Parameters
    ----------
    m : Module
        Where the assignments go.
    outer : component
        Has the members of a `DirectSignature` as its own, flat, under the same names.
    inner : interface
        A `DirectSignature` of a submodule.
    parameters : Parameters
        The build.
    """
    for name in ("tile", *line_members(parameters)):
        m.d.comb += getattr(outer, name).eq(getattr(inner, name))
    for name in ("level", "conversion"):
        strobe, source = getattr(outer, name), getattr(inner, name)
        m.d.comb += [strobe.valid.eq(source.valid), strobe.payload.eq(source.payload)]
    m.d.comb += [
        inner.samples.valid.eq(outer.samples.valid),
        inner.samples.payload.eq(outer.samples.payload),
        outer.samples.ready.eq(inner.samples.ready),
    ]
