"""Finds a C or C++ compiler and makes shared libraries with it.

A compiler of the machine is preferred; the wheel `ziglang` carries a Clang for those that have none. Zig would first
build its C++ library (minutes); so it only compiles here, and its linker joins the object without any library: the
symbols of the C library are already in the process of Python.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from crossloop_sim.engine.errors import CompileError, CompilerNotFoundError

FOUND = {"C": ("CC", ("gcc", "clang", "cc"), "cc"), "C++": ("CXX", ("g++", "clang++", "c++"), "c++")}
"""Environment variable, commands and Zig's word for each language."""
FLAGS = {"C": "CFLAGS", "C++": "CXXFLAGS"}
"""Environment variable with further flags, which come last; -O1 is sooner compiled, and slower in the run."""

ZIG_CXX = """
#include <cstdlib>
#include <new>
void *operator new(std::size_t size) { return std::malloc(size ? size : 1); }
void *operator new[](std::size_t size) { return std::malloc(size ? size : 1); }
void operator delete(void *block) noexcept { std::free(block); }
void operator delete[](void *block) noexcept { std::free(block); }
void operator delete(void *block, std::size_t) noexcept { std::free(block); }
void operator delete[](void *block, std::size_t) noexcept { std::free(block); }
_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(const char *, ...) noexcept { std::abort(); }
_LIBCPP_END_NAMESPACE_STD
"""
"""What a C++ object needs when no C++ library is linked."""


@dataclass(frozen=True)
class Compiler:
    """One compiler.

    Attributes
    ----------
    language : str
        "C" or "C++".
    command : tuple of str
        How to start it.
    zig : bool
        Whether it is Zig's.
    version : str
        First line of what it says about itself; part of the cache key.
    """

    language: str
    command: tuple[str, ...]
    zig: bool
    version: str

    @property
    def name(self) -> str:
        """Short name for messages."""
        return "zig " + self.command[-1] if self.zig else Path(self.command[0]).name

    @property
    def flags(self) -> list[str]:
        """Flags for generated code, whose warnings help nobody; then those of `$CFLAGS` or `$CXXFLAGS`."""
        standard = "-std=gnu11" if self.language == "C" else "-std=c++17"
        # Zig tunes for the very machine by default; a cached library may meet another one.
        lean = ["-mcpu=baseline", *(["-fno-exceptions", "-fno-rtti"] if self.language == "C++" else [])]
        further = shlex.split(os.environ.get(FLAGS[self.language], ""))
        return [standard, "-O2", "-fPIC", "-fvisibility=hidden", "-w", *(lean if self.zig else []), *further]

    def build(self, folder: Path, sources: Sequence[Path], output: Path, extra: Sequence[str] = ()) -> None:
        """Compile `sources` into the shared library `output`.

        Raises
        ------
        CompileError
            With the last lines of the compiler.
        """
        if not self.zig:
            self._run([*self.command, *self.flags, *extra, "-shared", *map(str, sources), "-o", str(output)], folder)
            return
        objects = []
        for source in sources:
            made = folder / (source.name + ".o")
            self._run([*self.command, *self.flags, *extra, "-c", str(source), "-o", str(made)], folder)
            objects.append(str(made))
        self._run([*self.command[:-1], "ld.lld", "-shared", *objects, "-o", str(output)], folder)

    @staticmethod
    def _run(command: list[str], folder: Path) -> None:
        done = subprocess.run(  # noqa: S603 - the compiler that the user has
            command, cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CompileError(shlex.join(command), done.stderr + done.stdout, str(folder))


@functools.cache
def find_compiler(language: str) -> Compiler:
    """Return the compiler for "C" or "C++": `$CC` or `$CXX`, else one on the path, else Zig's.

    Raises
    ------
    CompilerNotFoundError
        When there is none.
    """
    variable, names, zig_word = FOUND[language]
    chosen = os.environ.get(variable)
    tried = [f"${variable}"]
    candidates: list[tuple[str, ...]] = [tuple(shlex.split(chosen))] if chosen else [(name,) for name in names]
    for command in candidates:
        tried.append(command[0])
        path = shutil.which(command[0])
        if path is None:
            continue
        zig = command[-1] == zig_word and len(command) > 1
        version = subprocess.run(  # noqa: S603 - as above
            [path, *command[1:], "--version"], capture_output=True, text=True, check=False
        )
        if not version.returncode:
            return Compiler(language, (path, *command[1:]), zig, version.stdout.partition("\n")[0])
    tried.append(f"python -m ziglang {zig_word}")
    if not chosen and find_spec("ziglang") is not None:
        return zig_compiler(language)
    raise CompilerNotFoundError(language, tried)


def zig_compiler(language: str) -> Compiler:
    """Return the compiler in the wheel `ziglang`."""
    from importlib.metadata import version

    word = FOUND[language][2]
    return Compiler(language, (sys.executable, "-m", "ziglang", word), zig=True, version=f"zig {version('ziglang')}")
