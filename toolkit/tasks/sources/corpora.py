"""Rows of a mining task: a file `id<TAB>text` for either corpus, and gold `id<TAB>id`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import DataError, SourceError
from toolkit.files import file_fault
from toolkit.tasks.mirror.layout import data_folder, held_splits, mirror_folder
from toolkit.tasks.rows import Row, SentenceRow
from toolkit.tasks.sources.checks import check_kind

if TYPE_CHECKING:
    from toolkit.tasks.task import Task

SPLITS = {"dev": ("dev", "training", "sample"), "score": ("test", "dev", "training", "sample"), "test": ("test",)}


@dataclass(frozen=True, kw_only=True)
class CorpusSource:
    """The shared task's files, `zh-en.dev.zh`, `zh-en.dev.en` and `zh-en.dev.gold`, read from a folder.

    They are looked for in the data root, in `DIR/zh-en` and in `DIR/<folder>/zh-en`. Without gold there is no split.

    Attributes:
        folder: the name of the folder that holds a folder for each pair of languages.
        gold_only: hub id of a dataset that holds the gold pairs alone, which cannot be mined.
        gold_only_config: its config; `{code}` stands for the language.
        splits: for each split that may be asked for, the files' own splits to try in order.
    """

    folder: str
    gold_only: str
    gold_only_config: str
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(SPLITS))

    def check(self, task: Task) -> None:
        check_kind(task, "mining", "two corpora")

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        return tuple(language for language in languages if self._find(split, language, data_root))

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> CorpusRows:
        found = self._find(split, language, data_root)
        if found is None:
            raise SourceError(self._absent(language, data_root))
        name, (source, target, gold) = found
        return CorpusRows(name, source, target, gold)

    def _find(self, split: str, language: str, data_root: Path | None) -> tuple[str, tuple[Path, Path, Path]] | None:
        root, pair = data_folder(data_root), f"{language}-en"
        if root is None:
            return None
        for name in self.splits[split]:
            for place in (root, root / pair, root / self.folder / pair):
                source, target, gold = (place / f"{pair}.{name}.{end}" for end in (language, "en", "gold"))
                if source.is_file() and target.is_file() and gold.is_file():
                    return name, (source, target, gold)
        return None

    def _absent(self, language: str, data_root: Path | None) -> str:
        pair = f"{language}-en"
        wanted = (
            f"the whole corpora {pair}.dev.{language} and {pair}.dev.en (`id<TAB>text`) and {pair}.dev.gold (`id<TAB>id`), "
            f"in --data-root DIR, in DIR/{pair} or in DIR/{self.folder}/{pair}"
        )
        config = self.gold_only_config.format(code=language)
        held = mirror_folder(self.gold_only, data_root)
        if held is not None and held_splits(held, config):
            return (
                f"{self.gold_only} '{config}' holds only the gold pairs: scoring it as mining gives a meaningless number; "
                f"expected {wanted}."
            )
        return (
            f"There is no {pair} to mine in {data_root or 'any folder that was named'}; expected {wanted} "
            f"({self.gold_only} on the hub holds only the gold pairs, which cannot be mined)."
        )


class CorpusRows:
    """Both corpora of a split, read and checked: source lines first, then target lines.

    Raises:
        DataError: an id that repeats or does not exist, a gold line without two columns, an empty line, an empty side, or
            corpora that hold nothing but gold pairs.
    """

    def __init__(self, split: str, source: Path, target: Path, gold: Path) -> None:
        self.split = split
        self.origin = f"files: {source.name}, {target.name}, {gold.name}"
        sides = {"source": read_corpus(source), "target": read_corpus(target)}
        translations = _read_gold(gold, (source, sides["source"]), (target, sides["target"]))
        paired = {id for ids in translations.values() for id in ids}
        if len(translations) == len(sides["source"]) and len(paired) == len(sides["target"]):
            raise DataError(
                f"{source} and {target.name} hold only the gold pairs: scoring them as mining gives a meaningless number; "
                "expected both whole corpora."
            )
        n_copies = sum(
            sides["source"][id] == sides["target"][other] for id, ids in translations.items() for other in ids
        )
        if n_copies == sum(map(len, translations.values())) > 1:
            raise DataError(
                f"{gold}: in all {n_copies:,} pairs both sentences are one and the same, so that any encoder is right; "
                "expected corpora in two languages."
            )
        self._rows = [
            SentenceRow(id, side, text, tuple(translations.get(id, ())) if side == "source" else ())
            for side, texts in sides.items()
            for id, text in texts.items()
        ]

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        return self._rows[index]


def read_lines(file: Path) -> list[str]:
    r"""Return a text file's lines, cut at `\n` alone, without white space at their ends.

    Raises:
        DataError: the file cannot be read, is not UTF-8, or has no line.
    """
    return list(lines_of(file))


def lines_of(file: Path) -> Iterator[str]:
    """Yield what `read_lines` returns, line by line; an empty file is noticed at its end."""
    if fault := file_fault(file):
        raise DataError(f"{file} {fault}; expected a text file.")
    is_empty = True
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError as error:
                    raise DataError(f"{file}, line {number} is not UTF-8; expected UTF-8: convert the file.") from error
                is_empty = is_empty and not text
                yield text
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}); expected a text file.") from error
    if is_empty:
        raise DataError(f"{file} is empty; expected a sentence a line.")


def read_corpus(file: Path) -> dict[str, str]:
    """Return the texts of an `id<TAB>text` file by id, in its order."""
    texts: dict[str, str] = {}
    for number, line in enumerate(read_lines(file), 1):
        id, _, text = (part.strip() for part in line.partition("\t"))
        if not id or not text:
            raise DataError(
                f"{file}, line {number}: found {line[:60]!r}; expected `id<TAB>text`, neither of them empty."
            )
        if id in texts:
            raise DataError(f"{file}, line {number}: the id '{id}' is there already; expected each once.")
        texts[id] = text
    return texts


def _read_gold(file: Path, *sides: tuple[Path, Mapping[str, str]]) -> dict[str, list[str]]:
    translations: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(file), 1):
        ids = [part.strip() for part in line.split("\t")]
        if len(ids) != 2 or not all(ids):
            raise DataError(f"{file}, line {number}: found {line[:60]!r}; expected `id<TAB>id`.")
        for id, (corpus, texts) in zip(ids, sides, strict=True):
            if id not in texts:
                raise DataError(
                    f"{file}, line {number}: the id '{id}' is not in {corpus.name}; expected one of its ids."
                )
        if ids[1] in translations.setdefault(ids[0], []):
            raise DataError(f"{file}, line {number}: the pair {ids[0]}, {ids[1]} is there already; expected each once.")
        translations[ids[0]].append(ids[1])
    return translations
