"""The commands of `crossloop`, and how errors are shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from crossloop.protocol.errors import CrossloopError, LinkError, SafetyTrip, TargetError, ToolError

EXIT_CODES: tuple[tuple[type[CrossloopError], int], ...] = (
    (TargetError, 3),
    (ToolError, 4),
    (LinkError, 5),
    (SafetyTrip, 6),
)
"""Exit codes of errors; any other CrossloopError is 1, wrong usage 2."""

app = typer.Typer(
    name="crossloop",
    help="Hardware in the loop for analog memristive crossbar arrays.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Target = Annotated[str, typer.Argument(metavar="TARGET", help="model:, rtl: or serial:///dev/ttyUSB0?baud=1000000")]


@app.command()
def doctor() -> None:
    """Show what this machine has, in one block to paste into a report."""
    from crossloop.cli.doctor import report

    healthy = report()
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

    from crossloop.serve import PtyServer
    from crossloop.targets import open_target

    with PtyServer(open_target(target), link) as server:

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
    port: Annotated[str | None, typer.Option(help="Run on a board at this serial port instead.")] = None,
    target: Annotated[str | None, typer.Option(help="Run on this target instead of rtl:.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of the runs, with commas between.")] = "0",
    epochs: Annotated[int, typer.Option(help="Passes over the training digits.", min=1)] = 10,
    output: Annotated[Path, typer.Option(help="Folder of the report and the summary.")] = Path(),
) -> None:
    """Train a network on handwritten digits inside emulated arrays, and write a report."""
    if port is not None and target is not None:
        raise typer.BadParameter("give --port or --target, not both")
    url = f"serial://{Path(port).absolute()}" if port is not None else target
    from crossloop.demo import run_demo

    run_demo(target=url, seeds=_seeds(seeds), epochs=epochs, output=output)


@app.command()
def train(
    target: Target = "rtl:",
    seed: Annotated[int, typer.Option(help="Seed of network, plant and order of samples.", min=0)] = 0,
    epochs: Annotated[int, typer.Option(help="Passes over the training digits.", min=1)] = 10,
) -> None:
    """Train on the digits and print the accuracies, without a report."""
    from crossloop.training import run_training

    run_training(target=target, seed=seed, epochs=epochs)


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--seeds must be integers with commas between, like 0,1,2, not {text!r}") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every error a user can act on is one line on stderr and an exit code."""
    try:
        app(list(sys.argv[1:] if arguments is None else arguments))
    except CrossloopError as error:
        typer.echo(f"crossloop: {error}", err=True)
        sys.exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1))
