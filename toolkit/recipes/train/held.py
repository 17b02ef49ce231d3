"""Entries that the zoo holds, compared with the settings at hand: how each was trained, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.composition import parse
from toolkit.composition.stages import Stage, stage_of
from toolkit.config import Config
from toolkit.config.about import Case
from toolkit.config.convert import as_set
from toolkit.config.keys import is_default, keys_that_change, value_of
from toolkit.features import MAX_LENGTH
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.auto import resolve
from toolkit.recipes.train.settings import CUT, ROWS_PER_STEP, cases_of
from toolkit.tasks import Task
from toolkit.zoo import AdapterCard, Seen

MADE = {"pruned": "prune", "collapsed": "collapse"}
"""Sections of a recipe that say how an entry was made without training, with the commands that made it."""
PROCESSES = "processes"
"""Part of a recipe: how many trained together, each on `train.batch_size` rows; 1 where it is missing."""
_UNKNOWN = object()
_SHOWN = {
    "seed": "seed",
    "lr": "lr",
    "epochs": "epochs",
    "total_steps": "steps",
    "batch_size": "batch",
    PROCESSES: "processes",
    "limit": "limit",
}


@dataclass(frozen=True)
class Held:
    """An entry that the zoo holds, against the settings at hand.

    Attributes:
        card: of the entry.
        differs: settings that can change its weights and are others here, by dotted key: as it was trained, and here.
        unknown: settings that its card does not state and that have another value than the default here.
    """

    card: AdapterCard
    differs: Mapping[str, tuple[Any, Any]]
    unknown: Mapping[str, Any]

    @property
    def differences(self) -> str:
        """What differs, in words."""
        return ", ".join(f"{key} {shown(held)} (here {shown(here)})" for key, (held, here) in self.differs.items())

    def lines(self) -> list[str]:
        """Return what a plan says of the entry: its recipe, what differs, what is not known."""
        card = self.card
        lines = [f"  {card.name}  {card.digest[:12]}  {recipe_of(card)}"]
        if self.differs:
            lines.append(f"    differs: {self.differences}")
        if self.unknown:
            values = ", ".join(f"{key} (here {shown(value)})" for key, value in self.unknown.items())
            lines.append(f"    not on its card: {values}")
        return lines


def held_entry(card: AdapterCard, session: Session) -> Held:
    """Compare an entry with the settings that would train it now."""
    stage = stage_of(parse(card.trained_as))
    catalogue = session.catalogue
    known = [catalogue.training_task(catalogue.get(ref.name)) for ref in stage.tasks if ref.name in catalogue]
    config = session.config
    train = resolve(config.train, card.backbone.hidden_size, is_full=card.kind == "full")
    config = replace(config, train=train)
    differs: dict[str, tuple[Any, Any]] = {}
    unknown: dict[str, Any] = {}
    for key in _keys(stage, config, known):
        was, here = _recorded(card, key), _plain(value_of(config, key))
        if key == ROWS_PER_STEP and isinstance(was, int):  # in however many shares
            was *= int(card.setting("accumulate") or 1) * int(card.recipe.get(PROCESSES) or 1)
            was = card.setting("effective_batch") or was
            here = config.train.rows_of_step(session.ranks.count)
        if was is _UNKNOWN:
            unknown |= {} if is_default(key, value_of(session.config, key)) else {key: here}
        elif _in_effect(key, was, known) != _in_effect(key, here, known):
            differs[key] = (was, here)
    was, here = card.recipe.get("precision"), config.backbone.precision
    if here != "auto" and was is not None and was != here:
        differs["backbone.precision"] = (was, here)
    return Held(card, differs, unknown)


def recipe_of(card: AdapterCard) -> str:
    """Return how an entry was made, in a line: the settings that are changed most often, and its rows."""
    made = [
        f"{verb} from {card.recipe[verb].get('from')}" for verb in MADE if isinstance(card.recipe.get(verb), Mapping)
    ]
    if card.trained_as != card.name and not made:
        made.append(f"trained as {card.trained_as}")
    if card.is_imported:
        made.append("made elsewhere, its settings are not known")
    if card.is_merged:
        made.append("computed")
    settings = [(name, card.setting(name)) for name in _SHOWN]
    settings.append((PROCESSES, card.recipe.get(PROCESSES)))
    if isinstance(size := card.setting("batch_size"), int):
        per_step = size * int(card.setting("accumulate") or 1)
        if isinstance(whole := card.setting("effective_batch"), int):
            per_step = -(-whole // int(card.recipe.get(PROCESSES) or 1))
        settings = [(name, per_step if name == "batch_size" else value) for name, value in settings]
    made += [f"{_SHOWN[name]} {shown(value)}" for name, value in settings if value is not None]
    rows = [_rows_of(card, seen) for seen in card.data_seen if isinstance(seen.rows, int)]
    return ", ".join(made + rows)


def _rows_of(card: AdapterCard, seen: Seen) -> str:
    """Return the rows that an entry saw; where 0.1.0 limited them, they are the first ones of their split."""
    is_first = seen.limit is None and seen.drawn_from is None and card.setting("limit") == seen.rows
    return f"{'the first ' * is_first}{seen.rows:,} rows of {seen.task} {seen.language}"


def shown(value: object) -> str:
    """Return a setting's value as a reader would write it.

    Example:
        >>> shown(None), shown(0.0005), shown(True), shown("auto")
        ('null', '0.0005', 'true', 'auto')
    """
    return f"{value:g}" if isinstance(value, float) else as_set(value)


def _keys(stage: Stage, config: Config, known: Sequence[Task]) -> list[str]:
    """Return the settings that can change an entry's weights."""
    if stage.merge is not None:
        dropped: list[Case] = [] if stage.merge.method == "merge" else ["dropped"]
        # Of the merges `dare` alone draws.
        return [
            key
            for key in keys_that_change("merges", cases=dropped)
            if key != "train.seed" or stage.merge.method == "dare"
        ]
    found = keys_that_change("weights", cases=cases_of(stage, config, [task.kind for task in known]))
    return [key for key in found if key not in CUT]


def _recorded(card: AdapterCard, key: str) -> Any:
    section, dot, name = key.partition(".")
    found = card.recipe.get(section, _UNKNOWN)
    if dot:
        return found.get(name, _UNKNOWN) if isinstance(found, Mapping) else _UNKNOWN
    if key == "fusion" and found is not _UNKNOWN:
        return found if found == "reference" else "fast"  # in words where a layer is not covered
    return found


def _in_effect(key: str, value: Any, known: Sequence[Task]) -> Any:
    """Return what a setting comes to, where `auto` and a number can mean the same."""
    if key == "train.max_length" and value == "auto" and len(known) == 1:
        return known[0].passage_tokens or MAX_LENGTH[known[0].kind]
    return value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
