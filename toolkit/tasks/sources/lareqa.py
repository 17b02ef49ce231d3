"""Rows of XQuAD-R as LAReQA publishes it: XQuAD's json with the places where sentences break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import DataError, SourceError
from toolkit.files import json_of, read_regular
from toolkit.tasks.mirror.layout import data_folder
from toolkit.tasks.pool import Pool
from toolkit.tasks.rows import CandidateRow, HeldRows, QueryRow
from toolkit.tasks.sources.checks import check_kind

if TYPE_CHECKING:
    from toolkit.tasks.task import Task

FOLDER = "xquad-r"


@dataclass(frozen=True, kw_only=True)
class LareqaSource:
    """The files `xquad-r/<code>.json`, read from a folder.

    They are looked for in the data root itself, in `DIR/xquad-r`, in `DIR/lareqa/xquad-r` and in `DIR/<path>/xquad-r`. The
    candidates are the sentences of every language's paragraphs, each followed by its whole paragraph; a question's key is
    its id, the same in all languages, and a sentence carries the ids of the questions whose answer begins in it.

    Attributes:
        path: the repository that holds the files.
    """

    path: str = "google-research-datasets/lareqa"
    splits: Mapping[str, str] = field(default_factory=lambda: {"score": "validation"})

    has_ids = True  # the release's own, not places in a file

    def check(self, task: Task) -> None:
        check_kind(task, "retrieval", "questions and a pool")

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        return tuple(language for language in languages if self._find(language, data_root))

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> HeldRows:
        file = self._find(language, data_root)
        if file is None:
            raise SourceError(self._absent(language, data_root))
        return HeldRows(self.splits[split], f"files: {FOLDER}/{file.name}", read_language(file, language).questions)

    def pool(self, task: Task, split: str, data_root: Path | None) -> Pool:
        files = [(code, file) for code in task.languages if (file := self._find(code, data_root)) is not None]
        if not files:
            raise SourceError(self._absent(task.languages[0], data_root))
        if len(files) == 1:
            raise DataError(
                f"{files[0][1].parent} holds {files[0][1].name} alone; expected the files of several languages, since "
                f"'{task.name}' is scored on a pool of candidates in many: fetch {self.path} whole."
            )
        found = [row for code, file in files for row in read_language(file, code).candidates]
        return Pool(found, f"files: {FOLDER}/{{{','.join(code for code, _ in files)}}}.json")

    def _find(self, language: str, data_root: Path | None) -> Path | None:
        root = data_folder(data_root)
        if root is None:
            return None
        for place in (root, root / FOLDER, root / "lareqa" / FOLDER, root / self.path / FOLDER):
            file = place / f"{language}.json"
            if file.is_file():
                return file
        return None

    def _absent(self, language: str, data_root: Path | None) -> str:
        return (
            f"There is no {FOLDER}/{language}.json in {data_root or 'any folder that was named'}; expected it in --data-root "
            f"DIR, in DIR/lareqa or in DIR/{self.path}: `git clone https://github.com/{self.path} DIR/{self.path}` if there "
            "is a network."
        )


@dataclass(frozen=True)
class Read:
    """Content of a file: its questions, and its sentences as candidates."""

    questions: tuple[QueryRow, ...]
    candidates: tuple[CandidateRow, ...]


def read_language(file: Path, language: str) -> Read:
    """Return the questions and candidates of a file; kept for the next call while the file stays as it is.

    Raises:
        DataError: no json, another schema, an id that repeats, or an answer that begins in no sentence.
    """
    facts = file.stat()
    return _read(file, language, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=32)
def _read(file: Path, language: str, changed_ns: int, size: int) -> Read:
    try:
        told: Any = json_of(read_regular(file).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{file} is not UTF-8 json ({error}); expected a file of XQuAD-R: fetch it again.") from None
    questions: dict[str, QueryRow] = {}
    candidates: list[CandidateRow] = []
    number = 0  # paragraphs count through the whole file, from 1
    for article in _list(told, "data", f"{file}"):
        for paragraph in _list(article, "paragraphs", f"{file}, an article"):
            number += 1
            where = f"{file}, paragraph {number}"
            context = _text(paragraph, "context", where)
            breaks = _breaks(paragraph, len(context), where)
            sentences = [context[start:end] for start, end in breaks]
            texts = [(sentence + context).replace("\n", "").strip() for sentence in sentences]
            keys: list[list[str]] = [[] for _ in sentences]
            asked = _list(paragraph, "qas", where)
            for entry in asked:
                id = _text(entry, "id", f"{where}, a question")
                told_by = f"{where}, question '{id}'"
                if id in questions:
                    raise DataError(f"{told_by}: the id is there already; expected each once.")
                start = _start(entry, told_by)
                at = next((i for i, (first, last) in enumerate(breaks) if first <= start < last), None)
                if at is None:
                    raise DataError(
                        f"{told_by}: the answer begins at {start}, in none of the {len(breaks)} sentences; expected it in one."
                    )
                # A sentence that occurs twice in a paragraph is right in both places, as in the official script.
                for i, sentence in enumerate(sentences):
                    if sentence == sentences[at]:
                        keys[i].append(id)
                query = _text(entry, "question", told_by).strip()
                questions[id] = QueryRow(id, query, id, texts[at])
            if asked:  # the official script meets a paragraph through its questions
                candidates += [
                    CandidateRow(f"{language}_{number}_{i}", language, text, tuple(own))
                    for i, (text, own) in enumerate(zip(texts, keys, strict=True))
                ]
    if not questions:
        raise DataError(f"{file} holds no question; expected a file of XQuAD-R.")
    return Read(tuple(questions.values()), tuple(candidates))


def _list(holder: Any, key: str, where: str) -> list[Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(found, list):
        raise DataError(
            f"{where} has no list `{key}`; expected XQuAD-R's `data`, `paragraphs`, `qas` and `sentence_breaks`."
        )
    return found


def _text(holder: Any, key: str, where: str) -> str:
    found = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(found, str) or not found.strip():
        raise DataError(f"{where}: `{key}` is {str(found)[:40]!r}; expected text that is not empty.")
    return found


def _breaks(paragraph: Any, length: int, where: str) -> list[tuple[int, int]]:
    if "sentence_breaks" not in paragraph:
        raise DataError(
            f"{where} has no `sentence_breaks`; expected XQuAD-R of google-research-datasets/lareqa, not XQuAD itself."
        )
    found = []
    for pair in _list(paragraph, "sentence_breaks", where):
        is_pair = isinstance(pair, list) and len(pair) == 2 and all(type(each) is int for each in pair)
        if not is_pair or not 0 <= pair[0] < pair[1] <= length:
            raise DataError(
                f"{where}: the sentence break {pair!r} is none; expected a start and an end within 0 to {length}."
            )
        found.append((pair[0], pair[1]))
    return found


def _start(entry: Any, where: str) -> int:
    answers = _list(entry, "answers", where)
    start = answers[0].get("answer_start") if len(answers) == 1 and isinstance(answers[0], dict) else None
    if type(start) is not int:
        raise DataError(f"{where}: found {len(answers)} answers; expected one, with its `answer_start`.")
    return start
