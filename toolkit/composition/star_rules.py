"""Places of `*`, the language of the rows, that cannot be trained or scored.

Faults are given as a sentence and the path of the value, as `rules` counts it.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.composition.nodes import ROWS, Average, Chain, Fuse, Name, Parallel, Unit

Path = tuple[int, ...]


def misplaced(chain: Chain) -> Iterator[tuple[str, Path]]:
    """Yield what is wrong with the places of `*` in a chain."""
    yield from _is_not_above_what_learnt_on_it(chain, (), None, False)
    yield from _is_not_next_to_its_own_language(chain, ())


def _is_not_above_what_learnt_on_it(
    chain: Chain, path: Path, learnt: Unit | None, has_star: bool
) -> Iterator[tuple[str, Path]]:
    """Refuse `text.*/mnli/wiki.*`: mnli was trained on one language's adapter, and wiki.sw would sit on another mnli.

    Args:
        learnt: the lowest unit below that was trained on top of a `*`.
        has_star: whether there is one below.
    """
    for i, unit in enumerate(chain.units):
        here = (*path, i)
        if isinstance(unit, Fuse | Average | Parallel):
            for j, member in enumerate(unit.members):
                yield from _is_not_above_what_learnt_on_it(member, (*here, j), learnt, has_star)
        elif learnt is not None and _is_starred(unit):
            yield (
                f"'{unit}' cannot be on top of '{learnt}', which is trained on the adapter of one language and stays while '{ROWS}' is "
                "exchanged; put it below.",
                here,
            )
        is_star = _is_starred(unit)
        if (learnt is None and has_star and (not is_star or not unit.is_leaf)) or (
            learnt is None and is_star and isinstance(unit, Fuse)
        ):
            learnt = unit
        has_star = has_star or is_star


def _is_not_next_to_its_own_language(chain: Chain, path: Path) -> Iterator[tuple[str, Path]]:
    """Refuse `fuse[text.*,text.en]`: in English rows one adapter would be two members."""
    for i, unit in enumerate(chain.units):
        here = (*path, i)
        if isinstance(unit, Fuse | Average | Parallel):
            names = [name for member in unit.members for name in member.leaves()]
            for j, member in enumerate(unit.members):
                yield from _is_not_next_to_its_own_language(member, (*here, j))
        elif isinstance(unit, Name):
            continue
        else:
            names = list(unit.leaves())
        stars = {name.name for name in names if name.language == ROWS}
        for at, name in _placed(unit, here):
            if name.name in stars and name.language not in (None, ROWS):
                yield (
                    f"'{name}' next to '{name.name}.{ROWS}' in '{unit.keyword}' would be one adapter twice in rows of "
                    f"'{name.language}'; take one of them out.",
                    at,
                )


def _placed(unit: Unit, path: Path) -> Iterator[tuple[Path, Name]]:
    """Yield the names of a block with their paths."""
    if isinstance(unit, Name):
        yield path, unit
    elif isinstance(unit, Fuse | Average | Parallel):
        for j, member in enumerate(unit.members):
            for k, inner in enumerate(member.units):
                yield from _placed(inner, (*path, j, k))
    else:
        yield from (((*path, j), name) for j, name in enumerate(unit.leaves()))


def _is_starred(unit: Unit) -> bool:
    return any(name.language == ROWS for name in unit.leaves())
