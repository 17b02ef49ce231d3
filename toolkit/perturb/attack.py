"""Attacks that search: the words that matter, and replacements of them that turn the answer.

For a row that is answered rightly: the words are ranked by how far the probability of the gold label falls when each is
left out; in that order each word is replaced by the candidate that hurts most, until the answer turns, the query budget is
spent, or as many words are changed as may be. All rows are attacked in step, so that the model is asked in large batches.

Source: the greedy word-importance search of Jin et al. 2020, TextFooler (arXiv 1907.11932); candidates by translation: Tan & Joty
2021 (arXiv 2103.09593); by characters: Pruthi et al. 2019 (arXiv 1905.11268).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.perturb.attacked import Answer, Attacked, AttackSettings, Labelled
from toolkit.perturb.fields import ATTACKED, FIELDS
from toolkit.perturb.search import State, cut, rank, search
from toolkit.tasks.kinds import Kind


def attack(
    rows: Sequence[Labelled],
    answer: Answer,
    *,
    kind: Kind,
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
    if kind not in ATTACKED:
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
    states = [
        State(row, language, {name: cut(text, held) for name in names if (text := getattr(row, name)) is not None})
        for row in rows
    ]
    if not states:
        return []
    for state, p in zip(states, answer(rows), strict=True):
        state.before = state.now = float(p[state.row.label])
        state.is_right = int(np.argmax(p)) == state.row.label
    active = [state for state in states if state.is_right and settings.max_changed > 0]
    rank(active, answer, settings)
    searches = {id(state): search(state, settings) for state in active}
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
    return [state.result() for state in states]
