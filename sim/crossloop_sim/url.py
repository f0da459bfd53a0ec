"""Target URLs: `scheme:?key=value&...`, with a named error for everything that is not understood."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl

from crossloop.protocol.errors import RangeError, TargetError
from crossloop.protocol.front_ends import DECIDED, REFERENCE, completed
from crossloop.protocol.parameters import RANGES, Parameters
from crossloop.protocol.parts.reference import least_break_cycles
from crossloop_sim.plant import PlantConfiguration, preset

DEFAULT_PRESET = "rpu"

Reader = Callable[[str], Any]


def _boolean(text: str) -> bool:
    try:
        return {"0": False, "1": True, "no": False, "yes": True, "false": False, "true": True}[text.lower()]
    except KeyError:
        raise ValueError("0 or 1") from None


def _integer(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError("an integer") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number") from None


def _integers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{RANGES} integers with commas between") from None


_READERS: dict[str, Reader] = {
    "int": _integer, "float": _number, "str": str, "bool": _boolean, "tuple[int, ...]": _integers,
}  # fmt: skip

PARAMETER_KEYS: dict[str, Reader] = {field.name: _READERS[str(field.type)] for field in fields(Parameters)}
"""Keys that choose the controller's build."""
WORLD_KEYS: dict[str, Reader] = {"preset": str, "transcript": _boolean}
"""Keys that every simulated target has beside those."""


@dataclass(frozen=True)
class TargetSettings:
    """What a target URL asks for."""

    url: str
    """The URL itself."""
    parameters: Parameters
    """The controller's build."""
    plant: PlantConfiguration
    """The analog world."""
    transcript: bool
    """Whether both seams are recorded."""
    options: Mapping[str, Any]
    """Values of the scheme's own keys that were given."""


def parse_url(url: str, scheme: str, keys: Mapping[str, Reader] | None = None) -> TargetSettings:
    """Read the URL of a simulated target.

    Parameters
    ----------
    url : str
        `scheme:` or `scheme:?key=value&key=value`.
    scheme : str
        The expected scheme.
    keys : mapping
        The scheme's own keys, each with a function that reads its value or raises ValueError with what it should be.

    Raises
    ------
    TargetError
        If the URL is malformed, a key is unknown or given twice, or a value cannot be read.
    RangeError
        If a value is out of range.
    """
    own = dict(keys or {})
    pairs = _pairs(url, scheme)
    try:
        plant_keys = _plant_keys(dict(pairs))
    except RangeError as error:
        raise RangeError(f"target {url!r}: {error}") from None
    readers = PARAMETER_KEYS | plant_keys | WORLD_KEYS | own
    values: dict[str, Any] = {}
    for key, text in pairs:
        if key not in readers:
            raise TargetError(
                f"target {url!r} has the unknown key {key!r}{_guess(key, readers)}; known are {', '.join(readers)}"
            )
        if key in values:
            raise TargetError(f"target {url!r} gives {key!r} twice; give it once")
        try:
            values[key] = readers[key](text)
        except ValueError as error:
            raise TargetError(f"target {url!r}: {key} must be {error}, not {text!r}") from None
    analog = sorted(values.keys() & (plant_keys.keys() | {"preset"}))
    if analog and values.get("frontend") == "emulated":
        raise TargetError(
            f"target {url!r} gives {', '.join(analog)}, which an emulated array has not: its cells and noise follow from array_seed; "
            "leave it out"
        )
    try:
        return TargetSettings(
            url=url,
            parameters=_parameters(url, {key: value for key, value in values.items() if key in PARAMETER_KEYS}),
            plant=preset(
                values.get("preset", DEFAULT_PRESET), **{key: values[key] for key in values if key in plant_keys}
            ),
            transcript=values.get("transcript", False),
            options={key: values[key] for key in values if key in own},
        )
    except RangeError as error:
        raise RangeError(f"target {url!r}: {error}") from None


def _parameters(url: str, values: dict[str, Any]) -> Parameters:
    """Return the build; the front end, not the URL, says how long it takes."""
    parameters = Parameters(**values)
    given = sorted(values.keys() & DECIDED.get(parameters.frontend, frozenset()))
    if given:
        raise TargetError(
            f"target {url!r} gives {', '.join(given)}, which the {parameters.frontend} front end decides; leave it out"
        )
    if parameters.frontend in REFERENCE and "break_cycles" not in values:
        parameters = replace(parameters, break_cycles=least_break_cycles(parameters.clock_hz))
    return completed(parameters)


def _plant_keys(texts: Mapping[str, str]) -> dict[str, Reader]:
    """Return the readers of the plant's settings, which depend on the kind of cell that the URL asks for."""
    plant = preset(texts.get("preset", DEFAULT_PRESET), **{key: texts[key] for key in ("device",) if key in texts})
    return {key: _READERS[kind] for key, kind in plant.setting_types().items()}


def _pairs(url: str, scheme: str) -> list[tuple[str, str]]:
    found, colon, rest = url.partition(":")
    if found != scheme or not colon:
        raise TargetError(f"target {url!r} does not begin with {scheme!r} and a colon")
    path, _mark, query = rest.partition("?")
    if path:
        raise TargetError(f"target {url!r} has {path!r} after the colon; write {scheme}:?key=value&key=value")
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise TargetError(f"target {url!r}: {query!r} is not of the form key=value&key=value") from None


def _guess(key: str, known: Mapping[str, Reader]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
