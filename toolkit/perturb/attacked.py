"""Settings of an attack, the rows it leaves, and the field's measures of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.perturb.fields import FIELDS
from toolkit.perturb.lexicon import Lexicon
from toolkit.registry import unknown
from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import ChoiceRow, PairRow

AttackName = Literal["characters", "code-switch"]
ATTACKS: tuple[AttackName, ...] = get_args(AttackName)

Labelled: TypeAlias = PairRow | ChoiceRow
Answer: TypeAlias = Callable[[Sequence[Labelled]], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class AttackSettings:
    """How an attack searches.

    Attributes:
        name: `characters` or `code-switch`.
        budget: how often the model may be asked about one row, the first answer included.
        max_changed: the share of a row's words that may be changed, in [0, 1]; at least one word may, unless it is 0.
        n_candidates: candidates tried for one word.
        seed: any integer.
        lexicons: what `code-switch` takes its words from, all from the rows' language.
        fields: the row's text fields that are attacked; none: those of the kind.
    """

    name: AttackName
    budget: int = 200
    max_changed: float = 0.3
    n_candidates: int = 8
    seed: int = 0
    lexicons: tuple[Lexicon, ...] = ()
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in ATTACKS:
            raise unknown("attack", self.name, ATTACKS)
        if self.budget < 2:
            raise ToolkitError(f"A query budget of {self.budget} leaves none to attack with; expected at least 2.")
        if not 0.0 <= self.max_changed <= 1.0:
            raise ToolkitError(f"The share of words that may be changed is {self.max_changed}; expected it in [0, 1].")


@dataclass(frozen=True, slots=True)
class Attacked:
    """What an attack did to one row.

    Attributes:
        row: the row as it is at the end.
        is_right: whether it was answered rightly before; what was not is not attacked.
        is_turned: whether its answer is wrong now.
        before: probability of the gold label before the attack, in [0, 1].
        after: and at the end.
        n_queries: how often the model was asked.
        n_words: words in its attacked fields.
        n_changed: how many of them differ at the end.
    """

    row: Labelled
    is_right: bool
    is_turned: bool
    before: float
    after: float
    n_queries: int
    n_words: int
    n_changed: int


def attack_measures(attacked: Sequence[Attacked], originals: Sequence[Labelled], kind: Kind) -> dict[str, float]:
    """Return the field's measures of an attack.

    Returns:
        `clean_accuracy`, `robust_accuracy` (right before and still), `attack_success_rate` (turned, of those right before),
        `performance_drop_rate` (1 - robust / clean), all in [0, 1]; of the rows that were attacked: `queries` (mean),
        `changed_words` (mean share) and `chrf` (of the attacked fields to the originals, in [0, 1], Popović 2015 as sacrebleu
        computes it). What divides by no rows is left out.
    """
    n = len(attacked)
    right = [each for each in attacked if each.is_right]
    turned = sum(each.is_turned for each in right)
    found: dict[str, float] = {}
    if not n:
        return found
    found["clean_accuracy"] = len(right) / n
    found["robust_accuracy"] = (len(right) - turned) / n
    if right:
        found["attack_success_rate"] = turned / len(right)
        found["performance_drop_rate"] = 1 - found["robust_accuracy"] / found["clean_accuracy"]
        found["queries"] = sum(each.n_queries for each in right) / len(right)
        found["changed_words"] = sum(each.n_changed / max(each.n_words, 1) for each in right) / len(right)
        pairs = [(each, row) for each, row in zip(attacked, originals, strict=True) if each.is_right]
        found["chrf"] = _chrf([(_text(each.row, kind), _text(row, kind)) for each, row in pairs])
    return found


def _text(row: Labelled, kind: Kind) -> str:
    return " ".join(text for name in FIELDS[kind] if (text := getattr(row, name)) is not None)


def _chrf(pairs: Sequence[tuple[str, str]]) -> float:
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    scores: list[float] = [metric.sentence_score(hypothesis, [reference]).score for hypothesis, reference in pairs]
    return sum(scores) / len(scores) / 100
