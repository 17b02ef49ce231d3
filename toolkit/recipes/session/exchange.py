"""Compositions that follow the language of their rows: which adapter each language takes, and how a circuit turns to it.

See docs/decisions/0069-language-of-the-rows.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.composition import Composition, Parallel, Part, parse
from toolkit.composition.exchange import Exchanged, exchanged, in_language
from toolkit.config.command import command
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.passes import Follower
from toolkit.recipes.session.home import home_language, spelled_as
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.weights import Place, file_of, require_trained
from toolkit.zoo import AdapterCard

NONE = "none"
"""What a score names where no language adapter was used."""
SHAPE = ("kind", "reduction_factor", "non_linearity", "leave_out_lower", "leave_out_upper")
"""What a card decides of an adapter's shape; dropout is the configuration's, for it changes no stored weight."""


@dataclass(frozen=True)
class Turn:
    """What is exchanged for rows in one language.

    Attributes:
        adapter: the entries that are put in, with commas; `none`: the circuit answers without.
        parts: each part, and the entry's part whose weights it gets; None: it adds nothing.
    """

    adapter: str
    parts: Mapping[Part, Part | None]


@dataclass(frozen=True)
class Exchange:
    """A composition that follows the language of its rows, for the languages that it is asked for.

    Attributes:
        asked: the composition, with `*`.
        home: the same as it is trained, `text.en/mnli`.
        home_language: that it is trained in.
        turns: by the language of rows; those that are left out have none.
    """

    asked: Composition
    home: Composition
    home_language: str
    turns: Mapping[str, Turn]

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries whose weights are put in, in the order of the languages."""
        used = [part.entry for turn in self.turns.values() for part in turn.parts.values() if part is not None]
        return tuple(dict.fromkeys(used))

    def turn(self, language: str, session: Session) -> Turn:
        """Return what a language takes, also one that was not named before.

        Raises:
            ZooError: it is left out, or the zoo lacks its adapter.
        """
        found = next((self.turns[each] for each in (language, *spelled_as(language)) if each in self.turns), None)
        if found is not None:
            return found
        without, parts = session.config.eval.without, self._parts()
        if without == "english":
            return Turn(", ".join(dict.fromkeys(part.entry for part in parts)), {part: part for part in parts})
        if without == "none":
            return _without(self.asked, self.home_language)
        raise ZooError(_lacking(self.asked, [language], session))

    def _parts(self) -> list[Part]:
        return list(dict.fromkeys(part for turn in self.turns.values() for part in turn.parts))

    def attach(self, circuit: Circuit, session: Session, held_at: Mapping[Part, Place]) -> None:
        """Let a circuit of `home`, as it is loaded, turn to the languages.

        Args:
            circuit: wired and loaded.
            session: whose zoo has the entries.
            held_at: where the weights of its own parts are stored.
        """
        now: dict[Part, Part | None] = {part: part for part in self._parts()}

        def turn_to(language: str) -> str:
            turn = self.turn(language, session)
            changed = {part: source for part, source in turn.parts.items() if now[part] != source}
            if changed and circuit.ranks.count > 1:
                circuit.ranks.broadcast(_Turned(language))
            for part, source in changed.items():
                place = held_at.get(part) if source == part else None
                _put_in(circuit, part, source, session, place)
                now[part] = source
            return turn.adapter

        circuit.asked, circuit.turn_to = self.asked, turn_to


@dataclass(frozen=True)
class _Turned:
    """The language that every process of a run turns its circuit to."""

    language: str

    def do(self, follower: Follower) -> None:
        """Turn the circuit that is held."""
        assert follower.circuit is not None
        follower.circuit.turn_to(self.language)


def _put_in(circuit: Circuit, part: Part, source: Part | None, session: Session, place: Place | None) -> None:
    """Put the weights of an entry's part, or zeros, into a part of a circuit."""
    shapes = circuit.shapes_of(part)
    if source is None:
        circuit.load(part, {key: np.zeros(shape, np.float32) for key, shape in shapes.items()})
        return
    entry, file = place or (source.entry, file_of(source))
    circuit.load(part, session.zoo.tensors(session.zoo.get(entry, session.shelf), file, expected=shapes))


# -- scoring ----------------------------------------------------------------------------------------------------------


def languages_scored(text: str, languages: Sequence[str], session: Session) -> list[str]:
    """Return the languages that a composition is scored in: without those that `eval.without=skip` leaves out, which are named."""
    composition = parse(text)
    if not composition.follows_rows or session.config.eval.without != "skip":
        return list(languages)
    held = exchange_of(composition, languages, session, has_head=False).turns
    left = [language for language in languages if language not in held]
    if left:
        session.say(
            f"{composition}: left out, because the zoo holds no {_stars(composition)} for it: {', '.join(left)}."
        )
    return [language for language in languages if language in held]


def exchange_of(
    composition: Composition, languages: Sequence[str], session: Session, *, has_head: bool = True
) -> Exchange:
    """Return what a composition that follows its rows takes for each language.

    Args:
        composition: with `*`.
        languages: of the rows; of a pair `context.question` the context's counts.
        session: its zoo holds the adapters; `eval.without` decides about languages for which it holds none.
        has_head: whether a head answers.

    Raises:
        ZooError: the zoo lacks an entry of the composition, or the adapter of a language, and the settings do not say what is done
            without.
    """
    without, trained = session.config.eval.without, home_language(composition, session)
    if trained is not None:
        require_trained(in_language(composition, trained), session, has_head=has_head)
    home = trained or _home(composition, languages, session)
    turns: dict[str, Turn] = {}
    lacking: list[str] = []
    for language in languages:
        found = _held(composition, home, language, session)
        if found is not None:
            turns[language] = _turn(found, has_head)
        elif without == "english":
            turns[language] = _turn(exchanged(composition, home, home), has_head)
        elif without == "none":
            turns[language] = _without(composition, home)
        else:
            lacking.append(language)
    if lacking and (without == "refuse" or not turns):
        raise ZooError(_lacking(composition, lacking, session))
    return Exchange(composition, in_language(composition, home), home, turns)


def require_fitting(exchange: Exchange, cards: Mapping[str, AdapterCard]) -> None:
    """Raise where adapters that are exchanged differ in shape, or heads in what they answer."""
    for turn in exchange.turns.values():
        for part, source in turn.parts.items():
            if source is None or source.entry == part.entry:
                continue
            one, other = cards[part.entry], cards[source.entry]
            differs = [key for key in SHAPE if one.shape[key] != other.shape[key]]
            if differs:
                raise ToolkitError(
                    f"'{source.entry}' cannot take the place of '{part.entry}': adapter.{differs[0]} is {other.shape[differs[0]]} and not "
                    f"{one.shape[differs[0]]}; train both with the same setting."
                )
            if part.kind == "head" and one.heads[part.name] != other.heads.get(source.name):
                raise ToolkitError(
                    f"The head of '{source.entry}' cannot take the place of that of '{part.entry}': they give other answers; train both on one task."
                )


def _home(composition: Composition, languages: Sequence[str], session: Session) -> str:
    """Return the language that a composition is wired in, of which nothing is trained on `*`: one that the zoo holds."""
    catalogue, head = session.catalogue, None if composition.is_backbone else composition.head_name.name
    first = catalogue.get(head).train_language.lower() if head is not None and head in catalogue else "en"
    for language in (first, *(code for each in languages for code in spelled_as(each))):
        home = in_language(composition, language)
        if all(session.zoo.holds(entry, session.shelf) for entry in home.entries):
            return language
    return first


def asked_of(circuit: Circuit, answer: str) -> str:
    """Return the composition, as it was written, that answers by a name: of a `par` the member, with its head."""
    block = circuit.asked.chain.units[0]
    if not isinstance(block, Parallel) or not circuit.members:
        return str(circuit.asked)
    return str(Composition(block.members[circuit.answers[answer][1]], circuit.asked.head))


def _held(composition: Composition, home: str, language: str, session: Session) -> tuple[Exchanged, ...] | None:
    for code in spelled_as(language):
        found = exchanged(composition, home, code)
        if all(session.zoo.holds(one.source.entry, session.shelf) for one in found):
            return found
    return None


def _turn(found: Sequence[Exchanged], has_head: bool) -> Turn:
    parts = {one.part: one.source for one in found if has_head or one.part.kind != "head"}
    return Turn(", ".join(dict.fromkeys(source.entry for source in parts.values())), dict(parts))


def _without(composition: Composition, home: str) -> Turn:
    found = exchanged(composition, home, home)
    needed = next((one for one in found if not one.is_optional), None)
    if needed is not None:
        raise ToolkitError(
            f"'{composition}' does not answer without '{needed.leaf}', which is more there than an adapter below others; choose "
            "--without skip or english."
        )
    return Turn(NONE, {one.part: None for one in found})


def _lacking(composition: Composition, languages: Sequence[str], session: Session) -> str:
    """Return the sentence for languages without an adapter, with the ways out."""
    first = languages[0]
    code = spelled_as(first)[-1]
    wanted = exchanged(composition, code, code)[0].source.entry
    return (
        f"The zoo {session.config.zoo} holds no {_stars(composition)} for {', '.join(languages)}; train one for each "
        f"(`{command('train', wanted, config=session.config)}`), or say how these are scored: --without skip leaves them out, english takes "
        "the adapter of the training language, none takes no language adapter."
    )


def _stars(composition: Composition) -> str:
    return " or ".join(dict.fromkeys(f"'{one.leaf}'" for one in exchanged(composition, "en", "en")))
