"""Lines between a command and its processes: each message as one line of JSON, and back."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib import import_module
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from toolkit.engine.messages import Event, Hire, Job, Message

M = TypeVar("M", bound=Message)


def to_line(message: Message) -> str:
    """Return a message as one line of JSON in ASCII, without its end: no locale changes it, nor half a surrogate in a text.

    Example:
        >>> from toolkit.engine.messages import Said
        >>> to_line(Said("Done."))
        '{"is": "toolkit.engine.messages:Said", "text": "Done."}'
    """
    kind = type(message)
    return json.dumps({"is": f"{kind.__module__}:{kind.__name__}", **asdict(message)})


def hire_of(line: str) -> Hire:
    """Return the first message to a process."""
    return _message(line, Hire)


def job_of(line: str) -> Job:
    """Return the job of a line."""
    return _message(line, Job)


def event_of(line: str | bytes) -> Event:
    """Return the event of a line.

    Example:
        >>> event_of('{"is": "toolkit.engine.messages:Said", "text": "Done."}')
        Said(text='Done.')
    """
    return _message(line, Event)


def _message(line: str | bytes, expected: type[M]) -> M:
    values = json.loads(line)
    module, _, name = values.pop("is").partition(":")
    kind = getattr(import_module(module), name)
    if not (isinstance(kind, type) and issubclass(kind, expected)):
        raise ValueError(f"The message {name} was found; expected one that is a {expected.__name__}.")
    built: M = _built(kind, values)
    return built


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
