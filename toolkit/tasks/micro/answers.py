"""Questions without a context, and a pool of statements in every language of which some answer them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random

from toolkit.tasks.micro import scenes
from toolkit.tasks.micro.grammar import Fact, fact, realise
from toolkit.tasks.pool import Pool
from toolkit.tasks.rows import CandidateRow

SHARE = 2  # a pool holds at most so many statements a question


def questions_of(statement: Fact) -> tuple[Fact, ...]:
    """Return every question that a statement answers."""
    return tuple(
        fact(name, **{slot: statement[slot] for slot in slots})
        for name, (slots, _, frames) in scenes.QUESTIONS.items()
        if statement.frame in frames
    )


def key_of(question: Fact) -> str:
    """Return what a question asks for, in no language.

    Example:
        >>> key_of(fact("q_where", x="anna"))
        'q_where/anna'
    """
    return "/".join([question.frame, *(key for _, key in question.slots)])


@cache
def asked(split: str, seed: int) -> tuple[tuple[Fact, Fact], ...]:
    """Return questions with a statement that answers each: in `train` one of every statement, else each question once."""
    found: list[tuple[Fact, Fact]] = []
    seen: set[Fact] = set()
    for number, statement in enumerate(scenes.statements(split, seed)):
        known = questions_of(statement)
        if not known:
            continue
        question = Random(f"micro-world/{seed}/answers/{split}/{number}").choice(known)
        if split == "train" or question not in seen:
            seen.add(question)
            found.append((question, statement))
    return tuple(found)


def answers_pool(languages: Sequence[str], split: str, *, size: int, seed: int) -> Pool:
    """Return the statements that answer the first `size` questions of a split, and others, in each of the languages.

    A statement answers a question wherever it says what is asked, not only where the question was made from it.
    """
    wanted = dict.fromkeys(question for question, _ in asked(split, seed)[:size])
    made_from = dict.fromkeys(statement for _, statement in asked(split, seed)[:size])
    others = [statement for statement in scenes.statements(split, seed) if statement not in made_from]
    statements = [*made_from, *others[: SHARE * size - len(made_from)]]
    return Pool(
        [
            CandidateRow(
                f"{language}_{number}",
                language,
                realise(language, statement).text,
                tuple(key_of(question) for question in questions_of(statement) if question in wanted),
            )
            for language in languages
            for number, statement in enumerate(statements)
        ],
        f"generated: micro-world, {split}",
    )
