"""The memories: patterns that find stuck bits, bits that depend on each other, and addresses that are taken for one another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crossloop.checkup.check import Check, judged
from crossloop.checkup.words import exchange, read_back, write
from crossloop.dry_run import dry_run
from crossloop.link import Link
from crossloop.packing import unpack_run
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.commands import COMMAND_HEADER
from crossloop.protocol.frames import CRC, REPLY_HEADER, REQUEST_HEADER
from crossloop.protocol.microops import MicroOp, Opcode
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER

WORD_BITS = 16
WAIT_BITS = 10
"""Bits of a waiting time by which a micro-op is known again; more would take too long."""


def patterns(words: int) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield name and words of every pattern, as two's complement, shape (words,); each fills the memory before it is read."""
    address = np.arange(words, dtype=np.int64)
    for shift in range(WORD_BITS):
        yield "walking ones", _signed(1 << (address + shift) % WORD_BITS)
    yield "address in data", _signed(address)
    yield "address in data", _signed(~address)
    for phase in (0, 1):
        yield "checkerboard", _signed(np.where(address + phase & 1, 0x5555, 0xAAAA))


def vector_memory(link: Link, parameters: Parameters) -> Check:
    """Write every pattern to the whole vector memory, and read it."""
    faults: dict[str, str] = {}
    wrong = passes = 0
    for name, words in patterns(parameters.vector_words):
        write(link, words, parameters)
        found = read_back(link, words.size, parameters)
        places = np.flatnonzero(words != found)
        wrong, passes = wrong + places.size, passes + 1
        if places.size and name not in faults:
            at = int(places[0])
            faults[name] = (
                f"{name}: {places.size} words differ, the first at {at}: {int(words[at]) & 0xFFFF:04x} was written, "
                f"{int(found[at]) & 0xFFFF:04x} read"
            )
    return judged(
        "vector memory", list(faults.values()),
        f"{parameters.vector_words} words hold walking ones, their addresses and a checkerboard, {passes} passes",
        words=parameters.vector_words, passes=passes, wrong_words=wrong,
    )  # fmt: skip


def program_memory(link: Link, parameters: Parameters) -> Check:
    """Fill the program memory with waits and ends by turns, and run every one of them: how long it takes tells what is stored.

    Programs run only while the outputs are armed; these move no pin. A micro-op cannot be read back, so what they do not use is not seen.
    """
    ops = parameters.program_ops
    wrong: list[int] = []
    for phase in (0, 1):
        program = [m.halt() if (address + phase) & 1 else m.wait(_waiting(address)) for address in range(ops - 1)]
        _load(link, [*program, m.halt()], parameters)
        taken = _run_all(link, ops, parameters)
        # Every other micro-op is a HALT, so a run from a WAIT ends with the next one.
        expected = [dry_run([op] if op.opcode is Opcode.HALT else [op, m.halt()], parameters).cycles for op in program]
        wrong += [at for at, cycles in enumerate(expected) if taken[at] != cycles]
    faults = [f"{len(wrong)} micro-ops are not what was written, the first at address {wrong[0]}"] if wrong else []
    return judged(
        "program memory", faults, f"{ops} micro-ops run as they were written, told by the cycles that they take",
        micro_ops=ops, wrong_micro_ops=len(wrong),
    )  # fmt: skip


def _waiting(address: int) -> int:
    """Return the waiting time of a micro-op in cycles; neighbours in every address bit have another one."""
    return (address * 0x9E5 + 0x155) & (1 << WAIT_BITS) - 1


def _load(link: Link, program: list[MicroOp], parameters: Parameters) -> None:
    room = parameters.frame_bytes - REQUEST_HEADER.size - CRC.size - COMMAND_HEADER.size
    images = [op.encode() for op in program]
    per_frame = room // len(images[0])
    payloads = [
        commands.write_program(b"".join(images[start : start + per_frame]), start)
        for start in range(0, len(images), per_frame)
    ]
    exchange(link, payloads)


def _run_all(link: Link, count: int, parameters: Parameters) -> list[int]:
    """Return how many cycles a run from each address takes."""
    room = parameters.frame_bytes - REPLY_HEADER.size - CRC.size
    per_frame = room // max(RECORD_HEADER.size, COMMAND_HEADER.size)
    payloads = [
        b"".join([commands.run(address) for address in range(start, min(start + per_frame, count))])
        for start in range(0, count, per_frame)
    ]
    taken = []
    for payload in exchange(link, payloads):
        position = 0
        while position < len(payload):
            _conversions, cycles, position = unpack_run(payload, position)
            taken.append(cycles)
    return taken


def _signed(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the low 16 bits of words as two's complement."""
    return (words & 0xFFFF ^ 0x8000) - 0x8000
