"""JSON files as arrow tables: SQuAD's nesting, lists of objects, objects of lists, an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import DataError
from toolkit.tasks.sources.tables import Read, table_of

_ANSWER = ("text", "answer_start")  # what SQuAD's answers hold; files add keys of their own, of any type
EXPECTED = "SQuAD's nesting (data, paragraphs, qas), a list of objects, an object of lists of equal length, or an object a line"
Place = int | str


def read_json(file: Path, text: str, columns: Sequence[str]) -> Read:
    """Read a file that is one JSON value, or after all an object a line.

    The rows of SQuAD's nesting are its questions: each has the fields of its article and its paragraph besides its own, and
    `answers` with `text` and `answer_start`.

    Args:
        file: names it in a fault.
        text: its content.
        columns: the columns that are needed.

    Raises:
        DataError: it is not JSON, or holds no rows.
    """
    return _read(file, rows_of_json(file, text, columns), columns)


def rows_of_json(file: Path, text: str, columns: Sequence[str]) -> list[tuple[Place, dict[str, Any]]]:
    """Return the place and the fields of each row of a file; arguments as for `read_json`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        if _is_object(text.lstrip().partition("\n")[0]):
            return list(rows_of_lines(file, text.split("\n"), columns))
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{file}{line}: no JSON ({error}); expected {EXPECTED}.") from None
    is_row = isinstance(found, dict) and "data" not in found and "\n" not in text.strip() and not _columns_of(found)
    if is_row or _is_nested(found):
        found = [found]  # a file of one line, or of one article
    return list(_rows(file, found))


def read_jsonl(file: Path, text: str, columns: Sequence[str]) -> Read:
    """Read a file with one object a line; an article or a paragraph of SQuAD a line is read as its questions.

    Raises:
        DataError: a line is not an object.
    """
    return _read(file, list(rows_of_lines(file, text.split("\n"), columns)), columns)


def rows_of_lines(file: Path, lines: Iterable[str], columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number (from 1) and the object of each line that is not empty; of SQuAD's nesting its questions.

    Raises:
        DataError: a line is not an object.
    """
    is_flat = bool({"paragraphs", "qas"} & set(columns))
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.removesuffix("\n"))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file}, line {number}: no JSON ({error}); expected one object a line.") from None
        if not isinstance(row, dict):
            raise DataError(f"{file}, line {number}: {type(row).__name__}; expected one object a line.")
        if _is_nested(row) and not is_flat:
            yield from ((number, question) for _, question in _questions(file, row, f"line {number}"))
        else:
            yield number, row


def _read(file: Path, rows: Sequence[tuple[Place, dict[str, Any]]], columns: Sequence[str]) -> Read:
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    if set(columns) <= set(names):
        names = list(columns)  # what is not read may hold anything
    values = {name: [row.get(name) if name in columns else None for _, row in rows] for name in names}
    lines = [place for place, _ in rows]
    try:
        return Read(table_of(file, values, lines), lines)
    except DataError:
        plain = {name: [_answers(each) for each in column] for name, column in values.items()}
        if plain == values:
            raise
        return Read(table_of(file, plain, lines), lines)


def _rows(file: Path, found: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    if isinstance(found, dict) and isinstance(found.get("data"), list | dict):
        found, name = found["data"], "data"
    if isinstance(found, dict) and (columns := _columns_of(found)):
        for number, values in enumerate(zip(*columns.values(), strict=True)):
            yield f"row {number} (counted from 0)", dict(zip(columns, values, strict=True))
        return
    if not isinstance(found, list):
        raise DataError(f"{file}: {_what(found)}; expected {EXPECTED}.")
    yield from rows_of_values(file, found, name, is_nested=any(_is_nested(each) for each in found))


def rows_of_values(
    file: Path, values: Iterable[Any], name: str, *, is_nested: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and the fields of each row of a list; of SQuAD's nesting its questions.

    Args:
        name: of the list, in a place.
        is_nested: whether all are articles, which else begin with the first that is one.

    Raises:
        DataError: a value is not an object.
    """
    for number, each in enumerate(values):
        is_nested = is_nested or _is_nested(each)
        if is_nested:
            yield from _questions(file, each, f"{name}[{number}]")
        elif not isinstance(each, dict):
            raise DataError(f"{file}, {name}[{number}]: {_what(each)}; expected an object.")
        else:
            yield f"{name}[{number}]", each


def _questions(file: Path, article: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and the fields of each question of an article of SQuAD's nesting, which may be a paragraph itself."""
    held = article if isinstance(article, dict) else {}
    nested = _list(file, held, "paragraphs", at) if "qas" not in held else [held]
    for p, paragraph in enumerate(nested):
        there = at if paragraph is held else f"{at}.paragraphs[{p}]"
        for q, question in enumerate(_list(file, paragraph, "qas", there)):
            if not isinstance(question, dict):
                raise DataError(f"{file}, {there}.qas[{q}]: {_what(question)}; expected a question.")
            fields = {**held, **paragraph, **question}
            fields.pop("paragraphs", None)
            fields.pop("qas", None)
            # SQuAD 2.0 may leave the answers of a question out; ids are of no use but to name rows.
            yield f"{there}.qas[{q}]", {"id": None, **fields, "answers": _answers(fields.get("answers") or [])}


def _answers(value: Any) -> Any:
    """Return a list of answers without the keys that files add, of any type; another value as it is."""
    if not isinstance(value, list) or not all(isinstance(each, dict) and set(_ANSWER) <= set(each) for each in value):
        return value
    return [{key: each.get(key) for key in _ANSWER} for each in value]


def _list(file: Path, holder: Any, key: str, at: str) -> list[Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(found, list):
        raise DataError(f"{file}, {at}: no list `{key}`; expected SQuAD's nesting (data, paragraphs, qas).")
    return found


def _is_nested(each: Any) -> bool:
    return isinstance(each, dict) and (isinstance(each.get("paragraphs"), list) or isinstance(each.get("qas"), list))


def _columns_of(found: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return an object of lists of equal length as columns, nothing of another object."""
    columns = {name: values for name, values in found.items() if isinstance(values, list)}
    is_table = len(columns) == len(found) > 0 and len({len(values) for values in columns.values()}) == 1
    return columns if is_table else {}


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _what(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object of {', '.join(list(value)[:5]) or 'nothing'}"
    return "null" if value is None else type(value).__name__
