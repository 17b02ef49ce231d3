"""Rows in several languages, each answered with the adapter of its language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from toolkit.results.answers import Answer, Answers
from toolkit.tasks.own.convert import Asked


def each_language(asked: Sequence[Asked], answer: Callable[[Sequence[Asked]], Answers]) -> Answers:
    """Return the answers to rows, in their order, from one pass for each language.

    Args:
        asked: rows in several languages.
        answer: answers rows in one.
    """
    answers: dict[int, Answer] = {}
    found: list[Answers] = []
    for language in dict.fromkeys(each.language for each in asked):
        places = [place for place, each in enumerate(asked) if each.language == language]
        found.append(answer([asked[place] for place in places]))
        answers |= zip(places, found[-1].answers, strict=True)
    return Answers(
        answers=tuple(answers[place] for place in range(len(asked))),
        n_truncated=sum(each.n_truncated for each in found),
        n_windowed=sum(each.n_windowed for each in found),
        text=f"{len(asked)} rows.",
    )
