"""Plan of a training: what is trained, what the zoo holds already and how that was trained, what would be replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from toolkit.composition import Composition, parse
from toolkit.composition.describe import describe
from toolkit.composition.stages import Retrain, Stage, plan
from toolkit.composition.variants import named, own_entry
from toolkit.config.command import command
from toolkit.errors import ToolkitError
from toolkit.recipes.session.home import as_trained, following
from toolkit.recipes.session.names import free_name, require_name
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.held import MADE, Held, held_entry
from toolkit.recipes.train.settings import check_lengths
from toolkit.safe_text import visible
from toolkit.tasks import Task
from toolkit.zoo import AdapterCard
from toolkit.zoo.orphans import orphans, refuse_orphans


@dataclass(frozen=True)
class Asked:
    """How a composition is to be trained.

    Attributes:
        name: of the variant that the last stage makes; None: the composition's own name.
        retrain: what is trained again although the zoo holds it.
        force: replace entries although others were trained on them.
    """

    name: str | None = None
    retrain: Retrain | None = None
    force: bool = False


@dataclass(frozen=True)
class Planned:
    """Plan of a training.

    Attributes:
        stages: to train, in order.
        entry: what was asked for; None for a composition without an entry of its own.
        held: entries that the zoo holds and that are used as they are, by name, with what differs.
        replaced: the entries that would be replaced.
        orphaned: the entries that would be orphaned, by the entry that they were trained on.
        text: all of it for a reader, without the recipes of what is held.
    """

    stages: tuple[Stage, ...]
    entry: str | None
    held: Mapping[str, Held]
    replaced: tuple[str, ...]
    orphaned: Mapping[str, Sequence[str]]
    text: str

    @property
    def whole(self) -> str:
        """The text with the recipes of what is held."""
        return self._with_recipes(self.held.values())

    @property
    def brief(self) -> str:
        """The text with the recipes of what other stages build on, and of what differs."""
        needed = {parent for stage in self.stages for parent in stage.parents}
        return self._with_recipes(
            held for name, held in self.held.items() if name in needed or held.differs or held.unknown
        )

    def _with_recipes(self, some: Iterable[Held]) -> str:
        lines = [line for held in some for line in held.lines()]
        return "\n".join([self.text, *(["In the zoo already:"] if lines else []), *lines])


def plan_training(expression: str, session: Session, asked: Asked) -> Planned:
    """Return the stages that the zoo lacks for a composition, and how what it holds was trained.

    Raises:
        ToolkitError: a name that cannot be given, or an entry that is not trained by `train`.
    """
    composition = as_trained(parse(expression), session)
    zoo, shelf, catalogue = session.zoo, session.shelf, session.catalogue
    own = own_entry(composition)
    if asked.name is not None:
        require_name(asked.name, session)
    entry = own if asked.name is None or own is None else str(named(composition, asked.name))

    def trained_as(name: str) -> str:
        return zoo.get(name, shelf).trained_as if zoo.holds(name, shelf) else name

    stages = plan(
        composition,
        holds=lambda name: zoo.holds(name, shelf),
        retrain=asked.retrain,
        learn_all=session.config.train.learn == "all",
        name=asked.name,
        trained_as=trained_as,
    )
    # A name that is given may take the place of anything.
    _require_trained([stage for stage in stages if asked.name is None or stage.entry != entry], session)
    _check_tasks(stages, session)
    made = [name for stage in stages for name in stage.makes]
    replaced = tuple(name for name in made if zoo.holds(name, shelf))
    orphaned = {name: found for name, found in orphans(zoo, made, shelf).items() if name in replaced}
    below = [name for name in composition.entries if name != own]
    wanted = dict.fromkeys((*below, *(p for stage in stages for p in stage.parents), *([entry] if entry else [])))
    held = {
        name: held_entry(zoo.get(name, shelf), session)
        for name in wanted
        if name not in made and zoo.holds(name, shelf)
    }
    if entry in held and asked.name is not None:
        _require_same(composition, held[entry], asked.name, session)
    notes = {name: _replacing(name, orphaned, session) for name in replaced}
    is_full = session.config.adapter.kind == "full"
    text = describe(stages, rows=catalogue.training_rows, backbone_learns=is_full, notes=notes)
    text = "\n".join([*following(parse(expression), session), text])
    return Planned(stages, entry, held, replaced, orphaned, text)


def _check_tasks(stages: Sequence[Stage], session: Session) -> None:
    names = dict.fromkeys(ref.name for stage in stages if stage.merge is None for ref in stage.tasks)
    catalogue = session.catalogue
    check_lengths([catalogue.source_task(catalogue.get(name)).kind for name in names], session.config)
    for name in names:
        _check_texts(catalogue.get(name))


def _check_texts(task: Task) -> None:
    """Raise for what a card would refuse, when all is trained."""
    for what, text in [*(("label", label) for label in task.labels), ("licence", task.licence)]:
        if visible(text) != text:
            raise ToolkitError(
                f"The {what} '{text}' of the task '{task.name}' holds control characters, which a card does not take; "
                "remove them where the task is declared."
            )


def require_asked(planned: Planned, session: Session, *, force: bool) -> None:
    """Raise where a training would ignore settings, or replace what others were trained on.

    Raises:
        ToolkitError: the zoo holds what was asked for, trained with other settings.
        ZooError: an entry that would be replaced is a parent of one that stays.
    """
    own = planned.held.get(planned.entry or "")
    made = (
        None if own is None else next((verb for verb in MADE if isinstance(own.card.recipe.get(verb), Mapping)), None)
    )
    if own is not None and made is not None and not _has_own_name(own.card, session):
        raise ToolkitError(
            f"The zoo holds '{own.card.name}', which was {made} from '{own.card.recipe[made].get('from')}' and not trained; train "
            f"another entry under its own name (`--as {free_name(own.card, '2', session)}`), or replace this one (`--retrain`)."
        )
    if own is not None and made is None and own.differs:
        differs = own.differs
        hint = f"seed{shown_seed}" if (shown_seed := differs.get("train.seed", (None, None))[1]) is not None else "2"
        raise ToolkitError(
            f"The zoo holds '{own.card.name}' with other settings: {own.differences}; train another entry under its own name "
            f"(`--as {free_name(own.card, hint, session)}`), or replace this one (`--retrain`)."
        )
    if not force:
        refuse_orphans(session.zoo, [name for stage in planned.stages for name in stage.makes], session.shelf)


def _has_own_name(card: AdapterCard, session: Session) -> bool:
    """Return whether a card's name is a variant's; what 0.1.0 pruned has the name of what training makes."""
    return card.trained_as != card.name or parse(card.name).head_name.name not in session.catalogue


def _replacing(name: str, orphaned: Mapping[str, Sequence[str]], session: Session) -> dict[str, str]:
    found = held_entry(session.zoo.get(name, session.shelf), session)
    facts = {"replaces": f"{found.card.digest[:12]}" + (f", {found.differences}" if found.differs else "")}
    if name in orphaned:
        facts["orphans"] = ", ".join(orphaned[name])
    return facts


def _require_same(composition: Composition, held: Held, name: str, session: Session) -> None:
    """Raise where a variant's name is another composition's."""
    own = own_entry(composition)
    base = session.zoo.get(own, session.shelf).trained_as if own and session.zoo.holds(own, session.shelf) else own
    if held.card.trained_as != base:
        raise ToolkitError(
            f"The zoo holds '{held.card.name}', which is not '{base}' ({_made(held)}); choose another name than '{name}', or "
            "replace it (`--retrain`)."
        )


def _made(held: Held) -> str:
    for verb in MADE:
        if verb in held.card.recipe:
            return f"it was {verb}"
    return f"it was trained as {held.card.trained_as}"


def _require_trained(stages: Sequence[Stage], session: Session) -> None:
    """Raise for an entry that was not made by training, where it would be trained again."""
    for stage in stages:
        if not session.zoo.holds(stage.entry, session.shelf):
            continue
        card = session.zoo.get(stage.entry, session.shelf)
        recipe = card.recipe
        for verb, made_by in MADE.items():
            if isinstance(recipe.get(verb), Mapping) and _has_own_name(card, session):
                how = recipe[verb]
                own = ["--as", parse(stage.entry).head_name.name]
                if made_by == "prune":
                    own += ["--keep", str(len(how["attention"]) - len(how["steps"]) + 1)]
                elif isinstance(rows := how.get("rows"), Mapping) and "text" in rows:
                    own += ["--text", str(rows["text"])]
                raise ToolkitError(
                    f"'{stage.entry}' was not trained but {verb}; make it again with "
                    f"`{command(made_by, str(how.get('from')), *own, '--replace', config=session.config)}`."
                )
