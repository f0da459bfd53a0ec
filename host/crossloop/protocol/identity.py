"""The identity frame: the first thing a device says, from which the host learns everything about it."""

from __future__ import annotations

import struct

from crossloop.protocol.errors import IdentityError
from crossloop.protocol.parameters import FRONT_ENDS, PROTOCOL_VERSION, RANGES, Parameters

MAGIC = b"XLOP"
"""First bytes of every identity payload."""

_LAYOUT = struct.Struct(f"<4sHHQHHHBBBBBBHHHBBBIIIII{RANGES}IIIHHHBBHHI")

IDENTITY_FIELDS = (
    "magic", "protocol_version", "frontend", "build_hash", "rows", "columns", "tiles", "level_bits", "sample_bits", "request_slots",
    "loop_depth", "break_cycles", "ranges", "vector_words_log2", "program_ops_log2", "frame_bytes", "gate_lines", "nudge_lines",
    "dead_cycles", "clock_hz", "level_full_scale_uv", "gate_full_scale_uv", "gate_full_scale_pa", "level_settle_cycles",
    *(f"range_full_scale_pa_{index}" for index in range(RANGES)), "voltage_full_scale_uv", "conversion_cycles", "level_write_cycles",
    "switch_settle_cycles", "route_cycles", "gate_taps", "features", "line_cycles", "gap_min_cycles", "array_seed",
)  # fmt: skip
"""Names of the payload's fields in wire order, little endian."""

FEATURES = ("arithmetic", "coincidence")
"""Build parameters that are a bit of the field `features`, from bit 0 on."""

IDENTITY_BYTES = _LAYOUT.size
"""Length of the identity payload in bytes."""


def pack_identity(parameters: Parameters) -> bytes:
    """Return the identity payload of a build; the gateware keeps it in a memory, the golden model answers with it."""
    return _LAYOUT.pack(
        MAGIC, PROTOCOL_VERSION, FRONT_ENDS.index(parameters.frontend), parameters.build_hash, parameters.rows, parameters.columns,
        parameters.tiles, parameters.level_bits, parameters.sample_bits, parameters.request_slots, parameters.loop_depth,
        parameters.break_cycles, RANGES, parameters.vector_words.bit_length() - 1, parameters.program_ops.bit_length() - 1,
        parameters.frame_bytes, parameters.gate_lines, parameters.nudge_lines, parameters.dead_cycles, parameters.clock_hz,
        parameters.level_full_scale_uv, parameters.gate_full_scale_uv, parameters.gate_full_scale_pa, parameters.level_settle_cycles,
        *parameters.range_full_scale_pa, parameters.voltage_full_scale_uv, parameters.conversion_cycles, parameters.level_write_cycles,
        parameters.switch_settle_cycles, parameters.route_cycles, parameters.gate_taps,
        sum(getattr(parameters, name) << bit for bit, name in enumerate(FEATURES)),
        parameters.line_cycles, parameters.gap_min_cycles, parameters.array_seed,
    )  # fmt: skip


def unpack_identity(payload: bytes) -> Parameters:
    """Read an identity payload and check that this host can talk to the device.

    Raises
    ------
    IdentityError
        If the payload is not an identity, or its protocol version or build hash is not what this host computes.
    """
    if len(payload) != IDENTITY_BYTES or payload[:4] != MAGIC:
        raise IdentityError(
            f"the device answered {len(payload)} bytes {payload[:4]!r} where an identity has {IDENTITY_BYTES} bytes {MAGIC!r}; "
            "check that a crossloop controller is on this port"
        )
    values = dict(zip(IDENTITY_FIELDS, _LAYOUT.unpack(payload), strict=True))
    if values["protocol_version"] != PROTOCOL_VERSION:
        raise IdentityError(
            f"the device speaks protocol version {values['protocol_version']}, this host {PROTOCOL_VERSION}; "
            "install the matching crossloop release or rebuild the gateware"
        )
    if values["frontend"] >= len(FRONT_ENDS):
        raise IdentityError(
            f"the device has the front end number {values['frontend']}, this host knows {', '.join(FRONT_ENDS)}; "
            "install the matching crossloop release"
        )
    parameters = Parameters(
        rows=values["rows"], columns=values["columns"], tiles=values["tiles"], level_bits=values["level_bits"],
        sample_bits=values["sample_bits"], request_slots=values["request_slots"], loop_depth=values["loop_depth"],
        break_cycles=values["break_cycles"], vector_words=1 << values["vector_words_log2"],
        program_ops=1 << values["program_ops_log2"], frame_bytes=values["frame_bytes"], clock_hz=values["clock_hz"],
        level_full_scale_uv=values["level_full_scale_uv"], gate_full_scale_uv=values["gate_full_scale_uv"],
        gate_lines=values["gate_lines"], nudge_lines=values["nudge_lines"], dead_cycles=values["dead_cycles"],
        voltage_full_scale_uv=values["voltage_full_scale_uv"], gate_full_scale_pa=values["gate_full_scale_pa"],
        range_full_scale_pa=tuple(values[f"range_full_scale_pa_{index}"] for index in range(RANGES)),
        frontend=FRONT_ENDS[values["frontend"]], level_write_cycles=values["level_write_cycles"],
        level_settle_cycles=values["level_settle_cycles"], switch_settle_cycles=values["switch_settle_cycles"],
        route_cycles=values["route_cycles"], conversion_cycles=values["conversion_cycles"], gate_taps=values["gate_taps"],
        **{name: bool(values["features"] >> bit & 1) for bit, name in enumerate(FEATURES)},
        line_cycles=values["line_cycles"], gap_min_cycles=values["gap_min_cycles"], array_seed=values["array_seed"],
    )  # fmt: skip
    if values["build_hash"] != parameters.build_hash:
        raise IdentityError(
            f"the device's build hash is {values['build_hash']:016x}, this host computes {parameters.build_hash:016x} for the same "
            "parameters; host and gateware come from different releases: rebuild the gateware or install the matching host"
        )
    return parameters
