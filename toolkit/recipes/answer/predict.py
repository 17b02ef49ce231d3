"""Journey `predict`: the rows of a file or a stream with their answers, in order, continued where it was cut off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import Interrupted, ToolkitError, unwritable
from toolkit.evaluation.identity import identity
from toolkit.progress import Progress
from toolkit.recipes.answer.forms import Form, Lines, form_of, write_parquet
from toolkit.recipes.answer.load import load_model
from toolkit.recipes.answer.model import Model
from toolkit.recipes.answer.part import PartFile
from toolkit.recipes.answer.stream import Answered, Languages, Stream
from toolkit.recipes.session.session import Session
from toolkit.safe_text import json_text
from toolkit.tasks.own.records import Records

Emit = Callable[[str], None]


@dataclass(frozen=True)
class Reading:
    """How rows are read and named.

    Attributes:
        records: the file or the stream.
        language: of all rows; None: the training language of the task.
        column: names the language of each row; empty: one for all.
        prefix: of the names of the answers' columns.
    """

    records: Records
    language: str | None = None
    column: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class Done:
    """How much was answered.

    Attributes:
        n: rows in the output.
        n_truncated: rows of this run that lost text to the length limit.
    """

    n: int
    n_truncated: int


def predict_file(
    expression: str, session: Session, reading: Reading, *, lock: Path | None = None, out: Path | None, emit: Emit
) -> Done:
    """Answer the records of a file or a stream.

    Args:
        expression: composition whose entries the zoo holds.
        session: of the configuration.
        reading: the records, whose task is the one that is answered.
        lock: a lock file; anything but the weights that it pins is refused.
        out: the file to write, by its ending jsonl, csv, tsv, conll or parquet; None: lines of JSON go to `emit`.
        emit: called with the lines of each window of rows.

    Raises:
        ToolkitError: something cannot be answered; the rows before it are written.
    """
    assert reading.records.task is not None
    form = None if out is None else form_of(out)
    with load_model(expression, session, task=reading.records.task.name, lock=lock) as model:
        languages = Languages(model, reading.language, reading.column)
        stream = Stream(model, languages, reading.prefix)
        if out is None or form is None:
            done = _emitted(stream, reading.records, session, emit)
        else:
            done = _written(stream, reading, session, out, form)
    if done.n_truncated:
        limit = "the length limit; `--set eval.max_length=N` sets another"
        session.say(f"{done.n_truncated} of {done.n} rows lost text to {limit}.")
    return done


def _emitted(stream: Stream, records: Records, session: Session, emit: Emit) -> Done:
    lines, n, n_truncated = Lines("jsonl"), 0, 0
    for window in _reported(stream.answers(records.read()), session):
        emit("".join(lines.of(item, answer, stream.merged(item, answer)) for item, answer in window.pairs))
        n, n_truncated = n + len(window.pairs), n_truncated + window.n_truncated
    return Done(n, n_truncated)


def _written(stream: Stream, reading: Reading, session: Session, out: Path, form: Form) -> Done:
    records = reading.records
    with PartFile(out, _key(stream.model, reading, form), session.say) as part:
        items = part.continued(records.read())
        if items is None:
            if records.is_stdin:
                raise ToolkitError(f"{part.part} held answers to other rows; give standard input once more.")
            items = part.continued(records.read())
            assert items is not None
        if part.rows:
            session.say(f"{part.rows:,} rows are answered already ({part.part}); the others follow.")
        lines = Lines(form, part.columns)
        n_truncated = 0
        try:
            for window in _reported(stream.answers(items), session, done=part.rows):
                text = "".join(lines.of(item, answer, stream.merged(item, answer)) for item, answer in window.pairs)
                part.append((item for item, _ in window.pairs), text, lines.columns)
                n_truncated += window.n_truncated
        except ToolkitError as fault:
            raise type(fault)(f"{str(fault).rstrip('.')}. {_kept(part)}") from None
        except KeyboardInterrupt:
            raise Interrupted(_kept(part).rstrip(".")) from None
        if form == "parquet":
            made = out.with_name(f"{out.name}.made")
            try:
                write_parquet(part.part, made)
            except OSError as fault:
                raise unwritable(out, fault, instead="name another file") from None
            part.finish(made)
        else:
            part.finish()
        return Done(part.rows, n_truncated)


def _kept(part: PartFile) -> str:
    if not part.rows:
        return "No row before it was answered."
    what = "row before it is" if part.rows == 1 else f"{part.rows:,} rows before it are"
    return f"The {what} in {part.part}, where the same command continues."


def _reported(windows: Iterator[Answered], session: Session, done: int = 0) -> Iterator[Answered]:
    """Report how many rows are answered; how many there will be is not known."""
    began, first = time.perf_counter(), done
    for window in windows:
        yield window
        done += len(window.pairs)
        speed = (done - first) / max(time.perf_counter() - began, 1e-9)
        session.report(Progress("answer", 0, 1, {"rows": done, "rows/s": speed}))
    session.report(Progress("answer", 1, 1, {"rows": done}))


def _key(model: Model, reading: Reading, form: Form) -> str:
    """Return a digest of everything but the rows that decides the output."""
    circuit = model.circuit
    facts = {
        **identity(circuit.backbone, model.cards, model.config, model.task, circuit.asked),
        "labels": model.task.labels,
        "language": reading.language,
        "column": reading.column,
        "prefix": reading.prefix,
        "form": form,
    }
    return hashlib.sha256(json_text(facts, sort_keys=True).encode()).hexdigest()
