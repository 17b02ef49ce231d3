"""Rows of the user's own files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ConfigError, DataError
from toolkit.files import file_fault
from toolkit.paths import at_home
from toolkit.tasks.kinds import KINDS, MASKED, Kind
from toolkit.tasks.mirror.layout import column_names
from toolkit.tasks.sources.arrow import ArrowRows, Reading
from toolkit.tasks.sources.batches import Batches
from toolkit.tasks.sources.checks import Column, check_columns, parts_of
from toolkit.tasks.sources.columns import holds, lacks_column, names_declared, roots
from toolkit.tasks.sources.conll import BLANKS, CONLLU, Tagged
from toolkit.tasks.sources.convert import Fault
from toolkit.tasks.sources.fill import check_placeholders, spellings
from toolkit.tasks.sources.formats import FORMATS, read_file, texts_in
from toolkit.tasks.sources.label_names import check_label_map, check_same_names

if TYPE_CHECKING:
    import pyarrow

    from toolkit.tasks.task import Task


# Formats that hold rows of some kinds only, and the names that their columns have besides numbers.
FORMAT_KINDS: Mapping[str, tuple[Kind, ...]] = {"conll": ("tags",), "conllu": ("tags",), "lines": ("text",)}
FORMAT_COLUMNS: Mapping[str, Sequence[str]] = {"conllu": CONLLU}
_EXAMPLES = {"conll": "`{tokens: 0, tags: 1}`", "lines": "`{text: 0}`"}


@dataclass(frozen=True, kw_only=True)
class FileSource:
    """Files of one format.

    Attributes:
        format: `csv`, `tsv`, `json`, `jsonl`, `conll`, `conllu`, `parquet` or `lines` (`formats.read_file` says what each looks like).
        splits: for each split that may be asked for its file, with placeholders for the language (`fill.spellings`).
        columns: as in `HubSource`. In csv and tsv a cell holds tokens or tags separated by spaces, or one answer.
        where: as in `HubSource`.
        folder: what relative paths are relative to.
        label_map, names: as in `HubSource`.
    """

    format: str
    splits: Mapping[str, str]
    columns: Mapping[str, Column]
    where: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    folder: Path = Path(".")
    label_map: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def check(self, task: Task) -> None:
        if self.format not in FORMATS:
            raise ConfigError(f"Task '{task.name}' has files in '{self.format}'; expected {', '.join(FORMATS)}.")
        self.check_texts(task)
        check_columns(task, self.columns)
        check_label_map(task, self.label_map)
        named = roots(self.columns, self.where)
        kinds = FORMAT_KINDS.get(self.format, KINDS)
        names = FORMAT_COLUMNS.get(self.format, ())
        is_known = kinds is KINDS or all(each.isdecimal() or each in names for each in named)
        if task.kind not in kinds or not is_known:
            example = f"name ({', '.join(names)})" if names else f"number, {_EXAMPLES[self.format]}"
            raise ConfigError(
                f"Task '{task.name}' has files in {self.format}; expected the kind '{kinds[0]}' and columns by {example}."
            )

    def check_texts(self, task: Task) -> None:
        """Raise a ConfigError if a placeholder does not exist."""
        values = [each for allowed in self.where.values() for each in allowed]
        columns = [each for column in self.columns.values() for each in parts_of(column)]
        check_placeholders(f"Task '{task.name}'", [*self.splits.values(), *columns, *values])

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        found = []
        for language in languages:
            file = self._file(split, language)
            if self._fault(file):
                continue
            if lacks_column(self.columns, language, self.names, partial(_names, file, self.format)):
                continue
            if holds(self.where, language, self.names, partial(_table, file, self.format)):
                found.append(language)
        return tuple(found)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> ArrowRows:
        file = self._file(split, language)
        tokens, tags = self.columns.get("tokens"), self.columns.get("tags")
        labels = frozenset((*task.labels, *self.label_map))
        tagged = Tagged(tokens, tags, labels) if isinstance(tokens, str) and isinstance(tags, str) else None
        read = read_file(file, self.format, roots(self.columns, self.where, language, self.names), tagged)
        if tagged is not None and self.format in ("csv", "tsv"):
            _refuse_a_token_a_line(read.table, tagged.tokens, file)
        if self.format == "parquet":
            declared = partial(names_declared, self.columns, self.names)
            others = [(code, self._file(each, code)) for code in task.languages for each in self.splits]
            check_same_names(
                task,
                self.label_map,
                [declared(file, language)],
                lambda: (declared(each, code) for code, each in others if not file_fault(each)),
            )
        reading = Reading(
            columns=self.columns,
            where=self.where,
            label_map=self.label_map,
            names=self.names,
            language=language,
            split=split if split != "score" else self._name_of(self.splits["score"]),
            file=str(file),
            origin=f"file: {file.name}",
            lines=read.lines,
            notes=read.notes,
            shape=SHAPES[task.kind],
            paragraphs="text" if self.format == "lines" and task.kind in MASKED else "",
        )
        return ArrowRows(read.table, task, reading)

    def _file(self, split: str, language: str) -> Path:
        """Return the file of a language: the first spelling that is there, else the usual one."""
        every = [self.folder / at_home(each) for each in spellings(self.splits[split], language, self.names)]
        return next((file for file in every if not self._fault(file)), every[0])

    def _fault(self, file: Path) -> str:
        """Return why a file cannot be read; of texts a line, a folder of text files can be."""
        return "" if self.format == "lines" and file.is_dir() and texts_in(file) else file_fault(file)

    def _name_of(self, path: str) -> str:
        """The split that scores are made on, by the name it has besides `score`."""
        return next((split for split, each in self.splits.items() if each == path and split != "score"), "score")


def _refuse_a_token_a_line(table: pyarrow.Table | Batches, column: str, file: Path) -> None:
    """Raise a DataError if every sentence is one token: the file has a token a line, as CoNLL's (XTREME's `test-en.tsv`)."""
    if column not in table.column_names or table.num_rows < 2:
        return
    parts = table if isinstance(table, Batches) else [table]
    if all(len(_cut(cell)) == 1 for part in parts for cell in part.column(column).to_pylist()):
        raise DataError(
            f"{file}: every line is a sentence of one token; expected sentences: `format: conll` reads a token a line."
        )


def _table(file: Path, format: str, columns: list[str]) -> pyarrow.Table | Batches:
    return read_file(file, format, columns).table


def _names(file: Path, format: str) -> list[str]:
    # Asked for a column that no file has, a format names all of its own.
    return column_names(file) if format == "parquet" else list(_table(file, format, ["\0"]).column_names)


def _pair(raw: dict[str, Any]) -> dict[str, Any]:
    return _filled(raw, *(name for name in ("first", "second") if name in raw))


def _choice(raw: dict[str, Any]) -> dict[str, Any]:
    choices = raw["choices"]
    if isinstance(choices, list) and any(isinstance(each, str) and not each.strip() for each in choices):
        raise Fault("choices", "an empty choice", "text in every choice")
    return raw


def _span(raw: dict[str, Any]) -> dict[str, Any]:
    texts, starts = raw["texts"], raw["starts"]
    if isinstance(texts, str):
        texts = [texts] if texts else []
    if isinstance(starts, str | int) and not isinstance(starts, bool):
        starts = [starts] if starts != "" else []
    if texts is None and starts is None:
        texts, starts = [], []
    if isinstance(starts, list):
        starts = [int(each) if isinstance(each, str) and each.isdecimal() else each for each in starts]
    return _filled({**raw, "texts": texts, "starts": starts}, "question", "context")


def _tags(raw: dict[str, Any]) -> dict[str, Any]:
    cut = {name: _cut(raw[name]) for name in ("tokens", "tags")}
    if isinstance(cut["tokens"], list) and any(
        isinstance(each, str) and not BLANKS.sub("", each) for each in cut["tokens"]
    ):
        raise Fault("tokens", "an empty token", "text in every token")
    return {**raw, **cut}


def _cut(cell: Any) -> Any:
    """Return the words of a cell; any other value is a list already."""
    return [word for word in BLANKS.split(cell) if word] if isinstance(cell, str) else cell


def _bitext(raw: dict[str, Any]) -> dict[str, Any]:
    return _filled(raw, "source", "target")


def _retrieval(raw: dict[str, Any]) -> dict[str, Any]:
    return _filled(raw, "query", "passage")


def _plain_text(raw: dict[str, Any]) -> dict[str, Any]:
    return raw  # a blank line between paragraphs is as it should be: it has no piece, and nothing is learnt from it


def _filled(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if isinstance(raw[name], str) and not raw[name].strip():
            raise Fault(name, f"an empty text as {name}", "text")
    return raw


# Public datasets hold a few empty texts that are part of their published numbers; in a file of the user's one is a slip.
SHAPES: Mapping[Kind, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "pair": _pair,
    "choice": _choice,
    "span": _span,
    "tags": _tags,
    "bitext": _bitext,
    "retrieval": _retrieval,
    "text": _plain_text,
}
