"""Target URLs of the demo: what a simulated target must be like for a network to fit, and its model to try learning rates on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlencode

from crossloop.connection import connect
from crossloop.rehearsal import twin_url
from crossloop.session import Session
from crossloop.training.optimiser import check_layers

_ENGINE_KEYS = ("engine", "link", "divisor", "transcript")
"""Keys of a URL that a model of the same arrays does not have or need."""


def geometry(layers: Sequence[int]) -> dict[str, str]:
    """Return the URL keys of the smallest build for a network: a row per input and bias, two columns per output, a tile per layer."""
    sizes = check_layers(layers)
    return {
        "rows": str(max(inputs + 1 for inputs in sizes[:-1])),
        "columns": str(2 * max(sizes[1:])),
        "tiles": str(len(list(pairwise(sizes)))),
    }


def is_simulated(url: str) -> bool:
    """Return whether a URL names a simulated target, whose build and cells the URL chooses; a board's bitstream has its own."""
    scheme, _colon, rest = url.partition(":")
    return scheme != "serial" and (scheme != "bitstream" or not rest.partition("?")[0])


def target_url(target: str, layers: Sequence[int], seed: int) -> str:
    """Return a target's URL with everything filled in that a training needs and the caller left open: geometry, cells and their seed."""
    if not is_simulated(target):
        return target
    scheme, _colon, rest = target.partition(":")
    given = dict(parse_qsl(rest.lstrip("?"), keep_blank_values=True))
    emulated = given.get("frontend") == "emulated"
    cells = {"array_seed": str(seed)} if emulated else {"preset": "rpu", "seed": str(seed)}
    return f"{scheme}:?{urlencode({**geometry(layers), **cells} | given, safe=',')}"


def model_url(target: str, layers: Sequence[int], seed: int) -> str:
    """Return the URL of a Python model of the target.

    It has the same build and cells when the target is simulated, or is a device with its array inside. Otherwise it is the demo's own.
    """
    if not is_simulated(target):
        with connect(target) as session:
            if session.parameters.frontend == "emulated":
                return twin_url(session.parameters)
    rest = target_url(target, layers, seed).partition(":")[2] if is_simulated(target) else ""
    kept = {key: value for key, value in parse_qsl(rest.lstrip("?")) if key not in _ENGINE_KEYS}
    return target_url(f"model:?{urlencode(kept, safe=',')}", layers, seed)


def open_session(url: str, progress: Callable[[str], None]) -> Session:
    """Connect; `progress` is told when a slow step of a build begins."""
    options: dict[str, Any] = {} if url.startswith(("model:", "serial:")) else {"progress": progress}
    return connect(url, **options)


def world_of(session: Session) -> Any | None:
    """Return what stands behind a simulated target, None for a device."""
    return getattr(session.transport, "world", None)
