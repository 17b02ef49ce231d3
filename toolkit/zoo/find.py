"""Search of a zoo: adapters by task, language and score, and their history."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from toolkit.errors import ZooError
from toolkit.languages import get_language
from toolkit.registry import did_you_mean
from toolkit.results.score import printed
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.record import with_scores
from toolkit.zoo.store import Zoo
from toolkit.zoo.zero_shot import evaluated, worth, zero_shot_means

Sort = Literal["name", "score", "size", "created"]
SORTS: tuple[Sort, ...] = get_args(Sort)
_BETTER = re.compile(r"(?:(?P<task>[a-z][a-z0-9_-]*)=)?(?P<percent>\d+(?:\.\d+)?) ?%?")


def known_language(language: str, cards: Iterable[AdapterCard]) -> str:
    """Return a language as cards name it: its code there, or the one that another code stands for.

    Raises:
        ZooError: no card has it, and it is not a code.

    Example:
        >>> known_language("deu", []), known_language("swa.en", [])
        ('de', 'sw.en')
    """
    if any(language in card.languages for card in cards):
        return language
    return ".".join(get_language(code, error=ZooError).code for code in language.split("."))


def nearest_task(task: str, cards: Iterable[AdapterCard]) -> str:
    """Return a question for the nearest task that any card has, or nothing."""
    known = sorted({name for card in cards for name in _tasks_of(card)})
    return "" if task in known else did_you_mean(task, known)


def choose(
    cards: Iterable[AdapterCard],
    *,
    task: str | None = None,
    language: str | None = None,
    better_than: str | None = None,
    sort: Sort = "name",
) -> list[AdapterCard]:
    """Return the cards that fit, in the order asked for.

    Args:
        cards: to choose from, with the scores that were reached since (`record.with_scores`) where these count.
        task: only those that learnt it, in any language, or were scored on it.
        language: only those trained on, or scored in, that language.
        better_than: `60` or `xnli=60`: only those above so many per cent, on that task or on `task`, in `language` or in the
            zero-shot mean (`zero_shot.worth`).
        sort: `name`, or best first by `score`, largest first by `size`, newest first by `created`.

    Raises:
        ZooError: `better_than` is not such a text.

    Example:
        >>> from toolkit.zoo import AdapterCard, Backbone, CardScore
        >>> on = Backbone("tiny", "ab" * 32, 8, 2)
        >>> low, high = (AdapterCard(name, on, "seq_bn", scores=(CardScore("mnli", "en", "accuracy", value),))
        ...              for name, value in (("a", 0.5), ("b", 0.7)))
        >>> [card.name for card in choose([low, high], better_than="60")]
        ['b']
    """
    bound: tuple[str | None, float] | None = None
    if better_than is not None:
        found = _BETTER.fullmatch(better_than)
        if not found:
            raise ZooError(f"'{better_than}' is not a bound; expected per cent, as in `--better-than 60` or `xnli=60`.")
        bound = (found["task"], float(found["percent"]) / 100)
    of_task = (bound[0] if bound else None) or task
    fitting = []
    for card in cards:
        if task is not None and task not in _tasks_of(card):
            continue
        if language is not None and language not in card.languages:
            continue
        if bound is not None and not worth(card, task=of_task, language=language) > bound[1]:
            continue
        fitting.append(card)
    if sort == "score":
        return sorted(fitting, key=lambda card: (-worth(card, task=of_task, language=language), card.name))
    if sort == "size":
        return sorted(fitting, key=lambda card: (-size(card), card.name))
    if sort == "created":
        return sorted(fitting, key=lambda card: card.created, reverse=True)
    return fitting


def _tasks_of(card: AdapterCard) -> set[str]:
    """Return the tasks that an entry learnt, with and without their language, and those that it was scored on."""
    learnt = {name.split(".")[0] for name in card.tasks} | set(card.tasks)
    return learnt | {score.task for score in evaluated(card)}


def size(card: AdapterCard) -> int:
    """Return the bytes of all weights of an entry."""
    return sum(held.bytes for held in card.files.values())


def history(zoo: Zoo, card: AdapterCard) -> list[str]:
    """Return how an entry came to be, a line each, what it was trained on below it and further in."""
    shelf = zoo.folder(card).parent.name
    lines: list[str] = []
    waiting: list[tuple[str, str | None, int]] = [(card.name, None, 0)]
    listed: set[str] = set()
    while waiting:
        name, digest, depth = waiting.pop()
        indent = "  " * depth
        if not zoo.holds(name, shelf):
            lines.append(f"{indent}{name}  {(digest or '')[:12]}  not in this zoo")
            continue
        one = zoo.get(name, shelf)
        changed = (
            f"  (trained on {digest[:12]}, which this zoo holds no more)" if digest and digest != one.digest else ""
        )
        if name in listed:
            lines.append(f"{indent}{name}  {one.digest[:12]}  as above{changed}")
            continue
        listed.add(name)
        variant = f"  (trained as {one.trained_as})" if one.trained_as != name else ""
        lines.append(f"{indent}{name}  {one.digest[:12]}  {one.created}  {one.seconds:.0f} s{variant}{changed}")
        for seen in one.data_seen:
            if seen.is_external:
                lines.append(f"{indent}  made elsewhere; which rows it saw is not known")
                continue
            rows = f"{'?' if seen.rows is None else seen.rows} rows, fingerprint {seen.fingerprint or '?'}"
            rows += ", machine-translated" if seen.is_translated else ""
            lines.append(f"{indent}  learnt {seen.task} {seen.language or ''} {seen.split or ''}: {rows}")
        for score in one.scores:
            lines.append(
                f"{indent}  scored {score.task} {score.metric} {score.language} {printed(score.metric, score.value):.1f}"
            )
        for found in zero_shot_means(with_scores(zoo, one)):
            lines.append(f"{indent}  evaluated {found.in_words()}")
        waiting += [(parent.name, parent.digest, depth + 1) for parent in reversed(one.parents)]
    return lines
