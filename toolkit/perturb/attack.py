"""Attacks that search: which words matter, and what to write in their place so that the answer turns.

For a row that is answered rightly: the words are ranked by how far the probability of the gold label falls when each is
left out; in that order each word is replaced by the candidate that hurts most, until the answer turns, the query budget is
spent, or as many words are changed as may be. All rows are attacked side by side, so that the model is asked in large batches.

Source: the greedy word-importance search of Jin et al. 2020, TextFooler (arXiv 1907.11932); candidates by translation: Tan & Joty
2021 (arXiv 2103.09593); by characters: Pruthi et al. 2019 (arXiv 1905.11268).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeAlias, cast

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.perturb.characters import Place
from toolkit.perturb.lexicon import Lexicon
from toolkit.perturb.perturbation import PERTURBATIONS
from toolkit.perturb.text import words
from toolkit.perturb.words import find, switch
from toolkit.registry import unknown
from toolkit.tasks.rows import ChoiceRow, PairRow

ATTACKS = ("characters", "code-switch")
# What a typist or a careless encoder does; each is tried in each word where it is defined.
_CHARACTER_EDITS = ("swap", "delete", "insert", "keyboard", "homoglyph")
FIELDS = {"pair": ("first", "second"), "choice": ("context", "question")}

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

    name: str
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


@dataclass(slots=True)
class _State:
    """A row under attack: its texts cut into words and what stands between."""

    row: Labelled
    language: str
    fields: dict[str, list[str]]  # field -> gap, word, gap, word, ..., gap
    order: list[tuple[str, int]] = field(default_factory=list)  # words, the most important first
    before: float = 0.0
    now: float = 0.0
    n_queries: int = 1
    is_right: bool = False
    is_turned: bool = False
    changed: set[tuple[str, int]] = field(default_factory=set)

    @property
    def words(self) -> list[tuple[str, int]]:
        return [(name, i) for name, parts in self.fields.items() for i in range(1, len(parts), 2)]

    def written(self, at: tuple[str, int] | None = None, word: str = "") -> Labelled:
        """The row with one word replaced (an empty word takes the space before it along)."""
        texts = {}
        for name, parts in self.fields.items():
            if at is not None and at[0] == name:
                parts = [*parts[: at[1]], word, *parts[at[1] + 1 :]]
                if not word:
                    parts[at[1] - 1] = parts[at[1] - 1].removesuffix(" ")
            texts[name] = "".join(parts)
        return cast(Labelled, replace(self.row, **texts))  # type: ignore[arg-type]  # the fields are the row's own


def attack(
    rows: Sequence[Labelled],
    answer: Answer,
    *,
    kind: str,
    language: str,
    settings: AttackSettings,
    on_round: Callable[[int, int], None] = lambda done, total: None,
) -> list[Attacked]:
    """Attack every row that is answered rightly.

    Args:
        rows: rows of a pair or choice task.
        answer: the model: rows in, probabilities [N, C] out.
        kind: `pair` or `choice`.
        language: ISO 639-1 code of the rows.
        settings: how to search.
        on_round: called with rows finished and rows in all.

    Raises:
        ToolkitError: a kind without labels, or lexicons from another language.
    """
    if kind not in FIELDS:
        raise ToolkitError(f"An attack turns a label; {kind} rows have none; attack a pair or choice task.")
    if settings.name == "code-switch" and not settings.lexicons:
        raise ToolkitError(
            f"The attack 'code-switch' needs a lexicon from {language}; name a folder of them with --lexicons."
        )
    foreign = [lexicon for lexicon in settings.lexicons if lexicon.source != language]
    if foreign:
        raise ToolkitError(
            f"The lexicon {foreign[0].origin} translates from {foreign[0].source}; the rows are in {language}."
        )
    names = settings.fields or FIELDS[kind]
    held = settings.lexicons if settings.name == "code-switch" else ()
    states = [_State(row, language, {name: _cut(getattr(row, name), held) for name in names}) for row in rows]
    if not states:
        return []
    for state, p in zip(states, answer(rows), strict=True):
        state.before = state.now = float(p[state.row.label])
        state.is_right = int(np.argmax(p)) == state.row.label
    active = [state for state in states if state.is_right and settings.max_changed > 0]
    _rank(active, answer, settings)
    searches = {id(state): _search(state, settings) for state in active}
    waiting = {id(state): next(searches[id(state)], None) for state in active}
    while active:
        active = [state for state in active if waiting[id(state)]]
        asked = [row for state in active for row in waiting[id(state)] or ()]
        if not asked:
            break
        found, at = answer(asked), 0
        for state in active:
            n = len(waiting[id(state)] or ())
            try:
                waiting[id(state)] = searches[id(state)].send(found[at : at + n])
            except StopIteration:
                waiting[id(state)] = None
            at += n
        on_round(len(states) - sum(bool(each) for each in waiting.values()), len(states))
    return [_result(state) for state in states]


def _rank(states: list[_State], answer: Answer, settings: AttackSettings) -> None:
    """Order each row's words by how far the gold label's probability falls without them."""
    asked: list[Labelled] = []
    spans: list[tuple[_State, list[tuple[str, int]]]] = []
    for state in states:
        # Half the budget at most goes into looking; the words beyond are never tried.
        looked = state.words[: max(1, (settings.budget - 1) // 2)]
        spans.append((state, looked))
        asked += [state.written(at) for at in looked]
        state.n_queries += len(looked)
    if not asked:
        return
    found, begin = answer(asked), 0
    for state, looked in spans:
        fall = state.before - found[begin : begin + len(looked), state.row.label]
        state.order = [looked[i] for i in np.argsort(-fall, kind="stable")]
        begin += len(looked)


def _search(state: _State, settings: AttackSettings) -> Generator[list[Labelled], np.ndarray, None]:
    """Yield the rows to be asked about for one word after another; is sent their probabilities [N, C]."""
    may_change = max(1, math.floor(settings.max_changed * len(state.words)))
    for at in state.order:
        left = settings.budget - state.n_queries
        if left <= 0 or len(state.changed) >= may_change:
            return
        options = _candidates(state, at, settings)[:left]
        if not options:
            continue
        found = yield [state.written(at, word) for word in options]
        state.n_queries += len(options)
        gold = np.asarray(found)[:, state.row.label]
        turned = np.asarray(found).argmax(1) != state.row.label
        # Of those that turn the answer the one nearest to the boundary is as good as any; the first keeps it reproducible.
        best = int(np.flatnonzero(turned)[0]) if turned.any() else int(gold.argmin())
        if turned.any() or gold[best] < state.now:
            state.fields[at[0]][at[1]] = options[best]
            state.changed.add(at)
            state.now = float(gold[best])
        if turned.any():
            state.is_turned = True
            return


def _candidates(state: _State, at: tuple[str, int], settings: AttackSettings) -> list[str]:
    """Return what a word may become: distinct, never itself, in an order the seed fixes."""
    name, position = at
    parts = state.fields[name]
    word = parts[position]
    digest = hashlib.blake2b(f"{settings.seed}\0{state.row.id}\0{name}\0{position}".encode(), digest_size=8).digest()
    rng = Random(int.from_bytes(digest))
    found: dict[str, None] = {}
    if settings.name == "code-switch":
        for lexicon in settings.lexicons:
            said = [each for each in (switch(word, [lexicon], rng) for _ in range(4)) if each]
            found |= dict.fromkeys(said)
        options = list(found)
        rng.shuffle(options)
        return options[: settings.n_candidates]
    letters = "".join(c for part in parts for c in part if c.isalpha())
    place = Place("", state.language, letters, can_move_spaces=False)
    edits = [
        PERTURBATIONS[edit].edit
        for edit in _CHARACTER_EDITS
        if PERTURBATIONS[edit].why_not("pair", state.language) is None
    ]
    for _ in range(3):  # words of few letters give the same edit again
        for edit in edits:
            edited = edit(word, place, rng) if edit else None
            if edited and edited[0] != word and len(found) < settings.n_candidates:
                found[edited[0]] = None
    return list(found)


def _cut(text: str, lexicons: Sequence[Lexicon]) -> list[str]:
    parts, at = [], 0
    for word in find(text, lexicons) if lexicons else words(text):
        parts += [text[at : word.start], text[word.start : word.end]]
        at = word.end
    return [*parts, text[at:]]


def _result(state: _State) -> Attacked:
    return Attacked(
        row=state.written(),
        is_right=state.is_right,
        is_turned=state.is_turned,
        before=state.before,
        after=state.now,
        n_queries=state.n_queries,
        n_words=len(state.words),
        n_changed=len(state.changed),
    )


def attack_measures(attacked: Sequence[Attacked], originals: Sequence[Labelled], kind: str) -> dict[str, float]:
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


def _text(row: Labelled, kind: str) -> str:
    return " ".join(getattr(row, name) for name in FIELDS[kind])


def _chrf(pairs: Sequence[tuple[str, str]]) -> float:
    from sacrebleu.metrics import CHRF

    metric = CHRF()
    return (
        sum(metric.sentence_score(hypothesis, [reference]).score for hypothesis, reference in pairs) / len(pairs) / 100
    )
