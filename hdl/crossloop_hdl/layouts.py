"""Layouts that several parts of the gateware share; the wire layouts follow `crossloop.protocol`."""

from amaranth.hdl import Value, signed
from amaranth.lib import data
from amaranth.utils import exact_log2

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family


class MicroOpLayout(data.Struct):
    """One micro-op as it lies in program memory: 8 bytes, little endian.

    Source: `crossloop.protocol.microops.MICRO_OP`.
    """

    opcode: 8
    a: 8
    b: 16
    c: 32


class ConversionWord(data.Struct):
    """What the conversion strobe tells the front end."""

    family: 1
    """The sensed family."""
    pair: 1
    """Channel k is line 2k minus line 2k + 1 instead of line k."""
    range: 2
    """Converter range (transimpedance setting)."""
    count: 16
    """Number of channels to convert, from channel 0 on."""


def more_than(value: Value, limit: int) -> Value:
    """Return whether a value is above a limit; for powers of two, smaller than the comparison it stands for."""
    if limit & (limit - 1):
        return value > limit
    bits = exact_log2(limit)
    return value[bits + 1 :].any() | (value[bits] & value[:bits].any())


def less_than(value: Value, needed: Value, bits: int) -> Value:
    """Return whether a value that has only so many bits is less than one that may have more."""
    return needed[bits:].any() | (value[:bits] < needed[:bits])


def beyond(start: Value, count: Value, words: int) -> Value:
    """Return whether `count` words (from 1) from `start` on leave a memory of `words`, a power of two.

    Smaller than the comparison it stands for: only the bits inside the memory are added.
    """
    bits = exact_log2(words)
    end = start[:bits] + count
    return start[bits:].any() | end[bits + 1 :].any() | (end[bits] & end[:bits].any())


def level_layout(parameters: Parameters) -> data.StructLayout:
    """Return the layout of the level strobe: family, line (65535: every line of the family), code in two's complement."""
    return data.StructLayout({"family": 2, "line": 16, "code": signed(parameters.level_bits)})


def sample_layout(parameters: Parameters) -> data.StructLayout:
    """Return the layout of a converted sample: code in two's complement, and whether the converter was at its limit."""
    return data.StructLayout({"code": signed(parameters.sample_bits), "saturated": 1})


PREFIX = {Family.ROWS: "row", Family.COLUMNS: "column", Family.GATES: "gate_line"}
"""What the names of a family's members begin with."""


def family_lines(parameters: Parameters) -> dict[Family, int]:
    """Return the number of lines of each family that the build has."""
    counts = {family: parameters.lines(family) for family in Family}
    return {family: count for family, count in counts.items() if count}
