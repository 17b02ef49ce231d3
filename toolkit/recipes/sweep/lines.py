"""Lines between a sweep and its processes: each message as one line of JSON, and back."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from toolkit.recipes.sweep.messages import Event, Hire, Job
from toolkit.safe_text import json_text

_BY_NAME: dict[str, type[Any]] = {each.__name__: each for each in (Hire, *get_args(Job), *get_args(Event))}


def to_line(message: Hire | Job | Event) -> str:
    """Return a message as one line of JSON, without its end.

    Example:
        >>> from toolkit.recipes.sweep.messages import Resumed
        >>> to_line(Resumed(3))
        '{"is": "Resumed", "at": 3}'
    """
    return json_text({"is": type(message).__name__, **asdict(message)})


def hire_of(line: str) -> Hire:
    """Return the first message to a worker."""
    found: Hire = _message(line, (Hire,))
    return found


def job_of(line: str) -> Job:
    """Return the job of a line."""
    found: Job = _message(line, get_args(Job))
    return found


def event_of(line: str | bytes) -> Event:
    """Return the event of a line.

    Example:
        >>> event_of('{"is": "Resumed", "at": 3}')
        Resumed(at=3)
    """
    found: Event = _message(line, get_args(Event))
    return found


def _message(line: str | bytes, expected: tuple[type[Any], ...]) -> Any:
    values = json.loads(line)
    kind = _BY_NAME[values.pop("is")]
    if kind not in expected:
        raise ValueError(
            f"The message {kind.__name__} was found; expected {', '.join(one.__name__ for one in expected)}."
        )
    return _built(kind, values)


def _built(wanted: Any, value: Any) -> Any:
    """Return plain values as the type that a field declares: dataclasses, tuples and mappings, the rest as it is."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if is_dataclass(wanted) and isinstance(wanted, type):
        hints = get_type_hints(wanted)
        return wanted(**{name: _built(hints[name], each) for name, each in value.items()})
    if origin is tuple:
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_built(kind, each) for kind, each in zip(kinds, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _built(inner[1], each) for key, each in value.items()}
    if origin in (types.UnionType, Union) and value is not None:
        return _built(next((kind for kind in inner if is_dataclass(kind)), None), value)
    return value
