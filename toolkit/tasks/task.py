"""A task: a value that says what is learnt or measured, and where its rows come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from toolkit.errors import ConfigError
from toolkit.languages import find_language, get_language
from toolkit.tasks.rows import KINDS, Rows
from toolkit.tasks.sources import Source

METRICS = ("accuracy", "squad", "seqeval", "f1")
SPLITS = ("train", "dev", "test", "score")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is learnt or measured, and where its rows come from.

    Attributes:
        name: the name in compositions and on the command line.
        kind: `pair`, `choice`, `span`, `tags`, `bitext` or `mining`.
        languages: ISO 639-1 codes of all languages the published dataset has.
        metric: `accuracy`, `squad` (exact match and F1), `seqeval` (F1) or `f1` (of mined pairs).
        source: where the rows come from; it names the splits.
        description: one line for `xstilts tasks`.
        labels: names of the labels, in the order of their indices; empty where the kind has none.
        trains_on: the task that lends its training rows, for a task that has none of its own.
        train_language: the language it is trained in unless a composition says otherwise.
        citation: where the data was published.
        licence: as the publisher states it.
        size: rows of train and dev as published (a mirror may hold fewer); None where there is no such split.
        overlaps: splits of other tasks that share rows with this one, as `task:split`.
        is_generated: whether the rows come from a generator; then no number from it is a benchmark result.
        parallel: whether row i means the same in every language (training on one language's rows then leaks).
        may_be_unanswerable: whether a span row may come without an answer.
    """

    name: str
    kind: str
    languages: tuple[str, ...]
    metric: str
    source: Source = field(repr=False, hash=False)  # holds mappings, which have no hash
    description: str
    labels: tuple[str, ...] = ()
    trains_on: str | None = None
    train_language: str = "en"
    citation: str = ""
    licence: str = ""
    size: tuple[int | None, int | None] = (None, None)
    overlaps: tuple[str, ...] = ()
    is_generated: bool = False
    parallel: bool = False
    may_be_unanswerable: bool = False

    def __post_init__(self) -> None:
        for noun, value, known in (("kind", self.kind, tuple(KINDS)), ("metric", self.metric, METRICS)):
            if value not in known:
                raise ConfigError(f"Task '{self.name}' has the {noun} '{value}'; expected one of {', '.join(known)}.")
        for code in self.languages:
            get_language(code)
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

    def resolve_language(self, language: str | None) -> str:
        """Return the ISO 639-1 code for a code of either kind; None stands for the training language.

        Raises:
            ConfigError: the task does not have this language, or has no training language and none was named.
        """
        if language is None:
            if self.train_language in self.languages:
                return self.train_language
            raise ConfigError(f"Task '{self.name}' needs a language: one of {self._listed()}.")
        code = find_language(language).code
        if code not in self.languages:
            raise ConfigError(f"Task '{self.name}' has no language '{language}'; it has {self._listed()}.")
        return code

    def reachable(self, split: str = "score", *, data_root: Path | None = None) -> tuple[str, ...]:
        """Return the languages whose rows can be had: where a mirror holds this dataset, those it holds; else all.

        Args:
            split: `train`, `dev`, `test` or `score`.
            data_root: the mirror; None: the folder `XSTILTS_DATA` names, if any.
        """
        self._check_split(split)
        return self.source.reachable(self.languages, split, data_root)

    def rows(
        self, split: str, language: str | None = None, *, data_root: Path | None = None, limit: int | None = None
    ) -> Rows:
        """Return the rows of a split in a language; nothing is converted before it is asked for.

        Args:
            split: `train`, `dev`, `test`, or `score`: the split scores are reported on, which the task's source
                names (`Rows.split` says which one it was).
            language: ISO 639-1 or 639-3 code; None: the training language.
            data_root: mirror that is looked at first; None: the folder `XSTILTS_DATA` names, if any.
            limit: at most so many rows, from the first on; None: all.

        Raises:
            ConfigError: no such split or language, or a limit below 1.
            SourceError: neither mirror nor hub has them.
            DataError: the file lacks a column or has no rows. (A single faulty row raises when it is reached.)
        """
        self._check_split(split)
        code = self.resolve_language(language)
        if limit is not None and limit < 1:
            raise ConfigError(f"A limit of {limit} rows was asked of task '{self.name}'; expected 1 or more, or none.")
        rows = Rows(self, split, code, self.source.open(self, split, code, data_root))
        return rows if limit is None else rows[:limit]

    def _check_split(self, split: str) -> None:
        if split in self.source.splits:
            return
        if split not in SPLITS:
            raise ConfigError(f"No split '{split}'; expected one of {', '.join(SPLITS)}.")
        lender = f"; its {split} rows are those of '{self.trains_on}'" if self.trains_on else ""
        raise ConfigError(f"Task '{self.name}' has no split '{split}' (it has {', '.join(self.splits)}){lender}.")

    def _listed(self) -> str:
        return ", ".join(self.languages)
