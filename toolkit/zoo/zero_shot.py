"""Zero-shot mean of an entry on a task, over the languages that it was evaluated in, and what entries are sorted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.results.summary import summary
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.values import CardScore

Rank = tuple[bool, bool, bool, int, int, str]


@dataclass(frozen=True)
class ZeroShot:
    """What an entry reached on a task by its main measure, in every language scored under one protocol.

    Attributes:
        task, metric, split, protocol: of all of its scores.
        pivot: language that the task is trained in.
        by_language: language -> fraction.
        rows: that were scored, in all.
        is_generated: whether they come from the built-in generator.
        asked: the composition with `*` that took other language adapters, `text.*/mnli`; empty for the entry as it is.
    """

    task: str
    metric: str
    split: str
    protocol: str
    pivot: str
    by_language: Mapping[str, float]
    rows: int
    is_generated: bool = False
    asked: str = ""

    @property
    def zero_shot(self) -> Mapping[str, float]:
        """The languages that the task is not trained in."""
        return {code: value for code, value in self.by_language.items() if code != self.pivot}

    @property
    def mean(self) -> float:
        """Mean over these languages; where only the training language was scored, its score."""
        found = summary(self.by_language, pivot_language=self.pivot)
        return found.mean if found.zero_shot_mean is None else found.zero_shot_mean

    def in_words(self, language: str | None = None, *, most: int = 15) -> str:
        """Return it in per cent with its languages.

        Args:
            language: that language alone.
            most: how many languages are listed; of more, their number.

        Example:
            >>> ZeroShot("xnli", "accuracy", "test", "", "en", {"en": 0.6, "de": 0.5, "sw": 0.4}, 30).in_words()
            'xnli accuracy 45.0 (de, sw); en 60.0'
        """
        name = f"{self.task} {self.metric}" + (f" as {self.asked}" if self.asked else "")
        words = [word for word in self.protocol.split() if word.startswith(("limit=", "noise="))]
        note = "".join(f", {word}" for word in [*words, *["generated rows"] * self.is_generated])
        if language is not None:
            return f"{name} {100 * self.by_language[language]:.1f} ({language}{note})"
        codes = list(self.zero_shot)
        if not codes:
            return f"{name} {100 * self.mean:.1f} ({self.pivot}{note})"
        listed = ", ".join(codes) if len(codes) <= most else f"{len(codes)} languages"
        pivot = f"; {self.pivot} {100 * self.by_language[self.pivot]:.1f}" if self.pivot in self.by_language else ""
        return f"{name} {100 * self.mean:.1f} ({listed}{note}){pivot}"


def zero_shot_means(card: AdapterCard) -> list[ZeroShot]:
    """Return what an entry reached on each task that it was evaluated on, of the cards that `record.with_scores` gives.

    What the entry reached with other language adapters below it is listed apart. Scores of several protocols have no common mean, so one
    protocol stands for a task: one with zero-shot languages, without noise and
    without a limit, with the most languages, with the most rows, the latest, in this order of importance.
    """
    groups: dict[tuple[str, str, str, str, str], list[CardScore]] = {}
    for score in card.scores:
        if score.more.get("main") is True:
            asked = score.composition or "" if score.language_adapter else ""
            key = (score.task, score.metric, score.split or "", score.protocol or "", asked)
            groups.setdefault(key, []).append(score)
    best: dict[tuple[str, str], tuple[Rank, ZeroShot]] = {}
    for (task, metric, split, protocol, asked), scores in groups.items():
        chosen = _by_language(scores)
        rows = sum(one.n or 0 for one in chosen.values())
        latest = max(str(one.more.get("at", "")) for one in chosen.values())
        last = scores[-1]
        pivot = str(last.more.get("pivot", ""))
        values = {code: one.value for code, one in chosen.items()}
        found = ZeroShot(task, metric, split, protocol, pivot, values, rows, bool(last.is_generated), asked)
        is_whole = "noise=" not in protocol, "limit=" not in protocol
        rank = (bool(found.zero_shot), *is_whole, len(chosen), rows, latest)
        if (task, asked) not in best or rank >= best[task, asked][0]:
            best[task, asked] = (rank, found)
    return [found for _, found in best.values()]


def _by_language(scores: Sequence[CardScore]) -> dict[str, CardScore]:
    """Return one score for each language: that of the most rows, of several the latest."""
    chosen: dict[str, CardScore] = {}
    for score in scores:
        held = chosen.get(score.language)
        if held is None or (score.n or 0) >= (held.n or 0):
            chosen[score.language] = score
    return chosen


def worth(card: AdapterCard, *, task: str | None = None, language: str | None = None) -> float:
    """Return what an entry is sorted and chosen by: a fraction; -1 for none.

    On a task that it was evaluated on it is the zero-shot mean, or the score in the language that is named; otherwise the
    scores of its card count.

    Args:
        card: from `record.with_scores`.
        task: on that task alone.
        language: in that language alone.
    """
    found = [one for one in zero_shot_means(card) if task in (None, one.task)]
    values = [
        one.mean if language is None else one.by_language[language]
        for one in found
        if language is None or language in one.by_language
    ]
    evaluated = {one.task for one in found}
    for score in card.scores:
        is_own = "main" not in score.more and score.task not in evaluated
        if is_own and task in (None, score.task) and language in (None, score.language):
            values.append(float(score.value))
    return max(values, default=-1.0)


def evaluated(card: AdapterCard) -> Sequence[CardScore]:
    """Return the scores that were reached after training, without those of the card itself."""
    return [score for score in card.scores if "main" in score.more]


def own_scores(card: AdapterCard) -> Sequence[CardScore]:
    """Return the scores of the card itself, on dev rows."""
    return [score for score in card.scores if "main" not in score.more]
