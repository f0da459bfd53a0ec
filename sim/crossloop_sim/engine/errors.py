"""What can go wrong between a component and a running simulation."""

from __future__ import annotations

from pathlib import Path

from crossloop.protocol.errors import ToolError


class EngineError(ToolError):
    """The native engine was asked for something it cannot do."""


class CompilerNotFoundError(EngineError):
    """There is no compiler here that the engine knows."""

    def __init__(self, language: str, tried: list[str]) -> None:
        super().__init__(
            f"no {language} compiler found for the native RTL engine (tried {', '.join(tried)}); install one with "
            f"`apt install g++`, or the wheel with `pip install ziglang` (part of `crossloop[rtl]`), or name one in "
            f"the environment variable {'CC' if language == 'C' else 'CXX'}"
        )


class CompileError(EngineError):
    """The compiler refused generated code."""

    def __init__(self, command: str, output: str, folder: str, *, lines: int = 20) -> None:
        tail = "\n".join(output.strip().splitlines()[-lines:])
        super().__init__(
            f"`{command}` failed on generated code, which is kept in {folder}; try another compiler (CC or CXX) or "
            f"engine, and report the last lines:\n{tail}"
        )


class YosysFailedError(EngineError):
    """Yosys refused the design."""

    def __init__(self, script: str, output: str, *, lines: int = 10) -> None:
        tail = "\n".join(output.strip().splitlines()[-lines:])
        super().__init__(
            f"Yosys failed while running `{script}`; check the installation of `amaranth[builtin-yosys]`, and report "
            f"the last lines:\n{tail}"
        )


class ToolFailedError(EngineError):
    """A synthesis tool refused the design."""

    def __init__(self, command: list[str], folder: Path, output: str, *, lines: int = 10) -> None:
        tail = "\n".join(output.strip().splitlines()[-lines:])
        super().__init__(
            f"`{Path(command[0]).name}` failed on the gateware, which is kept in {folder}; choose a smaller build if it does not "
            f"fit, otherwise report the last lines:\n{tail}"
        )
