"""Rows of Mewsli-X as its own download script leaves it: mentions in news, descriptions of a million entities."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import DataError, SourceError
from toolkit.files import file_fault, json_of
from toolkit.tasks.mirror.layout import data_folder
from toolkit.tasks.pool import Pool, passages_of
from toolkit.tasks.rows import CandidateRow, HeldRows, QueryRow
from toolkit.tasks.sources.checks import check_kind

if TYPE_CHECKING:
    from toolkit.tasks.task import Task

ENTITIES = "candidate_set_entities.jsonl"
PAIRS = "wikipedia_pairs"
FOLDERS = ("", "mewslix", "mewsli_x/output/dataset")
SPLITS = {
    "train": (f"{PAIRS}-train",),
    "dev": (f"{PAIRS}-dev",),
    "test": ("wikinews_mentions-test",),
    "score": ("wikinews_mentions-test", "wikinews_mentions-dev"),
}
_BRACES = re.compile(r"\{(.*?)\}")


@dataclass(frozen=True, kw_only=True)
class MewsliSource:
    """The release's files: `candidate_set_entities.jsonl`, `wikinews_mentions-*.jsonl` and `wikipedia_pairs-*.jsonl`.

    They are looked for in the data root, in `DIR/mewslix` and in `DIR/mewsli_x/output/dataset`. English Wikipedia's pairs
    train and choose the weights; mentions in WikiNews are scored. A query is the mention, a colon and the sentence around it
    with the mention in braces; a candidate is an entity's description; both carry the entity's id.
    """

    splits: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(SPLITS))

    has_ids = True  # the release's own, not places in a file

    def check(self, task: Task) -> None:
        check_kind(task, "retrieval", "mentions and a pool")

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        found = self._find(split, data_root)
        if found is None:
            return ()
        held = read_queries(found[1])
        return tuple(language for language in languages if language in held)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> HeldRows:
        found = self._find(split, data_root)
        if found is None:
            raise SourceError(self._absent(f"{self.splits[split][0]}.jsonl", data_root))
        name, file = found
        held = read_queries(file)
        if language not in held:
            raise SourceError(f"{file} has no mention in '{language}'; it has {', '.join(sorted(held))}.")
        return HeldRows(name.rsplit("-", 1)[1], f"files: {file.name}", held[language])

    def pool(self, task: Task, split: str, data_root: Path | None) -> Pool:
        if split == "train":  # the candidate set holds no entity of the training pairs
            rows = task.rows(split, "en", data_root=data_root)
            return passages_of({"en": rows}, rows.origin)
        for folder in self._folders(data_root):
            if (folder / ENTITIES).is_file():
                return Pool(_entities(folder / ENTITIES), f"files: {ENTITIES}")
        raise SourceError(self._absent(ENTITIES, data_root))

    def _find(self, split: str, data_root: Path | None) -> tuple[str, Path] | None:
        for name in self.splits[split]:
            for folder in self._folders(data_root):
                if (folder / f"{name}.jsonl").is_file():
                    return name, folder / f"{name}.jsonl"
        return None

    def _folders(self, data_root: Path | None) -> list[Path]:
        root = data_folder(data_root)
        return [] if root is None else [root / folder for folder in FOLDERS]

    def _absent(self, file: str, data_root: Path | None) -> str:
        return (
            f"There is no {file} in {data_root or 'any folder that was named'}; expected it in --data-root DIR or in "
            "DIR/mewslix, as `get-mewsli-x.sh` of google-research/dense_representations_for_entity_retrieval/mel leaves it."
        )


def read_queries(file: Path) -> Mapping[str, Sequence[QueryRow]]:
    """Return the mentions of a file by their language; kept for the next call while the file stays as it is.

    Raises:
        DataError: a line that is not json or has another schema, an example id that repeats, or a mention that is not
            in its text.
    """
    facts = file.stat()
    return _read(file, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=2)
def _read(file: Path, changed_ns: int, size: int) -> Mapping[str, Sequence[QueryRow]]:
    take: Callable[[Any, str], Iterator[tuple[str, QueryRow]]] = _pair if file.name.startswith(PAIRS) else _mentions
    found: dict[str, list[QueryRow]] = {}
    seen: set[str] = set()
    for where, told in _objects(file):
        for language, row in take(told, where):
            if row.id in seen:
                raise DataError(f"{where}: the example id '{row.id}' is there already; expected each once.")
            seen.add(row.id)
            found.setdefault(language, []).append(row)
    if not found:
        raise DataError(f"{file} holds no mention; expected at least one.")
    return found


def _mentions(told: Any, where: str) -> Iterator[tuple[str, QueryRow]]:
    context = _of(told, "context", dict, where)
    for mention in _of(told, "mentions", list, where):
        yield _of(context, "language", str, where), _query(context, mention, where)


def _pair(told: Any, where: str) -> Iterator[tuple[str, QueryRow]]:
    both = _of(told, "contextual_mention", dict, where)
    context = _of(both, "context", dict, where)
    passage = _description(_of(told, "entity", dict, where), where)
    yield _of(context, "language", str, where), _query(context, _of(both, "mention", dict, where), where, passage)


def _query(context: Any, mention: Any, where: str, passage: str = "") -> QueryRow:
    id = _of(mention, "example_id", str, where)
    where = f"{where}, mention '{id}'"
    entity = _of(mention, "entity_id", str, where)
    if not entity:
        raise DataError(
            f"{where}: `entity_id` is empty; expected the release's own file, not one with its labels taken out."
        )
    text = _of(context, "text", str, where)
    if not text:
        raise DataError(f"{where}: `text` is empty; expected a file whose text `get-mewsli-x.sh` has restored.")
    span = _of(mention, "mention_span", dict, where)
    start, end = _of(span, "start", int, where), _of(span, "end", int, where)
    if not text[start:end] or text[start:end] != _of(span, "text", str, where):
        raise DataError(
            f"{where}: {span['text']!r} is not at {start} to {end}; expected it there, not {text[start:end]!r}."
        )
    for first, last in _spans(context, len(text), where):
        if first <= start and end <= last:
            return QueryRow(id, marked(text[first:start], text[start:end], text[end:last]), entity, passage)
    raise DataError(f"{where}: no sentence of the text holds it whole; expected one.")


def marked(left: str, mention: str, right: str) -> str:
    """Return a mention as a query: itself, then its sentence with the mention in braces.

    The mention comes first so that no limit on tokens cuts it off; braces that the sentence has of its own become round.

    Example:
        >>> marked("The verdict came for ", "Smith", ", who {then} resigned.")
        'Smith: The verdict came for { Smith } , who (then) resigned.'

    Source: XTREME-R's baseline for Mewsli-X.
    """
    left, right = (_BRACES.sub(r"(\1)", side) for side in (left, right))
    return _flat(f"{mention}: {left} {{ {mention} }} {right}")


def _description(entity: Any, where: str) -> str:
    text = _of(entity, "description", str, where)
    found = _flat(" ".join(text[first:last] for first, last in _spans(entity, len(text), where)))
    if not found:
        raise DataError(f"{where}: the entity '{entity.get('entity_id')}' has no description; expected text.")
    return found


def _entities(file: Path) -> list[CandidateRow]:
    found: list[CandidateRow] = []
    seen: set[str] = set()
    for where, told in _objects(file):
        id = _of(told, "entity_id", str, where)
        if id in seen:
            raise DataError(f"{where}: the entity '{id}' is there already; expected each once.")
        seen.add(id)
        found.append(CandidateRow(id, _of(told, "description_language", str, where), _description(told, where), (id,)))
    return found


def _flat(text: str) -> str:
    """Return a text in one line; pairs of spaces become one, as in the official script."""
    return " ".join(text.splitlines()).replace("  ", " ").strip()


def _objects(file: Path) -> Iterator[tuple[str, Any]]:
    """Return each line of a jsonl file with its place; empty lines are passed over."""
    if fault := file_fault(file):
        raise DataError(f"{file} {fault}; expected an object of Mewsli-X a line.")
    with open(file, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{file}, line {number}"
            try:
                yield where, json_of(line.decode("utf-8-sig"))
            except (UnicodeDecodeError, ValueError) as error:
                raise DataError(
                    f"{where} is not UTF-8 json ({error}); expected an object of Mewsli-X a line."
                ) from None


def _of(holder: Any, key: str, kind: type, where: str) -> Any:
    found = holder.get(key) if isinstance(holder, dict) else None
    if type(found) is not kind:
        told = "is missing" if found is None else f"is {str(found)[:40]!r}"
        raise DataError(f"{where}: `{key}` {told}; expected {kind.__name__}, as in Mewsli-X's release.")
    return found


def _spans(holder: Any, length: int, where: str) -> list[tuple[int, int]]:
    found = []
    for span in _of(holder, "sentence_spans", list, where):
        start, end = _of(span, "start", int, where), _of(span, "end", int, where)
        if not 0 <= start < end <= length:
            raise DataError(
                f"{where}: the sentence {start} to {end} is none; expected a start and an end within 0 to {length}."
            )
        found.append((start, end))
    return found
