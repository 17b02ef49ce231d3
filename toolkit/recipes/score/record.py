"""Scores of an evaluation, kept in the zoo next to the entry that reached them."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.composition import parse
from toolkit.errors import ToolkitError
from toolkit.metrics import MAIN
from toolkit.recipes.session.session import Session
from toolkit.results.score import Score
from toolkit.tasks import Task
from toolkit.zoo import AdapterCard
from toolkit.zoo.record import add_scores
from toolkit.zoo.scored import Kept


def record_scores(
    scores: Sequence[Score],
    expression: str,
    target: Task,
    cards: Sequence[AdapterCard],
    session: Session,
    *,
    journey: str,
) -> None:
    """Keep scores next to the entry that an expression names; one that is wired of several for the moment has none.

    A zoo that cannot be written, such as a shared one, is said and stops nothing: the scores are in the run's folder too.

    Args:
        scores: of one composition on one task.
        expression: the composition.
        target: the task.
        cards: of every entry of the composition.
        session: whose zoo it is.
        journey: `eval` or `retrieve`.
    """
    name = scores[0].composition  # spelt out, where the expression is a short name
    card = next((card for card in cards if card.name == name), None)
    if card is None or parse(expression).is_parallel:  # of a `par` a score has the name of a head alone
        return
    main, pivot = MAIN[target.metric], target.train_language
    if all(score.metric != main for score in scores):  # some protocols of retrieval have measures of their own
        main = scores[0].metric
    kept = [
        Kept(card.digest, score, score.metric == main, pivot, journey) for score in scores if score.composition == name
    ]
    try:
        add_scores(session.zoo, card, kept)
    except ToolkitError as error:
        session.say(f"The scores are not kept in the zoo: {error}")
