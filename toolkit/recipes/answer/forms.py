"""Forms of rows with answers: a line of JSON, of csv or tsv, or the lines of a CoNLL sentence with a tag more."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

from toolkit.errors import DataError, ToolkitError
from toolkit.results.answers import Answer, flat
from toolkit.safe_text import csv_lines, json_text
from toolkit.tasks.own.records import Item

_PART = 4096  # rows of a table
Form = Literal["jsonl", "csv", "tsv", "conll", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)
_BY_ENDING: Mapping[str, Form] = {
    "json": "jsonl",
    "ndjson": "jsonl",
    "iob2": "conll",
    "conllu": "conll",
    "pq": "parquet",
}


def form_of(path: Path) -> Form:
    """Return the form of an output file, by its ending.

    Raises:
        ToolkitError: the ending names none.
    """
    ending = path.suffix.lstrip(".").lower()
    found = next((form for form in FORMS if form == _BY_ENDING.get(ending, ending)), None)
    if found is None:
        raise ToolkitError(f"'{path}' does not say its format; expected a name that ends in .{', .'.join(FORMS)}.")
    return found


@dataclass
class Lines:
    """Makes rows with answers into lines.

    Attributes:
        form: parquet is written of lines of JSON at the end.
        columns: of csv and tsv, those of the first row; known from before where a file is continued.
    """

    form: Form
    columns: list[str] = field(default_factory=list)

    def of(self, item: Item, answer: Answer, merged: Mapping[str, Any]) -> str:
        """Return the lines of one row, with their ends.

        Raises:
            DataError: a row of csv has a column that the first one lacks, or is not of CoNLL.
        """
        text = _WRITERS[self.form](self, item, answer, merged)
        return text.encode("utf-8", "backslashreplace").decode("utf-8")  # half a surrogate pair, as JSON escapes it

    def _json(self, item: Item, answer: Answer, merged: Mapping[str, Any]) -> str:
        return f"{json_text(plain(merged))}\n"

    def _cells(self, item: Item, answer: Answer, merged: Mapping[str, Any]) -> str:
        cells = flat(plain(merged))
        if not self.columns:
            self.columns = list(cells)
            return self._row(self.columns) + self._row([cells[name] for name in self.columns])
        if extra := next((name for name in cells if name not in self.columns), ""):
            raise DataError(
                f"{item.place}: the row has a column '{extra}' that the header of the output lacks; write .jsonl, where rows "
                "may differ."
            )
        return self._row([cells.get(name) for name in self.columns])

    def _row(self, cells: Sequence[object]) -> str:
        texts = ["" if cell is None else str(cell) for cell in cells]
        if self.form == "tsv":  # which knows no quotes
            return "\t".join(" ".join(text.replace("\t", " ").splitlines()) for text in texts) + "\n"
        return csv_lines([texts])

    def _sentence(self, item: Item, answer: Answer, merged: Mapping[str, Any]) -> str:
        tags = answer.prediction
        if not isinstance(tags, tuple):
            raise DataError("Answers of this task are not tags; write .jsonl, .csv, .tsv or .parquet.")
        tokens = item.lines or getattr(answer, "tokens", ())
        return "".join(f"{token}\t{tag}\n" for token, tag in zip(tokens, tags, strict=True)) + "\n"


_WRITERS: Mapping[Form, Callable[[Lines, Item, Answer, Mapping[str, Any]], str]] = {
    "jsonl": Lines._json,
    "csv": Lines._cells,
    "tsv": Lines._cells,
    "conll": Lines._sentence,
    "parquet": Lines._json,
}


def plain(value: Any) -> Any:
    """Return a value with JSON's types alone: NaN and infinities are null, dates and other values their text.

    Example:
        >>> plain({"a": (1, float("nan")), "b": datetime.date(2026, 1, 2)})
        {'a': [1, None], 'b': '2026-01-02'}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "tolist"):  # of numpy
        return plain(value.tolist())
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def write_parquet(lines: Path, path: Path) -> None:
    """Write rows, a line of JSON each, as a parquet file, some thousands at a time.

    Raises:
        DataError: a column holds values of several types.
        OSError: the file cannot be written.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        schema = pyarrow.unify_schemas([each.schema for each in _tables(lines)], promote_options="permissive")
        with pyarrow.parquet.ParquetWriter(path, schema) as writer:
            for table in _tables(lines, schema):
                writer.write_table(table)
    except pyarrow.ArrowException as fault:
        why = " ".join(str(fault).split())[:160]
        raise DataError(f"The rows do not fit into parquet ({why}); write .jsonl, where rows may differ.") from None


def _tables(lines: Path, schema: Any = None) -> Iterator[Any]:
    import pyarrow

    with lines.open(encoding="utf-8", newline="\n") as file:
        while part := [json.loads(line) for line in islice(file, _PART)]:
            yield pyarrow.Table.from_pylist(part, schema=schema)
