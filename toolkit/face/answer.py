"""Answers and vectors for rows and texts of one's own: `load`, `predict` and `embed`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Unpack

from toolkit.errors import ConfigError, ToolkitError
from toolkit.face.shared import Telling, open_session
from toolkit.progress import Say, say_nothing
from toolkit.registry import did_you_mean
from toolkit.results.result import Record, Result

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.answer.model import Model
    from toolkit.tasks import Task
    from toolkit.tasks.own.records import Records


class Loading(Telling, total=False):
    """Settings that `load` takes in the place of a configuration, and where it reports to.

    `backbone`, `zoo` and `data_root` as in `toolkit.configure`; `sets`: texts `section.key=value`.
    """

    backbone: str
    zoo: str | Path
    data_root: str | Path
    sets: Sequence[str]


def load(
    expr: str,
    config: Config | None = None,
    *,
    task: str | None = None,
    lock: Path | None = None,
    **settings: Unpack[Loading],
) -> Model:
    """Load a trained composition, to answer rows and encode texts of one's own.

    Args:
        expr: composition whose entries the zoo holds, or `backbone` for vectors alone.
        config: resolved configuration, see `toolkit.configure`; None: the defaults with `settings`.
        task: whose rows are answered; None: the task that the composition's head was trained on.
        lock: a lock file; anything but the weights that it pins is refused.
        settings: `backbone`, `zoo`, `data_root` and `sets` in the place of a configuration; `report` and `say`.

    Returns:
        A context manager with `predict`, `logits`, `embed`, `module` and `tokenizer`.
    """
    from toolkit.config import load as resolve
    from toolkit.recipes.answer.load import load_model

    given = {
        "backbone.name": settings.get("backbone"),
        "zoo": settings.get("zoo"),
        "data_root": settings.get("data_root"),
    }
    given = {key: value for key, value in given.items() if value is not None}
    sets = tuple(settings.get("sets", ()))
    if config is None:
        config = resolve(None, sets, given)
    elif given or sets:
        raise ConfigError("Both a configuration and settings were given; give `config`, or the settings alone.")
    session = open_session(config, settings)
    return load_model(session.spelled(expr), session, task=task, lock=lock)


@dataclass(frozen=True)
class Predicted(Result):
    """Result of answering a file.

    Attributes:
        n: rows answered.
        n_truncated: rows that lost text to the length limit.
        path: the file of rows with answers; None: they were handed to `echo`.
    """

    n: int
    n_truncated: int
    path: Path | None

    stem: ClassVar[str] = "predict"

    def records(self) -> list[Record]:
        """Return one row: how many were answered, and where they are."""
        path = None if self.path is None else str(self.path)
        return [{"rows": self.n, "truncated": self.n_truncated, "path": path}]


class Rows(Telling, total=False):
    """How rows are read and named, where they are not as usual, and where a journey reports to.

    `language`: of all rows. `language_column`: the column that has each row's. `format`: of the input. `prefix`: of the names
    of the answers' columns. `lock`: a lock file.
    """

    language: str | None
    language_column: str | None
    format: str | None
    prefix: str
    lock: Path | None


def predict(
    expr: str,
    config: Config,
    *,
    task: str | None = None,
    source: str | Path | None = None,
    out: str | Path | None = None,
    echo: Say = say_nothing,
    **rows: Unpack[Rows],
) -> Predicted:
    """Answer the rows of a file, in order and in constant memory; `load` answers rows from Python.

    Args:
        expr: composition whose entries the zoo holds.
        config: resolved configuration.
        task: the task whose rows they are; it has to be named.
        source: the file, which has to be named: jsonl, json, csv, tsv, parquet, CoNLL or a text a line; `-`: standard input.
        out: the file to write, by its ending jsonl, csv, tsv, conll or parquet; a run that was cut off is continued there.
        echo: without `out`, called with the rows of each window as lines of JSON.
        rows: `language`, `language_column`, `format`, `prefix`, `lock`; `report` and `say`.

    Raises:
        ToolkitError: no task or no source is named, as the function of this name in 0.1.0 wanted neither.
    """
    if task is None or source is None:
        raise ToolkitError(
            f"`toolkit.predict(expr, config, task=..., source=...)` answers the rows of a file; source tasks are ranked by "
            f"`toolkit.rank('{expr}', config)`."
        )
    from toolkit.recipes.answer.predict import Reading, predict_file

    session = open_session(config, rows)
    records = _records(source, rows.get("format"), session.catalogue.get(task), session.say)
    reading = Reading(records, rows.get("language"), rows.get("language_column") or "", rows.get("prefix", ""))
    path = None if out is None else Path(out)
    done = predict_file(session.spelled(expr), session, reading, lock=rows.get("lock"), out=path, emit=echo)
    where = "" if path is None else f", written to {path}"
    return Predicted(
        n=done.n, n_truncated=done.n_truncated, path=path, text=f"{done.n:,} row{'s' * (done.n != 1)} answered{where}."
    )


@dataclass(frozen=True)
class Embedded(Result):
    """Result of encoding a file.

    Attributes:
        n, width: rows and columns of the matrix.
        path: its file.
    """

    n: int
    width: int
    path: Path

    stem: ClassVar[str] = "embed"

    def records(self) -> list[Record]:
        """Return one row: the shape of the matrix, and where it is."""
        return [{"texts": self.n, "width": self.width, "path": str(self.path)}]


class Texts(Telling, total=False):
    """How texts are read, where they are not as usual, and where a journey reports to.

    `column`: of the texts, of a file that has columns; `text` where it is not named. `format`: of the input; else by its ending.
    `language`: of the texts, which `text.*/mnli` follows and has to know. `lock`: a lock file.
    """

    column: str
    format: str | None
    language: str | None
    lock: Path | None


def embed(expr: str, config: Config, *, source: str | Path, out: str | Path, **texts: Unpack[Texts]) -> Embedded:
    """Write the vectors of a file's texts: those that `retrieve` compares.

    Args:
        expr: composition whose entries the zoo holds, or `backbone`.
        config: resolved configuration; `retrieve` says which layer is pooled, and how.
        source: the file of texts: a text a line, or rows with a column of texts; `-`: standard input.
        out: the file to write: `.npy`, float32 [N, H], or `.parquet`, the rows with a column `vector`.
        texts: `column`, `format`, `language`, `lock`; `report` and `say`.
    """
    from toolkit.recipes.answer.vectors import embed_file

    session = open_session(config, texts)
    records = _records(source, texts.get("format"), None, session.say)
    n, width = embed_file(
        session.spelled(expr),
        session,
        records,
        column=texts.get("column", "text"),
        language=texts.get("language"),
        lock=texts.get("lock"),
        out=Path(out),
    )
    what = "1 vector" if n == 1 else f"{n:,} vectors"
    return Embedded(n=n, width=width, path=Path(out), text=f"{what} of width {width} written to {out}.")


def _records(source: str | Path, format: str | None, task: Task | None, say: Say) -> Records:
    from toolkit.tasks.own.records import FORMATS, Records

    found = next((each for each in FORMATS if each == format), None)
    if format is not None and found is None:
        near = did_you_mean(format, FORMATS)
        raise ToolkitError(f"No format named '{format}'; expected one of {', '.join(FORMATS)}. {near}".rstrip())
    return Records(Path(source), found, task, say)
