"""Unknown names: the nearest legal ones, and the error that offers them."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from toolkit.errors import ToolkitError

_Name = TypeVar("_Name", bound=Hashable)


def nearest(name: str, known: Iterable[str], *, n: int = 3) -> list[str]:
    """Return up to `n` of the `known` names that `name` is a slip of, best first.

    A slip is a character too many, too few or another one, or two that changed places: one in three characters at
    most, at least one, and never more than three. A name of two characters, such as a language code, has no letter to
    spare: only its letters may change places. The beginning of a longer name counts as well.

    Example:
        >>> nearest("xqaud", ["xquad", "xnli", "squad"], n=1)
        ['xquad']
        >>> nearest("ha", ["zh", "hi", "sw"]), nearest("ed", ["de", "es"])
        ([], ['de'])
        >>> nearest("wikiaann", ["WikiAnn", "WikiText"], n=1)
        ['WikiAnn']
    """
    text = name.lower()
    spelt: dict[str, list[str]] = {}
    for one in known:
        spelt.setdefault(one.lower(), []).append(one)
    turned = [text[::-1]] if len(text) == 2 and text[::-1] in spelt else []  # among many others of one letter in common
    found = dict.fromkeys((*turned, *difflib.get_close_matches(text, list(spelt), n=10, cutoff=0.5)))
    return [one for each in found if _is_slip(text, each) for one in spelt[each]][:n]


def _is_slip(text: str, name: str) -> bool:
    if len(text) <= 2 and len(name) <= 2:
        return sorted(text) == sorted(name)
    if len(text) >= 4 and (name.startswith(text) or (text.startswith(name) and len(name) >= 4)):
        return True
    return distance(text, name) <= max(1, min(3, max(len(text), len(name)) // 3))


def distance(one: str, other: str) -> int:
    """Return how many slips part two texts: characters added, left out or changed, and neighbours that changed places.

    Example:
        >>> distance("embeded", "embedded"), distance("xqaud", "xquad")
        (1, 1)
    """
    rows = [list(range(len(other) + 1))]
    for i, left in enumerate(one, 1):
        row = [i]
        for j, right in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'xquad'?` for the nearest known name, or an empty string if none is near.

    Example:
        >>> did_you_mean("xqaud", ["xquad", "xnli"])
        "Did you mean 'xquad'?"
    """
    found = nearest(name, known, n=1)
    return f"Did you mean '{found[0]}'?" if found else ""


def each_once(names: Sequence[_Name], noun: str, *, said: Sequence[object] | None = None) -> list[_Name]:
    """Return names, none of which is there twice.

    Args:
        names: what was named.
        noun: what they are: `language`, `composition`.
        said: how each was written, where two words may mean the same.

    Raises:
        ToolkitError: one is there twice.

    Example:
        >>> each_once(["en", "de"], "language")
        ['en', 'de']
    """
    written = dict[_Name, object]()
    for name, word in zip(names, names if said is None else said, strict=True):
        if name in written:
            first = written[name]
            found = f"'{name}' is named twice" if first == word else f"'{first}' and '{word}' are one {noun}, '{name}'"
            raise ToolkitError(f"{found}; name each {noun} once.")
        written[name] = word
    return list(names)


def unknown(
    noun: str, name: str, known: Iterable[str], *, see: str = "", error: type[ToolkitError] = ToolkitError
) -> ToolkitError:
    """Build the error for an unknown name.

    Args:
        noun: what the name should have been: `task`, `language`, `adapter`.
        name: what was found.
        known: the legal names.
        see: the command that lists them, for example `xstilts tasks`.
        error: the error class to build.

    Example:
        >>> str(unknown("task", "xqaud", ["xquad", "xnli"], see="xstilts tasks"))
        "No task named 'xqaud'. Did you mean 'xquad'? `xstilts tasks` lists all 2."
    """
    names = list(known)
    hint = did_you_mean(name, names)
    if see:
        where = f"`{see}` lists all {len(names)}."
    else:
        where = "" if hint else f"Known: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}."
    return error(" ".join(part for part in (f"No {noun} named '{name}'.", hint, where) if part))
