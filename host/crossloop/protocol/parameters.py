"""What one controller build is: geometry, converter bits, memory depths, clock, and the analog scale of its front end."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from enum import IntEnum

from crossloop.protocol.errors import RangeError
from crossloop.protocol.streams import Family

PROTOCOL_VERSION = 4
"""Number of the wire format; raised whenever a frame, command, record, register or micro-op changes its meaning."""

ALL_LINES = 0xFFFF
"""Line number that means every line of the family."""

RANGES = 4
"""Number of converter ranges (transimpedance settings)."""


class GateLines(IntEnum):
    """How the gate lines of the cells lie."""

    NONE = 0
    """The cells have no third terminal."""
    ROWS = 1
    """One gate line along every row."""
    COLUMNS = 2
    """One gate line along every column."""


FRONT_ENDS = ("direct", "reference", "reference-dac8568", "emulated")
"""Names of front ends; the place is the number on the wire."""

_LIMITS: dict[str, tuple[int, int]] = {
    "rows": (1, 1024),
    "columns": (1, 1024),
    "gate_lines": (GateLines.NONE, GateLines.COLUMNS),
    "nudge_lines": (0, 1),
    "gate_taps": (1, 2),
    "tiles": (1, 256),
    "level_bits": (2, 16),
    "sample_bits": (2, 15),
    "vector_words": (16, 65536),
    "program_ops": (16, 65536),
    "frame_bytes": (128, 4096),
    "request_slots": (1, 8),
    "loop_depth": (1, 8),
    "break_cycles": (1, 255),
    "dead_cycles": (4, 255),
    "clock_hz": (1_000_000, 1_000_000_000),
    "level_full_scale_uv": (1, 100_000_000),
    "gate_full_scale_uv": (1, 100_000_000),
    "gate_full_scale_pa": (0, 2**32 - 1),
    "voltage_full_scale_uv": (1, 100_000_000),
    "level_write_cycles": (1, 65535),
    "level_settle_cycles": (0, 2**24 - 1),
    "switch_settle_cycles": (0, 65535),
    "route_cycles": (0, 65535),
    "conversion_cycles": (0, 2**24 - 1),
    "line_cycles": (0, 65535),
    "gap_min_cycles": (1, 65535),
    "array_seed": (0, 2**32 - 1),
}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Build parameters of the controller; the identity frame carries them all."""

    rows: int = 16
    """Row lines of every tile."""
    columns: int = 16
    """Column lines of every tile."""
    gate_lines: int = GateLines.NONE
    """How the gate lines lie, one of `GateLines`."""
    nudge_lines: int = 0
    """1: every column has a nudge line."""
    gate_taps: int = 1
    """Taps per clock cycle in which a pulse may begin or end: 2 where the pins of the pulse gates have DDR outputs."""
    tiles: int = 1
    """Arrays that share this controller and front end."""
    level_bits: int = 7
    """Width of the level DACs' codes in bits, two's complement."""
    sample_bits: int = 9
    """Width of the converters' codes in bits, two's complement."""
    vector_words: int = 1024
    """Depth of the vector memory in 16-bit words; a power of two."""
    program_ops: int = 1024
    """Depth of the program memory in micro-ops; a power of two."""
    frame_bytes: int = 1024
    """Largest decoded frame, header and CRC included; a power of two."""
    request_slots: int = 2
    """Request frames the device can hold, and replies it keeps for repetition; a power of two."""
    loop_depth: int = 4
    """Deepest nesting of LOOP micro-ops."""
    arithmetic: bool = True
    """The controller has registers and executes the micro-ops of `ARITHMETIC_OPCODES`; a small FPGA leaves them out."""
    coincidence: bool = True
    """The controller draws random streams and executes COINCIDE; without it, stream banks keep only the signs by which CONNECT chooses
    lines."""
    break_cycles: int = 4
    """Cycles for which a line floats between two states (break before make)."""
    dead_cycles: int = 4
    """Cycles for which all pulse gates are off before a level changes: the dead time between two polarities."""
    clock_hz: int = 50_000_000
    """Clock of the controller in hertz."""
    level_full_scale_uv: int = 500_000
    """Level of code -2**(level_bits - 1), negated, in microvolts: one step is level_full_scale_uv / 2**(level_bits - 1). Nudge lines
    have the same."""
    gate_full_scale_uv: int = 5_000_000
    """The same of the gate lines' level DACs."""
    gate_full_scale_pa: int = 0
    """Current of the same code, in picoamperes, of the current sources of gate lines; 0: there are none."""
    range_full_scale_pa: tuple[int, ...] = (200_000, 50_000, 12_500, 3_125)
    """Current of code -2**(sample_bits - 1), negated, in picoamperes, of each converter range."""
    voltage_full_scale_uv: int = 500_000
    """Voltage of the same code, negated, in microvolts, when the converters read the voltages of lines."""
    frontend: str = "direct"
    """Name of the front end; all but `direct` compute cycles below, see `crossloop.protocol.front_ends`."""
    level_write_cycles: int = 1
    """Cycles from a level strobe to the next; the level changes in the last of them."""
    level_settle_cycles: int = 0
    """Cycles that LEVEL and LEVELS wait after the last level has changed."""
    switch_settle_cycles: int = 0
    """Cycles that CONNECT and TILE wait after the new state shows."""
    route_cycles: int = 0
    """Cycles that CONVERT and SAMPLE wait before the gates go on, in which the converters are switched to family, pairs and range."""
    conversion_cycles: int = 0
    """Cycles from the conversion strobe to the first sample; the first ten cost nothing, since a record's header is written meanwhile."""
    line_cycles: int = 0
    """Cycles that a conversion takes per line that it converts, beside the read-out: for converters that take one line after the other."""
    gap_min_cycles: int = 1
    """Shortest gap of PULSE and COINCIDE in cycles; shorter ones are refused."""
    array_seed: int = 0
    """Seed of the emulated array: spread of its cells and noise; other front ends do not look at it."""

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise RangeError(
                    f"parameter {name} must be an integer from {low} to {high}, not {value!r}; choose another build"
                )
        for name in ("arithmetic", "coincidence"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise RangeError(f"parameter {name} must be true or false, not {value!r}; choose another build")
        for name in ("vector_words", "program_ops", "frame_bytes", "request_slots"):
            value = getattr(self, name)
            if value & (value - 1):
                raise RangeError(
                    f"parameter {name} must be a power of two, not {value}; the memories are addressed by bit fields"
                )
        if self.gate_full_scale_pa and not self.gate_lines:
            raise RangeError(
                "parameter gate_full_scale_pa is the scale of gate lines, and this build has none; give gate_lines=1 or 2 with it"
            )
        if self.frontend not in FRONT_ENDS:
            raise RangeError(f"parameter frontend must be one of {', '.join(FRONT_ENDS)}, not {self.frontend!r}")
        if len(self.range_full_scale_pa) != RANGES or any(not 0 < pa < 2**32 for pa in self.range_full_scale_pa):
            raise RangeError(
                f"parameter range_full_scale_pa must hold {RANGES} currents from 1 to {2**32 - 1} pA, not {self.range_full_scale_pa!r}"
            )

    def lines(self, family: Family) -> int:
        """Return the number of lines of a family, 0 for gate and nudge lines that do not exist."""
        if family is Family.GATES:
            return {GateLines.NONE: 0, GateLines.ROWS: self.rows, GateLines.COLUMNS: self.columns}[
                GateLines(self.gate_lines)
            ]
        if family is Family.NUDGES:
            return self.columns * self.nudge_lines
        return self.columns if family is Family.COLUMNS else self.rows

    @property
    def build_hash(self) -> int:
        """64-bit hash of the protocol version and of every parameter; host and device must agree on it."""
        text = f"crossloop protocol {PROTOCOL_VERSION};" + ";".join(
            f"{f.name}={asdict(self)[f.name]}" for f in fields(self)
        )
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
