"""The `reference` front ends in cycles: the timing contract that a build promises, computed from the parts' constants."""

from __future__ import annotations

from dataclasses import replace

from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.parts import ad7606, adg1414, adg1604
from crossloop.protocol.parts.dac8568 import DAC8568
from crossloop.protocol.parts.dac81416 import DAC81416
from crossloop.protocol.parts.level_dac import LevelDac
from crossloop.protocol.parts.spi import SpiCycles, cycles_of, spi_cycles

LEVEL_DACS: dict[str, LevelDac] = {"reference": DAC81416, "reference-dac8568": DAC8568}
"""The level DAC of each front end that has parts."""
PIN_DELAY = 2
"""Cycles by which every pin of the front end shows what the controller has decided later: the same for gates, states, CONVST and levels."""
SYNCHRONISER = 2
"""Flip-flops behind BUSY."""
CHAIN_DEVICES = 4
"""Longest chain of routing switches; channels beyond that have chains of their own beside it, on the same three pins."""
MIN_BREAK_CYCLES = 2
"""A multiplexer's address changes while its enable is low, with a cycle on both sides; at most clocks the switches need longer."""

FRONT_END_FIELDS = frozenset({
    "level_write_cycles", "level_settle_cycles", "switch_settle_cycles", "route_cycles", "conversion_cycles",
})  # fmt: skip
"""Build parameters that the parts decide."""


def level_dac(parameters: Parameters) -> LevelDac:
    """Return the level DAC of a build with parts."""
    return LEVEL_DACS[parameters.frontend]


def converter_chips(parameters: Parameters) -> int:
    """Return the number of converters: one channel per line of the longer family."""
    return -(-max(parameters.rows, parameters.columns) // ad7606.CHANNELS)


def chain_devices(parameters: Parameters) -> int:
    """Return the length of the routing chains: an octal per channel, up to `CHAIN_DEVICES`."""
    return min(CHAIN_DEVICES, max(parameters.rows, parameters.columns))


def busy_cycles(clock_hz: int) -> int:
    """Return the cycles from the rise of CONVST to the start of reading: conversion, BUSY's delay and its synchroniser."""
    return cycles_of(ad7606.BUSY_DELAY_PS + ad7606.CONVERSION_PS, clock_hz) + SYNCHRONISER


def read_cycles(clock_hz: int) -> SpiCycles:
    """Return the frame that reads the converters."""
    return spi_cycles(ad7606.SPI, clock_hz)


def conversion_cycles(clock_hz: int) -> int:
    """Return the cycles from the conversion strobe to the first sample."""
    # One for the start of the frame, one for the register that holds the last bit.
    return PIN_DELAY + busy_cycles(clock_hz) + read_cycles(clock_hz).frame + 2


def route_cycles(parameters: Parameters) -> int:
    """Return the cycles in which a chain takes a new routing and its switches settle."""
    chain = spi_cycles(adg1414.chain_profile(chain_devices(parameters)), parameters.clock_hz)
    return chain.pitch + 2 + cycles_of(adg1414.SWITCH_PS, parameters.clock_hz)


def power_up_cycles(parameters: Parameters) -> int:
    """Return a number of cycles after which every part is configured: the level DACs' frames take longest."""
    part, clock_hz = level_dac(parameters), parameters.clock_hz
    pitch = max(spi_cycles(part.spi, clock_hz).pitch, cycles_of(max(part.update_ps, part.broadcast_ps), clock_hz)) + 1
    return pitch * (len(part.power_up) + 2)


def least_break_cycles(clock_hz: int) -> int:
    """Return the shortest `break_cycles` in which a line's multiplexer has surely opened."""
    return max(MIN_BREAK_CYCLES, cycles_of(adg1604.ENABLE_LOW_PS, clock_hz))


def reference_parameters(parameters: Parameters) -> Parameters:
    """Return a build with the cycles that the parts of its front end need.

    Parameters
    ----------
    parameters : Parameters
        Geometry, clock, codes and name of the front end; what it says of the front end's times is replaced.

    Raises
    ------
    RangeError
        If the parts cannot serve the build.
    """
    clock_hz, channels = parameters.clock_hz, max(parameters.rows, parameters.columns)
    least = least_break_cycles(clock_hz)
    if parameters.break_cycles < least:
        raise RangeError(
            f"break_cycles of {parameters.break_cycles} is too short for the reference front end, whose multiplexers need "
            f"{least} cycles between two states at {clock_hz} Hz; choose {least} or more"
        )
    part, room = level_dac(parameters), cycles_of(ad7606.CONVERSION_PS, clock_hz)
    if channels > room:
        raise RangeError(
            f"{channels} lines are more than the {room} that a simulated converter of the reference front end can take up in one "
            f"conversion at {clock_hz} Hz; use fewer lines or a faster clock"
        )
    return replace(
        parameters,
        level_write_cycles=part.write_cycles(clock_hz),
        level_settle_cycles=part.settle_cycles(clock_hz),
        switch_settle_cycles=PIN_DELAY + cycles_of(adg1604.SWITCH_PS, clock_hz),
        route_cycles=route_cycles(parameters),
        conversion_cycles=conversion_cycles(clock_hz),
    )
