"""What the peer processes share: one JSON request per line on standard input, one JSON answer per line on standard output."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def timed(call: Callable[[], Any], repeats: int) -> list[float]:
    """Return the seconds of each of `repeats` calls."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return seconds


def serve(operations: dict[str, Callable[..., Any]]) -> None:
    """Answer requests {"op": name, ...} until standard input ends. Whatever a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(operations[request.pop("op")](**request)), file=answers, flush=True)
