"""`crossloop model`: the simulated cells on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossloop.protocol.errors import RangeError

app = typer.Typer(help="Look at the models of cells and wires.", no_args_is_help=True)


@app.command("list")
def list_presets() -> None:
    """List the presets and kinds of cells."""
    from crossloop_sim.devices.kinds import KINDS
    from crossloop_sim.devices.presets import DEVICES

    typer.echo("presets, for model:?preset=NAME and crossloop model show NAME")
    for name, device in DEVICES.items():
        typer.echo(f"  {name:<20} {type(device).__name__}")
    typer.echo(f"kinds, for model:?device=NAME: {', '.join(KINDS)}")


@app.command()
def show(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help="A preset of crossloop model list, or `wires`.")],
    output: Annotated[Path | None, typer.Option(help="Picture to write (png, svg, pdf).")] = None,
) -> None:
    """Print a preset's settings and draw what its cells do."""
    from dataclasses import fields

    from crossloop_sim.devices.presets import DEVICES
    from crossloop_sim.looks import arrays, cells

    path = output or Path(f"{preset}.png")
    if preset == "wires":
        arrays.draw(path)
    elif preset in DEVICES:
        device = DEVICES[preset]
        for setting in fields(device):
            typer.echo(f"  {setting.name:<24} {getattr(device, setting.name)}")
        cells.draw(preset, device, path)
    else:
        raise RangeError(f"unknown preset {preset!r}; known are {', '.join(DEVICES)}, wires")
    typer.echo(f"wrote {path}")
