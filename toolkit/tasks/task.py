"""A task: a value that says what is learnt or measured, and where its rows come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from toolkit.errors import ConfigError
from toolkit.languages import find_language, get_language
from toolkit.tasks.pool import Pool, Pooled, passages_of
from toolkit.tasks.rows import KINDS, Rows
from toolkit.tasks.sources.hub import Source

# The metrics that can score a kind; the first is what a task of the kind takes unless it says otherwise.
METRICS: dict[str, tuple[str, ...]] = {
    "pair": ("accuracy", "accuracy-f1"),
    "choice": ("accuracy",),
    "span": ("squad", "squad2", "mlqa"),
    "tags": ("seqeval", "accuracy"),
    "bitext": ("accuracy",),
    "mining": ("f1",),
    "retrieval": ("map_at_20",),
}
RETRIEVED = ("bitext", "mining", "retrieval")  # kinds that `retrieve` scores; `eval` scores the others
SPLITS = ("train", "dev", "test", "score")
LEVELS = ("syntactic", "semantic")  # what a task asks for: the groups between which transfer is compared


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is learnt or measured, and where its rows come from.

    Attributes:
        name: the name in compositions and on the command line.
        kind: `pair`, `choice`, `span`, `tags`, `bitext`, `mining` or `retrieval`.
        languages: ISO 639-1 codes of all languages the published dataset has.
        metric: what scores it, one of `METRICS[kind]`: `accuracy`; `accuracy-f1` (GLUE QQP); `squad`, `squad2` (with
            unanswerable questions) or `mlqa` (normalised by language); `seqeval` (span F1); `f1` (of mined pairs); `map_at_20`
            (of candidates retrieved).
        level: what it asks for, `syntactic` (parts of speech, categories, well-formedness) or `semantic` (what is meant).
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
        may_have_other_tags: whether a tag outside `labels` may occur; it is never learnt and always counts as wrong.
        crosses_languages: whether the question may be in another language than the context. Such a pair is named
            `context.question`, for example `de.en`; `de` alone has both in German.
        query_tokens, passage_tokens: retrieval: at most so many tokens of a query and of a candidate, special ones included,
            as the benchmark has it; None: `retrieve.max_length` alone decides.
    """

    name: str
    kind: str
    languages: tuple[str, ...]
    metric: str
    source: Source = field(repr=False, hash=False)  # holds mappings, which have no hash
    description: str
    level: str = "semantic"
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
    may_have_other_tags: bool = False
    crosses_languages: bool = False
    query_tokens: int | None = None
    passage_tokens: int | None = None

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

    @property
    def pairs(self) -> tuple[str, ...]:
        """Every context/question pair of a task that crosses languages, else its languages.

        Example:
            >>> from toolkit.tasks import get_task
            >>> len(get_task("mlqa").pairs), get_task("mlqa").pairs[:3]
            (49, ('en', 'en.de', 'en.es'))
        """
        if not self.crosses_languages:
            return self.languages
        return tuple(a if a == b else f"{a}.{b}" for a in self.languages for b in self.languages)

    def resolve_language(self, language: str | None) -> str:
        """Return the ISO 639-1 code for a code of either kind; None stands for the training language.

        Where the task crosses languages, `de.en` (context, question) is a code too, and `de.de` is `de`.

        Raises:
            ConfigError: the task does not have this language, or has no training language and none was named.
        """
        if language is None:
            if self.train_language in self.languages:
                return self.train_language
            raise ConfigError(f"Task '{self.name}' needs a language: one of {self._listed()}.")
        if self.crosses_languages and "." in language:
            context, question = (self.resolve_language(each) for each in language.split(".", 1))
            return context if context == question else f"{context}.{question}"
        code = find_language(language).code
        if code not in self.languages:
            raise ConfigError(f"Task '{self.name}' has no language '{language}'; it has {self._listed()}.")
        return code

    def reachable(
        self, split: str = "score", *, data_root: Path | None = None, has_pairs: bool = False
    ) -> tuple[str, ...]:
        """Return the languages whose rows can be had: where a mirror holds this dataset, those it holds; else all.

        Args:
            split: `train`, `dev`, `test` or `score`.
            data_root: the mirror; None: the folder `XSTILTS_DATA` names, if any.
            has_pairs: of a task that crosses languages all pairs, not only those of one language.
        """
        self._check_split(split)
        return self.source.reachable(self.pairs if has_pairs else self.languages, split, data_root)

    def rows(
        self, split: str, language: str | None = None, *, data_root: Path | None = None, limit: int | None = None
    ) -> Rows:
        """Return the rows of a split in a language; nothing is converted before it is asked for.

        Args:
            split: `train`, `dev`, `test`, or `score`: the split scores are reported on, which the task's source
                names (`Rows.split` says which one it was).
            language: ISO 639-1 or 639-3 code, or a pair of them (`resolve_language`); None: the training language.
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

    def pool(self, split: str = "score", *, data_root: Path | None = None) -> Pool:
        """Return all candidates that the queries of a split are asked to find, of every language that can be had.

        A source that keeps no pool of its own has the distinct passages of its rows.

        Raises:
            ConfigError: no such split, or a task of another kind.
            SourceError: neither mirror nor hub has them.
            DataError: what is there is no pool.
        """
        self._check_split(split)
        if self.kind != "retrieval":
            raise ConfigError(
                f"Task '{self.name}' is of the kind '{self.kind}'; only one of the kind 'retrieval' has a pool."
            )
        if isinstance(self.source, Pooled):
            return self.source.pool(self, split, data_root)
        languages = self.source.reachable(self.languages, split, data_root)
        return passages_of([self.rows(split, language, data_root=data_root) for language in languages])

    def _check_split(self, split: str) -> None:
        if split in self.source.splits:
            return
        if split not in SPLITS:
            raise ConfigError(f"No split '{split}'; expected one of {', '.join(SPLITS)}.")
        lender = f"; its {split} rows are those of '{self.trains_on}'" if self.trains_on else ""
        raise ConfigError(f"Task '{self.name}' has no split '{split}' (it has {', '.join(self.splits)}){lender}.")

    def _listed(self) -> str:
        return ", ".join(self.languages)
