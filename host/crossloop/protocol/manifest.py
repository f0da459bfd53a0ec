"""The manifest of a bitstream: what `crossloop build` writes beside it, and what whoever loads or simulates it reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from crossloop.protocol.errors import ToolError
from crossloop.protocol.parameters import Parameters

MANIFEST = "build.json"
"""Its file name."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A bitstream and how it came about."""

    board: str
    family: str
    """iCE40, ECP5 or Gowin."""
    front_end: str
    build_hash: str
    """What the identity frame carries, in hexadecimal."""
    baud: int
    divisor: int
    """Clock cycles per bit of the serial line."""
    clock_hz: int
    reset_cycles: int
    """Cycles after power-on in which the controller is held in reset."""
    fmax_mhz: float
    """Of the controller's clock, after routing."""
    cells: int
    cells_available: int
    """Logic cells (iCE40: LUT, carry and register each; ECP5 and Gowin: LUTs)."""
    registers: int
    memories: int
    memories_available: int
    """Block RAMs."""
    seconds: float
    """Wall time of the build."""
    bitstream: str
    """Its file, in the same folder."""
    constraints: str
    """File that places the pins, in the same folder."""
    ports: dict[str, str]
    """Member of the controller and port of the top, for clock (`clk`), serial line and front end; a port of several bits has them as
    `NAME[INDEX]` in `pins`."""
    inverted: tuple[str, ...]
    """Those of them that are active low at the pin."""
    pins: dict[str, str]
    """Port bit of the top and package pin."""
    parameters: dict[str, Any]
    """Every field of the build."""
    tools: tuple[str, ...]
    """Names and versions."""

    def write(self, folder: Path) -> None:
        """Write it into the build's folder."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read it from a build's folder.

        Raises
        ------
        ToolError
            If the folder holds no finished build, or one of another release.
        """
        try:
            values = json.loads((folder / MANIFEST).read_text())
        except (FileNotFoundError, NotADirectoryError):
            raise ToolError(
                f"{folder} holds no finished build ({MANIFEST} is missing); run `crossloop build` first"
            ) from None
        except ValueError as error:
            raise ToolError(f"{folder / MANIFEST} cannot be read ({error}); run `crossloop build` again") from None
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            raise ToolError(
                f"{folder / MANIFEST} is of another release (fields {', '.join(sorted(set(values) ^ names))}); run `crossloop build` again"
            )
        return cls.of(values)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Manifest:
        """Return a manifest of all its fields as JSON has them, which knows no tuples."""
        parameters = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values["parameters"].items()
        }
        lists = {name: tuple(values[name]) for name in ("inverted", "tools")}
        return cls(**{**values, **lists, "parameters": parameters})

    @property
    def build(self) -> Parameters:
        """The controller's build."""
        return Parameters(**self.parameters)
