"""Search of an attack on one row: the order of its words, and the candidates tried for each."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np

from toolkit.perturb.attacked import Answer, Attacked, AttackSettings, Labelled
from toolkit.perturb.characters import Place
from toolkit.perturb.lexicon import Lexicon
from toolkit.perturb.perturbation import PERTURBATIONS
from toolkit.perturb.text import words
from toolkit.perturb.words import find, switch

# What a typist or a careless encoder does; each is tried in each word where it is defined.
_CHARACTER_EDITS = ("swap", "delete", "insert", "keyboard", "homoglyph")


@dataclass(slots=True)
class State:
    """A row under attack: its texts cut into words and gaps."""

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
        """Field and place of every word."""
        return [(name, i) for name, parts in self.fields.items() for i in range(1, len(parts), 2)]

    def written(self, at: tuple[str, int] | None = None, word: str = "") -> Labelled:
        """Return the row with one word replaced (an empty word takes the space before it along)."""
        texts: dict[str, Any] = {}
        for name, parts in self.fields.items():
            if at is not None and at[0] == name:
                parts = [*parts[: at[1]], word, *parts[at[1] + 1 :]]
                if not word:
                    parts[at[1] - 1] = parts[at[1] - 1].removesuffix(" ")
            texts[name] = "".join(parts)
        written: Labelled = replace(self.row, **texts)
        return written

    def result(self) -> Attacked:
        """Return what the attack did to the row."""
        return Attacked(
            row=self.written(),
            is_right=self.is_right,
            is_turned=self.is_turned,
            before=self.before,
            after=self.now,
            n_queries=self.n_queries,
            n_words=len(self.words),
            n_changed=len(self.changed),
        )


def rank(states: list[State], answer: Answer, settings: AttackSettings) -> None:
    """Order each row's words by how far the gold label's probability falls without them."""
    asked: list[Labelled] = []
    spans: list[tuple[State, list[tuple[str, int]]]] = []
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


def search(state: State, settings: AttackSettings) -> Generator[list[Labelled], np.ndarray, None]:
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


def _candidates(state: State, at: tuple[str, int], settings: AttackSettings) -> list[str]:
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


def cut(text: str, lexicons: Sequence[Lexicon]) -> list[str]:
    parts, at = [], 0
    for word in find(text, lexicons) if lexicons else words(text):
        parts += [text[at : word.start], text[word.start : word.end]]
        at = word.end
    return [*parts, text[at:]]
