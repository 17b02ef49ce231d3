"""Release: what the makers of a corpus publish, where, and by what it is recognised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.web import Content

if TYPE_CHECKING:
    from toolkit.tasks.release.place import Place

# One sentence: its tokens and their tags.
Tagged = tuple[list[str], list[str]]
Rows = dict[tuple[str, str], list[Tagged]]


@dataclass(frozen=True, kw_only=True)
class Release:
    """A corpus as its makers publish it.

    Attributes:
        name: for messages: "the Parallel Meaning Bank 4.0.0".
        path: where a mirror keeps its rows, `org/name` as for a dataset of the hub (there is none of that name).
        url: folder of `files`, ending in `/`.
        files: what is fetched from there, by path.
        archives: known archives of the whole release, by URL.
        revision: commit of the files, 40 hexadecimal digits.
        rows: sha256 of the rows (`fetch.rows_digest`): a copy with the same rows is of the same revision.
        read: makes rows by language and split of what a place holds.
        is_wanted: whether `read` looks at a file, by its name.
        terms: licence, and what to know of the rows; for the README of the mirror.
    """

    name: str
    path: str
    url: str
    files: Mapping[str, Content]
    revision: str
    rows: str
    read: Callable[[Place], Rows]
    is_wanted: Callable[[str], bool]
    terms: str
    archives: Mapping[str, Content] = field(default_factory=dict)
