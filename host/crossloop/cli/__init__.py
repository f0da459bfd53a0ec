"""The `crossloop` command. Everything heavy is imported by the command that needs it, so that help and errors come at once."""

from crossloop.cli.application import main

__all__ = ["main"]
