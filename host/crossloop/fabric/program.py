"""What the programs of this folder have in common: their data pass through the vector memory, before and after the run."""

from __future__ import annotations

from crossloop.operation import Codes, Operation
from crossloop.protocol.parameters import Parameters


class FabricProgram(Operation):
    """A run without data commands and without conversions in its reply. The result is None."""

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:  # noqa: ARG002  same on every build
        """Return no command: the vector memory is written before."""
        return ()

    def result(self, conversions: list[Codes]) -> None:
        """Return nothing: what there is to know is in the vector memory."""
