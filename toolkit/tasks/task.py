"""Task: a value that says what is learnt or measured and where its rows come from; its rows, and what it needs of a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, overload, runtime_checkable

from toolkit.errors import ConfigError
from toolkit.languages import get_language
from toolkit.tasks.copies import refuse_copies
from toolkit.tasks.draw import Drawn, first_pair, places_drawn, places_within
from toolkit.tasks.kinds import KINDS, LEVELS, METRICS, POOLED, SPLITS, Kind, Level, Metric, Split
from toolkit.tasks.pool import Pool, passages_of
from toolkit.tasks.rows import HeldRows, Opened, Row, fingerprint_of
from toolkit.tasks.spoken import Spoken


class Source(Protocol):
    """What a task needs of the place its rows come from."""

    @property
    def splits(self) -> Mapping[str, Any]:
        """The splits that may be asked for (`train`, `dev`, `test`, `score`)."""
        ...

    def check(self, task: Task) -> None:
        """Raise a ConfigError if the source does not fit the task's kind."""
        ...

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        """Return those of the `languages` whose rows can be had."""
        ...

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> Opened:
        """Open a split in a language; rows are converted when they are asked for."""
        ...


@runtime_checkable
class Pooled(Protocol):
    """A source that keeps a pool of its own, with candidates that no query is about."""

    def pool(self, task: Task, split: str, data_root: Path | None) -> Pool:
        """Return the candidates of a split in every language that can be had."""
        ...


@dataclass(frozen=True, kw_only=True)
class Task(Spoken):
    """What is learnt or measured, and where its rows come from.

    Attributes:
        kind: one of `kinds.KINDS`, which decides what its rows hold.
        metric, level: what scores it, and what it asks for: one of `kinds.METRICS[kind]`, one of `kinds.LEVELS`.
        source: where the rows come from; it names the splits.
        description, labels: one line for `xstilts tasks`; names of the labels by index, empty if the kind has none.
        trains_on: the task that lends its training rows, for a task that has none of its own.
        citation, licence, size: where it was published and on which terms; rows of train and dev there, None: none, or unknown.
        overlaps: splits of other tasks that share rows with this one, as `task:split`.
        is_generated: whether the rows come from a generator; then no number from it is a benchmark result.
        translated: splits whose rows a machine translated; cards and reports say so.
        parallel: whether row i means the same in every language (training on one language's rows then leaks).
        may_be_unanswerable: whether a span row may come without an answer.
        may_have_other_tags: whether a tag outside `labels` may occur; it is never learnt and always counts as wrong.
        query_tokens, passage_tokens: retrieval: the benchmark's limits on a query and a candidate, with special tokens.
        is_metric_chosen: whether the metric was chosen for the task's languages, or taken because none was named.
    """

    kind: Kind
    metric: Metric
    source: Source = field(repr=False, hash=False)  # holds mappings, which have no hash
    description: str
    level: Level = "semantic"
    labels: tuple[str, ...] = ()
    trains_on: str | None = None
    citation: str = ""
    licence: str = ""
    size: tuple[int | None, int | None] = (None, None)
    overlaps: tuple[str, ...] = ()
    is_generated: bool = False
    translated: tuple[Split, ...] = ()
    parallel: bool = False
    may_be_unanswerable: bool = False
    may_have_other_tags: bool = False
    query_tokens: int | None = None
    passage_tokens: int | None = None
    is_metric_chosen: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"Task '{self.name}' has the kind '{self.kind}'; expected one of {', '.join(KINDS)}.")
        if self.metric not in METRICS[self.kind]:
            known = " or ".join(METRICS[self.kind])
            raise ConfigError(f"Task '{self.name}' has the metric '{self.metric}'; a {self.kind} task takes {known}.")
        if self.level not in LEVELS:
            raise ConfigError(f"Task '{self.name}' has the level '{self.level}'; expected {' or '.join(LEVELS)}.")
        if self.may_have_other_tags and self.metric != "accuracy":
            raise ConfigError(f"Task '{self.name}' may have other tags; only the metric 'accuracy' can count them.")
        object.__setattr__(self, "languages", tuple(get_language(code).code for code in self.languages))
        object.__setattr__(self, "train_language", get_language(self.train_language).code)
        if not self.languages:
            raise ConfigError(f"Task '{self.name}' names no language; expected at least one.")
        self.source.check(self)

    @property
    def has_train(self) -> bool:
        """Whether it has training rows of its own."""
        return "train" in self.source.splits

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that may be asked for, of `train`, `dev`, `test`, `score`."""
        return tuple(split for split in SPLITS if split in self.source.splits)

    def reachable(
        self, split: str = "score", *, data_root: Path | None = None, has_pairs: bool = False
    ) -> tuple[str, ...]:
        """Return the languages whose rows can be had: those that the mirror holds if it has this dataset, else all.

        Args:
            split: `train`, `dev`, `test` or `score`.
            data_root: the mirror; None: the folder `XSTILTS_DATA` names, if any.
            has_pairs: of a task that crosses languages all pairs, not only those of one language.
        """
        self._check_split(split)
        return self.source.reachable(self.pairs if has_pairs else self.languages, split, data_root)

    def rows(
        self,
        split: str,
        language: str | None = None,
        *,
        data_root: Path | None = None,
        limit: int | None = None,
        seed: int = 0,
    ) -> Rows:
        """Return the rows of a split in a language; nothing is converted before it is asked for.

        Args:
            split: `train`, `dev`, `test` or `score`, which scores are reported on (`Rows.split`: its own name).
            language: a language's code in any spelling, or a pair of them (`resolve_language`); None: the training language.
            data_root: mirror that is looked at first; None: the folder `XSTILTS_DATA` names, if any.
            limit: at most so many rows, drawn by `seed` (`Rows.limited`); None: all.
            seed: of the draw.

        Raises:
            ConfigError: no such split or language, or a limit below 1.
            SourceError: neither mirror nor hub has them.
            DataError: the file lacks a column or has no rows. (A single faulty row raises when it is reached.)
        """
        self._check_split(split)
        code = self.resolve_language(language)
        if limit is not None and limit < 1:
            raise ConfigError(f"A limit of {limit} rows was asked of task '{self.name}'; expected 1 or more, or none.")
        opened = self.source.open(self, split, code, data_root)
        refuse_copies(self.kind, opened, f"{self.name} {code} ({split})")
        rows = Rows(self, split, code, opened)
        return rows if limit is None else rows.limited(limit, seed=seed)

    def pool(self, split: str = "score", *, data_root: Path | None = None) -> Pool:
        """Return all candidates that the queries of a split are asked to find, of every language that can be had.

        A source that keeps no pool of its own has the distinct passages of its rows.

        Raises:
            ConfigError: no such split, or a task of another kind.
            SourceError: neither mirror nor hub has them.
            DataError: the files hold no pool.
        """
        self._check_split(split)
        if self.kind not in POOLED:
            is_other = f"is of the kind '{self.kind}'; only one of the kind '{POOLED[0]}'"
            raise ConfigError(f"Task '{self.name}' {is_other} has a pool.")
        if isinstance(self.source, Pooled):
            return self.source.pool(self, split, data_root)
        languages = self.source.reachable(self.languages, split, data_root)
        rows = {language: self.rows(split, language, data_root=data_root) for language in languages}
        origin = "; ".join(dict.fromkeys(each.origin for each in rows.values())) or "no language"
        return passages_of(rows, origin)

    def _check_split(self, split: str) -> None:
        if split in self.source.splits:
            return
        if split not in SPLITS:
            raise ConfigError(f"No split '{split}'; expected one of {', '.join(SPLITS)}.")
        lender = f"; its {split} rows are those of '{self.trains_on}'" if self.trains_on else ""
        raise ConfigError(f"Task '{self.name}' has no split '{split}' (it has {', '.join(self.splits)}){lender}.")


class Rows(Sequence[Row]):
    """The rows of one task, split and language, made and checked when they are asked for.

    Indexing with an integer gives a typed row, with a slice a smaller `Rows`. A row that does not hold what the
    task promises raises a DataError that names file, row, what was found and what was expected.

    Attributes:
        task, asked: the task they belong to, and the split that was asked for: `train`, `dev`, `test` or `score`.
        split: the split of the dataset that answered, for example `validation`; reports print this one.
        language: a language's code, or `context.question` where the task crosses languages.
        origin, revision: mirror file, hub id or generator; `org/name@commit` if known; `road`: which dataset answered.
        is_generated, is_translated: whether a generator made them (then they are not a benchmark), or a machine translated them.
        drawn, notes: the limit that they were drawn by, if any; what of their file was left out, as clauses.
    """

    def __init__(
        self,
        task: Task,
        asked: str,
        language: str,
        opened: Opened,
        indices: Sequence[int] | None = None,
        drawn: Drawn | None = None,
    ) -> None:
        self.task = task
        self.asked = asked
        self.language = language
        self.split = opened.split
        self.origin = opened.origin
        self.revision, self.road = (str(getattr(opened, each, "")) for each in ("revision", "road"))
        self.is_generated = task.is_generated
        self.is_translated = asked in task.translated
        self.drawn = drawn
        self.notes: tuple[str, ...] = getattr(opened, "notes", ())
        self._opened = opened
        self._indices: Sequence[int] = range(len(opened)) if indices is None else indices

    def __len__(self) -> int:
        return len(self._indices)

    def __repr__(self) -> str:
        return f"Rows({self.task.name} {self.language} {self.split}: {len(self)} rows, {self.origin})"

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Rows: ...

    def __getitem__(self, index: int | slice) -> Row | Rows:
        if isinstance(index, slice):
            return self._with(self._indices[index], self.drawn)
        return self._opened.row(self._indices[index])

    def __iter__(self) -> Iterator[Row]:
        return map(self._opened.row, self._indices)

    def select(self, positions: Sequence[int]) -> Rows:
        """Return a Rows with only the rows at these positions, in this order."""
        return self._with([self._indices[i] for i in positions], self.drawn)

    def holding(self, rows: Sequence[Row], origin: str) -> Rows:
        """Return other rows in the place of these: of the same task, split, language and draw."""
        return Rows(
            self.task, self.asked, self.language, HeldRows(self.split, origin, rows, self.notes), None, self.drawn
        )

    def limited(self, limit: int, *, seed: int = 0) -> Rows:
        """Return at most `limit` rows, drawn by `seed` in proportion to their labels, in their own order.

        A smaller limit is part of a larger one; the same ids are drawn in every language. Mining: so many lines a side.

        Example:
            >>> from toolkit.tasks import get_task
            >>> [row.id for row in get_task("micro-nli").rows("dev").limited(3)]
            ['nli-dev-112', 'nli-dev-181', 'nli-dev-184']
        """
        places = places_within(self._opened, self.task.kind, self._indices, limit=limit, seed=seed)
        return self._with([self._indices[i] for i in places], Drawn(limit, seed))

    def least_limit(self) -> int:
        """Return the smallest limit of two corpora that draws a gold pair, by the seed that these rows were drawn by."""
        return first_pair(self._opened, seed=self.drawn.seed if self.drawn else 0)

    def draw(self, n: int, *, seed: int) -> Rows:
        """Return `n` rows drawn without replacement, in their own order.

        Which they are depends on the number of rows and the seed alone, and a smaller draw is part of a larger one.
        """
        if not 0 < n <= len(self):
            whole = f"{len(self)} rows of '{self.task.name}'"
            raise ConfigError(f"{n} of {whole} were asked for; expected 1 to {len(self)}.")
        return self.select(places_drawn(len(self), n, seed=seed))

    def _with(self, indices: Sequence[int], drawn: Drawn | None) -> Rows:
        return Rows(self.task, self.asked, self.language, self._opened, indices, drawn)

    @property
    def limit_words(self) -> str:
        """What a protocol says of the rows: their limit, and that a machine translated them; or an empty text."""
        return " ".join([*([self.drawn.words] if self.drawn else []), *["machine-translated"] * self.is_translated])

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over the content of every row: equal rows, equal fingerprint."""
        return fingerprint_of(self)
