"""The commands of `crossloop`, and how errors are shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from crossloop.protocol.errors import CrossloopError, LinkError, SafetyTrip, TargetError, ToolError
from crossloop.targets import find_target

EXIT_CODES: tuple[tuple[type[CrossloopError], int], ...] = (
    (TargetError, 3),
    (ToolError, 4),
    (LinkError, 5),
    (SafetyTrip, 6),
)
"""Exit codes of errors; any other CrossloopError is 1, wrong usage 2."""
_INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="crossloop",
    help="Hardware in the loop for analog memristive crossbar arrays.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Layers = Annotated[
    str,
    typer.Option(help="Inputs, hidden units, classes: 64 inputs (pixels) or 15 (blocks of pixels), 2 to 10 classes."),
]
Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", help="model:, rtl:, netlist:, bitstream:FOLDER or serial:///dev/ttyUSB0?baud=1000000"
    ),
]


@app.command()
def doctor(
    port: Annotated[
        str | None, typer.Option(help="Test the board at this serial port instead of this machine.")
    ] = None,
    baud: Annotated[int | None, typer.Option(help="Of the port; the build's or 1000000 when not given.", min=1)] = None,
    loop_bytes: Annotated[int, typer.Option("--bytes", help="Bytes there and back in the loop-back.", min=1)] = 65536,
    build: Annotated[
        Path | None, typer.Option(help="Folder of `crossloop build` whose bitstream must be on the board.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--json", help="Figures to write, as JSON; - is the standard output.")
    ] = None,
) -> None:
    """Show what this machine has, in one block to paste into a report; with --port, test a board."""
    if port is None:
        if (baud, build, output) != (None, None, None):
            raise typer.BadParameter("--baud, --build and --json belong to the test of a board; give --port with them")
        from crossloop.cli.doctor import report

        healthy = report()
    else:
        from crossloop.cli.board_doctor import examine

        healthy = examine(port, baud=baud, loop_bytes=loop_bytes, build=build, output=output)
    raise typer.Exit(0 if healthy else 1)


@app.command()
def info(target: Target) -> None:
    """Show who a target is: build, geometry, converters, limits, state."""
    from crossloop.cli.info import show

    show(target)


@app.command()
def serve(
    target: Target,
    link: Annotated[Path | None, typer.Option(help="Put a symbolic link to the terminal here.")] = None,
) -> None:
    """Put a target on a pseudo-terminal and print its path; Ctrl-C ends it."""
    import signal

    from crossloop.cli.opening import open_shown
    from crossloop.serve import PtyServer, rehearse

    rehearse(target)
    with PtyServer(open_shown(target), link) as server:

        def end(number: int, _frame: object) -> None:
            signal.signal(number, signal.default_int_handler)  # the second time at once, whatever the target is doing
            server.end()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        typer.echo(f"serial://{link.absolute() if link else server.path}")
        server.run()
    typer.echo("ended", err=True)


@app.command()
def safe(target: Target) -> None:
    """Stop a target at once: pulse gates off, lines to ground, until it is armed again."""
    from crossloop.cli.info import stop

    stop(target)


@app.command()
def demo(
    target: Annotated[str, typer.Option(help="Where to train.")] = "rtl:",
    port: Annotated[str | None, typer.Option(help="Train on a board at this serial port instead.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of the runs, with commas between.")] = "0",
    epochs: Annotated[int, typer.Option(help="Passes over the training digits.", min=1)] = 10,
    learning_rate: Annotated[float | None, typer.Option(help="Chosen on validation digits when not given.")] = None,
    layers: Layers = "64,32,10",
    report: Annotated[Path, typer.Option(help="Page to write.")] = Path("demo-report.html"),
    summary: Annotated[Path, typer.Option(help="Figures to write, as JSON.")] = Path("demo-summary.json"),
) -> None:
    """Train a network on handwritten digits inside emulated arrays, and write a report."""
    numbers, sizes = _integers(seeds, "--seeds", "0,1,2"), _integers(layers, "--layers", "64,32,10")
    device = None if port is None else str(Path(port).absolute())
    find_target(target if device is None else f"serial://{device}")  # before the minutes that the baselines take
    from crossloop.demo import run_demo

    done = run_demo(
        target, device, numbers, epochs, learning_rate=learning_rate, layers=sizes, report=report, summary=summary
    )
    raise typer.Exit(_INTERRUPTED if done.interrupted else 0)


@app.command()
def train(
    target: Target = "rtl:",
    seed: Annotated[int, typer.Option(help="Seed of network, cells and order of samples.", min=0)] = 0,
    epochs: Annotated[int, typer.Option(help="Passes over the training digits.", min=1)] = 10,
    learning_rate: Annotated[float | None, typer.Option(help="Chosen on validation digits when not given.")] = None,
    layers: Layers = "64,32,10",
    output: Annotated[Path | None, typer.Option(help="Results to write, as JSON.")] = None,
) -> None:
    """Train on the digits and print the accuracies, without a report."""
    sizes = _integers(layers, "--layers", "64,32,10")
    find_target(target)
    from crossloop.demo import run_training

    done = run_training(target, layers=sizes, epochs=epochs, learning_rate=learning_rate, seed=seed, output=output)
    raise typer.Exit(_INTERRUPTED if done.test_accuracy is None else 0)


def _integers(text: str, option: str, example: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{option} must be integers with commas between, like {example}, not {text!r}"
        ) from None


def _add_commands() -> None:
    """Add the commands, and groups of them, that other packages register: the host names no simulator and no board."""
    from importlib.metadata import entry_points

    known = {group.name for group in app.registered_groups} | {command.name for command in app.registered_commands}
    for entry in entry_points(group="crossloop.commands"):
        if entry.name not in known:
            try:
                loaded = entry.load()
            except ImportError:
                continue  # its extra is not installed
            if isinstance(loaded, typer.Typer):
                app.add_typer(loaded, name=entry.name)
            else:
                app.command(name=entry.name)(loaded)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every error a user can act on is one line on stderr and an exit code."""
    try:
        _add_commands()
        app(list(sys.argv[1:] if arguments is None else arguments))
    except CrossloopError as error:
        typer.echo(f"crossloop: {error}", err=True)
        sys.exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1))
