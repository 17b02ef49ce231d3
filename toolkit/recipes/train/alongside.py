"""Text of a size, and next to other tasks in one mix: its languages, how often each is drawn, and its share of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeVar

from toolkit.composition import Name
from toolkit.composition.stages import Stage
from toolkit.config import TrainConfig
from toolkit.errors import ConfigError, ToolkitError
from toolkit.recipes.session.session import Session
from toolkit.tasks.draw import places_drawn
from toolkit.tasks.kinds import MASKED
from toolkit.tasks.rows import TextRow
from toolkit.tasks.task import Rows
from toolkit.training import TaskData
from toolkit.training.batches import Planned

ALL: Final = "all"
_MOST_LANGUAGES: Final = 30  # that are taken without being named: a hub has those of the whole Wikipedia


class Sourced(Protocol):
    """Rows of a stage, as far as their share is found."""

    @property
    def member(self) -> Name: ...
    @property
    def is_text(self) -> bool: ...


def refs_of(stage: Stage, session: Session) -> list[tuple[Name, Name]]:
    """Return what a stage reads rows of: each member of its mix, and the rows' own name, in the order of their names.

    A text task that names no language is read in several, if it is one of several members.

    Raises:
        ToolkitError: more languages than are taken without being named, or one that another member names too.
    """
    members = sorted(stage.tasks, key=str)
    if len(members) == 1:
        return [(members[0], members[0])]
    found = [(member, ref) for member in members for ref in _languages(member, session)]
    names = [str(ref) for _, ref in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        member = twice.partition(".")[0]
        raise ToolkitError(
            f"'{stage.entry}' takes the rows of '{twice}' twice, as '{member}' and by its language; leave one of them out."
        )
    return found


def _languages(member: Name, session: Session) -> list[Name]:
    catalogue, asked = session.catalogue, session.config.train.text_languages
    task = catalogue.source_task(catalogue.get(member.name))
    if member.language is not None or task.kind not in MASKED or len(task.languages) == 1:
        return [member]
    if asked is not None and asked != ALL:
        codes = [task.resolve_language(code.strip()) for code in asked.split(",") if code.strip()]
        if not codes:
            raise ConfigError(
                f"train.text_languages is '{asked}', which names no language; expected codes such as en,sw, or {ALL}."
            )
        return [Name(member.name, code) for code in dict.fromkeys(codes)]
    held = task.reachable("train", data_root=session.config.data_root)
    if not held:
        return [member]  # whose rows cannot be had, which is said where they are read
    if asked is None and len(held) > _MOST_LANGUAGES:
        raise ToolkitError(
            f"'{member}' has rows in {len(held)} languages; name those to learn from (`--set train.text_languages=en,sw`), or "
            f"`--set train.text_languages={ALL}`."
        )
    return [Name(member.name, code) for code in held]


_Source = TypeVar("_Source", bound=Sourced)


def counts_of(
    sources: Sequence[_Source], sizes: Sequence[int], train: TrainConfig, by_mixture: Mapping[Name, int | None]
) -> list[int | None]:
    """Return how many rows of each source an epoch takes; None: each once.

    Args:
        sources: of the members of a mix.
        sizes: rows (of texts: sequences) of each source.
        train: settings.
        by_mixture: rows of an epoch of each member without `text_share`; None: each once.

    Raises:
        ToolkitError: a share of text was asked for, and there is no other task.
    """
    of_member = {
        member: sum(n for one, n in zip(sources, sizes, strict=True) if one.member == member) for member in by_mixture
    }
    totals = {member: of_member[member] if count is None else count for member, count in by_mixture.items()}
    is_text = {one.member: one.is_text for one in sources}
    share = train.text_share if any(is_text.values()) else None
    if share is None:
        return [
            by_mixture[one.member] if _is_alone(one, sources) else _part(one, sources, sizes, train, totals[one.member])
            for one in sources
        ]
    others = sum(total for member, total in totals.items() if not is_text[member])
    if not others:
        raise ToolkitError(
            f"train.text_share={share:g} is the share of text next to other tasks, and the mix is text alone; leave it out."
        )
    texts = [one for one in sources if one.is_text]
    total = max(len(texts), round(others * share / (1 - share)))
    kept = [n for one, n in zip(sources, sizes, strict=True) if one.is_text]
    drawn = iter(_drawn(kept, train, total))
    return [next(drawn) if one.is_text else by_mixture[one.member] for one in sources]


def _is_alone(one: Sourced, sources: Sequence[Sourced]) -> bool:
    return sum(other.member == one.member for other in sources) == 1


def _part(one: _Source, sources: Sequence[_Source], sizes: Sequence[int], train: TrainConfig, total: int) -> int:
    own = [(other, n) for other, n in zip(sources, sizes, strict=True) if other.member == one.member]
    drawn = _drawn([n for _, n in own], train, total)
    return next(count for (other, _), count in zip(own, drawn, strict=True) if other is one)


def _drawn(sizes: Sequence[int], train: TrainConfig, total: int) -> list[int]:
    """Return how many of `total` rows each language gives: p ~ n^exponent.

    Source: Conneau et al. 2020 (arXiv 1911.02116), exponent 0.3.
    """
    from toolkit.training.mixture import Mixture

    return Mixture("temperature", temperature=1 / train.text_exponent).counts(sizes, total=total)


def of_size(rows: Rows, wanted: int, seed: int, name: str) -> Rows:
    """Return as few rows of a text as hold so many bytes, drawn by `seed`; a smaller size is part of a larger one.

    Args:
        rows: of the text.
        wanted: bytes of UTF-8.
        seed: of the draw.
        name: of the rows, for messages.

    Raises:
        ToolkitError: there is less text.
    """
    sizes = [len(row.text.encode("utf-8", "surrogatepass")) for row in rows if isinstance(row, TextRow)]
    if sum(sizes) < wanted:
        raise ToolkitError(
            f"The training text of '{name}' has {sum(sizes):,} bytes, and train.text_bytes={wanted} asks for more; lower it to the "
            "size of the smallest text that is compared."
        )
    low, high = 1, len(sizes)
    while low < high:
        middle = (low + high) // 2
        if sum(sizes[place] for place in places_drawn(len(sizes), middle, seed=seed)) < wanted:
            low = middle + 1
        else:
            high = middle
    return rows if low == len(sizes) else rows.draw(low, seed=seed)


def refuse_total(sources: Sequence[Sourced], train: TrainConfig) -> None:
    """Raise where rows in all are asked for, which are drawn as `mixture` has it, and text has a share of its own."""
    has_several = any(one.is_text and not _is_alone(one, sources) for one in sources)
    if train.total_examples is not None and (has_several or (train.text_share and any(one.is_text for one in sources))):
        raise ToolkitError(
            f"train.total_examples={train.total_examples} draws rows as `mixture` has it, which knows no share of text and no "
            "text_exponent; give train.limit in its place."
        )


def shares_of_steps(data: Sequence[TaskData], planned: Planned) -> dict[str, float]:
    """Return the share of the steps that each member of a mix has, by its name; empty where there is one member."""
    names = list(dict.fromkeys(one.member for one in data))
    if len(names) < 2:
        return {}
    steps = [data[task].member for task, _ in planned.batches]
    return {name: steps.count(name) / len(steps) for name in names}
