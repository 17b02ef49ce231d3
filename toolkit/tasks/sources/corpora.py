"""Rows of a mining task: a file `id<TAB>text` for either corpus, and gold `id<TAB>id`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import DataError, SourceError
from toolkit.files import file_fault
from toolkit.nameless import Numbers, let_go, room
from toolkit.tasks.mirror.layout import data_folder, held_splits, mirror_folder
from toolkit.tasks.rows import Row, SentenceRow
from toolkit.tasks.sources.checks import check_kind
from toolkit.texts import Arranged, Texts, arranged, found_in

if TYPE_CHECKING:
    from toolkit.tasks.task import Task

_NEAR = 64  # texts that are read at a time
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
        self._source, self._target = _Corpus.of(source), _Corpus.of(target)
        self._gold = _Gold.of(gold, (source, self._source), (target, self._target))
        if self._gold.n_sources == len(self._source) and self._gold.n_targets == len(self._target):
            raise DataError(
                f"{source} and {target.name} hold only the gold pairs: scoring them as mining gives a meaningless number; "
                "expected both whole corpora."
            )
        n = len(self._gold)
        if n > 1 and all(self._source.texts[a] == self._target.texts[b] for a, b in self._gold.pairs()):
            raise DataError(
                f"{gold}: in all {n:,} pairs both sentences are one and the same, so that any encoder is right; "
                "expected corpora in two languages."
            )

    def __len__(self) -> int:
        return len(self._source) + len(self._target)

    def row(self, index: int) -> Row:
        if index >= len(self._source):
            line = index - len(self._source)
            return SentenceRow(self._target.ids[line], "target", self._target.texts[line])
        translations = tuple(self._target.ids[line] for line in self._gold.of_source(index))
        return SentenceRow(self._source.ids[index], "source", self._source.texts[index], translations)


@dataclass(frozen=True)
class _Corpus:
    """The lines of an `id<TAB>text` file, of which few are in memory.

    Attributes:
        ids, texts: in the order of the file.
        sorted_ids: the ids.
        lines: int64, for each of the sorted ids its line, counted from 0.
    """

    ids: Near
    texts: Near
    sorted_ids: Sequence[str]
    lines: memoryview

    @classmethod
    def of(cls, file: Path) -> _Corpus:
        ids, texts = Texts(), Texts()
        for number, line in enumerate(lines_of(file), 1):
            id, _, text = (part.strip() for part in line.partition("\t"))
            if not id or not text:
                raise DataError(
                    f"{file}, line {number}: found {line[:60]!r}; expected `id<TAB>text`, neither of them empty."
                )
            ids.append(id)
            texts.append(text)
        by_id = arranged(ids)
        if (again := _first_again(by_id)) is not None:
            raise DataError(f"{file}, line {again + 1}: the id '{ids[again]}' is there already; expected each once.")
        lines = room(8 * len(ids)).cast("q")
        for line_number, place in enumerate(by_id.places):
            lines[place] = line_number
        let_go(lines, by_id.places)
        return cls(Near(ids), Near(texts), by_id.distinct, lines)

    def __len__(self) -> int:
        return len(self.lines)

    def places(self, sought: Arranged) -> Iterator[int]:
        """Yield the line of each sought id, -1 where there is none."""
        known = Numbers(found_in(self.sorted_ids, sought.distinct)).whole()
        return (-1 if (place := known[each]) < 0 else self.lines[place] for each in sought.places)


@dataclass(frozen=True)
class _Gold:
    """The pairs of a gold file, as lines of the corpora.

    Attributes:
        starts: int64 [L + 1]: of source line i the targets are `targets[starts[i]:starts[i + 1]]`.
        targets: int64 [G], in the order of the file.
        n_sources, n_targets: lines that have a translation.
    """

    starts: memoryview
    targets: memoryview
    n_sources: int
    n_targets: int

    @classmethod
    def of(cls, file: Path, *sides: tuple[Path, _Corpus]) -> _Gold:
        ids = Texts(), Texts()
        for number, line in enumerate(lines_of(file), 1):
            columns = [part.strip() for part in line.split("\t")]
            if len(columns) != 2 or not all(columns):
                raise DataError(f"{file}, line {number}: found {line[:60]!r}; expected `id<TAB>id`.")
            for held, id in zip(ids, columns, strict=True):
                held.append(id)
        sought = [arranged(each) for each in ids]
        pairs = Numbers(), Numbers()
        both = (corpus.places(each) for (_, corpus), each in zip(sides, sought, strict=True))
        for number, lines in enumerate(zip(*both, strict=True)):
            for held, line, own, (path, _) in zip(ids, lines, pairs, sides, strict=True):
                if line < 0:
                    raise DataError(
                        f"{file}, line {number + 1}: the id '{held[number]}' is not in {path.name}; expected one of its ids."
                    )
                own.append(line)
        if (again := _first_again(arranged(f"{a} {b}" for a, b in zip(*pairs, strict=True)))) is not None:
            pair = ", ".join(held[again] for held in ids)
            raise DataError(f"{file}, line {again + 1}: the pair {pair} is there already; expected each once.")
        return cls(*_by_source(*pairs, len(sides[0][1])), *(len(each.distinct) for each in sought))

    def __len__(self) -> int:
        return len(self.targets)

    def of_source(self, line: int) -> list[int]:
        """Return the lines that translate a source line."""
        return self.targets[self.starts[line] : self.starts[line + 1]].tolist()

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield source and target line of each pair."""
        return ((line, target) for line in range(len(self.starts) - 1) for target in self.of_source(line))


def _by_source(sources: Numbers, targets: Numbers, n_sources: int) -> tuple[memoryview, memoryview]:
    """Return where the targets of each source begin, and the targets by source."""
    starts, ends, held = (room(8 * n).cast("q") for n in (n_sources + 1, n_sources + 1, len(targets)))
    for source in sources:
        starts[source + 1] += 1
    for source in range(n_sources):
        starts[source + 1] += starts[source]
        ends[source + 1] = starts[source + 1]
    for source, target in zip(sources, targets, strict=True):
        held[ends[source]] = target
        ends[source] += 1
    let_go(starts, ends, held)
    return starts, held


def _first_again(found: Arranged) -> int | None:
    """Return the first text that was there before, counted from 0; None: each is there once."""
    if len(found.distinct) == len(found.places):
        return None
    is_there = room(len(found.distinct))
    for number, place in enumerate(found.places):
        if is_there[place]:
            return number
        is_there[place] = 1
    return None


class Near:
    """Texts that are mostly read one after another: some of them are read at a time."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._held: tuple[int, list[str]] = (-1, [])

    def __getitem__(self, place: int) -> str:
        block, held = self._held
        if place // _NEAR != block:
            block = place // _NEAR
            self._held = block, held = block, self._texts[block * _NEAR : (block + 1) * _NEAR]
        return held[place % _NEAR]


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
