"""Scores of an evaluation, kept in the zoo next to the entry that reached them."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.composition import parse
from toolkit.composition.exchange import in_language
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
    if parse(expression).is_parallel:  # of a `par` a score has the name of a head alone
        return
    main, pivot = MAIN[target.metric], target.train_language
    if all(score.metric != main for score in scores):  # some protocols of retrieval have measures of their own
        main = scores[0].metric
    by_card: dict[str, tuple[AdapterCard, list[Kept]]] = {}
    for score in scores:
        card = _entry_of(score, cards)
        if card is not None:
            kept = Kept(card.digest, score, score.metric == main, pivot, journey)
            by_card.setdefault(card.name, (card, []))[1].append(kept)
    for card, found in by_card.values():
        try:
            add_scores(session.zoo, card, found)
        except ToolkitError as error:
            session.say(f"The scores are not kept in the zoo: {error}")
            return


def _entry_of(score: Score, cards: Sequence[AdapterCard]) -> AdapterCard | None:
    """Return the card of the entry that reached a score; of what follows the language of its rows, as it was trained.

    The scores of `text.*` alone are kept with `text.sw` and so on, which reached them.
    """
    asked = parse(score.composition)  # spelt out, where the expression is a short name
    names = {card.name: card for card in cards}
    if not asked.follows_rows:
        return names.get(score.composition)
    entries = [name for name in score.language_adapter.split(", ") if name in names]
    # The adapter that was taken, which may be the whole of it, and then the other entries, the last one first.
    for name in (*entries, *reversed(names)):
        spoken = {leaf.language for leaf in parse(name).leaves() if leaf.language}
        if any(str(in_language(asked, language)) == name for language in spoken):
            return names[name]
    return None
