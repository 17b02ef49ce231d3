"""Journey `embed`: a vector of each text of a file, as a matrix of numpy or a column of parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import DataError, ToolkitError, unwritable
from toolkit.files import replacing
from toolkit.outputs import require_replaceable
from toolkit.progress import Progress
from toolkit.recipes.answer.load import load_model
from toolkit.recipes.answer.model import Model
from toolkit.recipes.session.session import Session
from toolkit.tasks.own.convert import require_whole
from toolkit.tasks.own.fields import PLAIN
from toolkit.tasks.own.records import Item, Records
from toolkit.tasks.sources.convert import Fault

WINDOW = 4096  # texts
VECTOR = "vector"  # the column of parquet


def embed_file(
    expression: str,
    session: Session,
    records: Records,
    *,
    column: str = PLAIN,
    language: str | None = None,
    lock: Path | None = None,
    out: Path,
) -> tuple[int, int]:
    """Write a unit vector of each text, in the order of the texts; the file is there when the last one is.

    Args:
        expression: composition whose entries the zoo holds, or `backbone`.
        session: of the configuration; `retrieve` says which layer is pooled, and how.
        records: the texts: lines, or rows with a column of texts.
        column: that column.
        language: of the texts, which `text.*/mnli` follows and has to know.
        lock: a lock file; anything but the weights that it pins is refused.
        out: the file to write: `.npy`, float32 [N, H], or `.parquet`, the rows with a column `vector`.

    Returns:
        N and H.
    """
    ending = out.suffix.lower()
    write = _WRITERS.get(ending)
    if write is None:
        raise ToolkitError(f"'{out}' does not say its format; expected a name that ends in .npy or .parquet.")
    require_replaceable(out)
    with load_model(expression, session, lock=lock) as model:
        windows = _windows(model, records, column, language, session)
        try:
            return write(out, windows, model.hidden_size), model.hidden_size
        except OSError as fault:
            raise unwritable(out, fault, instead="name another file") from None


Window = tuple[list[Item], np.ndarray]


def _windows(model: Model, records: Records, column: str, language: str | None, session: Session) -> Iterator[Window]:
    n = n_truncated = 0
    source = records.read()
    while held := list(islice(source, WINDOW)):
        vectors, lost = model.encode([_text_of(item, column) for item in held], language=language)
        yield held, vectors
        n, n_truncated = n + len(held), n_truncated + lost
        session.report(Progress("encode", 0, 1, {"texts": n}))
    session.report(Progress("encode", 1, 1, {"texts": n}))
    if n_truncated:
        limit = "the length limit; `--set retrieve.max_length=N` sets another"
        session.say(f"{n_truncated} of {n} texts lost some of their end to {limit}.")


def _text_of(item: Item, column: str) -> str:
    if column not in item.record:
        held = ", ".join(map(str, list(item.record)[:9])) or "nothing"
        raise DataError(
            f"{item.place}: no column '{column}' (it has {held}); name the one of the texts (`--column NAME`)."
        )
    text = item.record[column]
    if not isinstance(text, str):
        raise DataError(f"{item.place}: {repr(text)[:60]} as {column}; expected text.")
    try:
        require_whole(column, text)
    except Fault as fault:
        raise DataError(f"{item.place}: {fault}.") from None
    return text


def _write_npy(out: Path, windows: Iterable[Window], width: int) -> int:
    """Write a matrix of numpy whose number of rows is known at the end: its header has room for any."""
    n = 0
    with replacing(out) as file:
        file.write(_header(0, width))
        for _, vectors in windows:
            file.write(np.ascontiguousarray(vectors, "<f4").tobytes())
            n += len(vectors)
        file.seek(0)
        file.write(_header(n, width))
    return n


def _header(n: int, width: int) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": (n, width)})
    return buffer.getvalue()


def _write_parquet(out: Path, windows: Iterable[Window], width: int) -> int:
    import pyarrow
    import pyarrow.parquet

    n, writer = 0, None
    schema: Any = None
    with replacing(out) as file:
        try:
            for items, vectors in windows:
                table = _table(items, vectors, width)
                if writer is None:
                    schema = table.schema
                    writer = pyarrow.parquet.ParquetWriter(file, schema)
                try:
                    writer.write_table(table.select(schema.names).cast(schema))
                except (pyarrow.ArrowException, KeyError, ValueError) as fault:
                    why = " ".join(str(fault).split())[:160]
                    raise DataError(
                        f"{items[0].place} and after: rows of other columns or types ({why}); expected those of the first rows."
                    ) from None
                n += len(items)
        finally:
            if writer is not None:
                writer.close()
    return n


def _table(items: list[Item], vectors: np.ndarray, width: int) -> Any:
    import pyarrow

    records = [dict(item.record) for item in items]
    if any(VECTOR in record for record in records):
        raise DataError(f"{items[0].place}: the rows have a column '{VECTOR}' of their own; rename it.")
    try:
        table = pyarrow.Table.from_pylist(records)
    except (pyarrow.ArrowException, TypeError, ValueError) as fault:
        why = " ".join(str(fault).split())[:160]
        raise DataError(f"{items[0].place} and after: the rows do not fit into parquet ({why}); write .npy.") from None
    flat = pyarrow.array(np.ascontiguousarray(vectors, "<f4").ravel())
    return table.append_column(VECTOR, pyarrow.FixedSizeListArray.from_arrays(flat, width))


_WRITERS: Mapping[str, Callable[[Path, Iterable[Window], int], int]] = {
    ".npy": _write_npy,
    ".parquet": _write_parquet,
    ".pq": _write_parquet,
}
