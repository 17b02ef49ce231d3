"""Desk of the page: which compositions and tasks there are, and what each composition says of a row. It knows no web."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from toolkit.composition import parse
from toolkit.errors import ToolkitError
from toolkit.languages import get_language
from toolkit.recipes.answer.page.offers import Offer, backbones_of, offer_of
from toolkit.recipes.answer.page.opened import Opened
from toolkit.recipes.session.session import Session
from toolkit.report.grids import Grid
from toolkit.results.answers import Answer
from toolkit.safe_text import short_words
from toolkit.tasks import Task

if TYPE_CHECKING:
    from toolkit.evaluation.attention import Mass
    from toolkit.recipes.answer.model import Model

MODELS = 4
"""Models that are open at once unless another number is asked for."""
CHARACTERS, TEXTS = 50_000, 30
"""Characters of one question that are read, and texts that are compared, at most."""
WAITING = 32
"""Questions that are answered, or wait for it, at once."""


@dataclass(frozen=True)
class Question:
    """A row, and whom it is put to.

    Attributes:
        backbone, task: names; None as a task: texts are compared by their vectors.
        values: the texts of the row by field, a list for choices; of texts to compare `texts`.
        language: of the texts; empty: the task's training language.
    """

    backbone: str
    task: str | None
    values: Mapping[str, str | Sequence[str]]
    language: str = ""


@dataclass(frozen=True)
class Reply:
    """What one composition says.

    Attributes:
        expression: canonical text.
        answer: to the row.
        cosines: of texts, [N][N].
        grids: of each fusion: the attention over its members (rows) by layer (columns), fractions.
        notes: sentences on how the row was read.
        fault: why there is no answer, a sentence; of a composition that cannot be read also the lines that point at the place.
    """

    expression: str
    answer: Answer | None = None
    cosines: tuple[tuple[float, ...], ...] = ()
    grids: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class _Key:
    """A model: `digests` are those of its entries, so that one that was trained anew is loaded anew."""

    backbone: str
    expression: str
    task: str | None
    digests: tuple[str, ...]


class Desk:
    """Answers questions for many threads; each composition that is asked is a model that stays open while there is room.

    Args:
        session: of the configuration, whose backbone is the first one.
        models: that are open at once; each has a backbone of its own.
        load: opens a model by expression, session and task; None: as `toolkit.load`.
    """

    def __init__(
        self,
        session: Session,
        *,
        models: int = MODELS,
        load: Callable[[str, Session, str | None], Model] | None = None,
    ) -> None:
        self.session = session
        self._load = load or _loaded
        self._sessions = {session.config.backbone.name: session}
        self._lock = Lock()
        self._room = BoundedSemaphore(WAITING)
        self.opened: Opened[_Key, Model] = Opened(self._open, at_most=models)
        self.asked = 0

    # -- what there is ------------------------------------------------------------------------------------------------

    def backbones(self) -> tuple[str, ...]:
        """Return the backbones that the zoo has entries for, with that of the configuration; the one to begin with is first."""
        return backbones_of(self.session)

    def of(self, backbone: str) -> Session:
        """Return the session of a backbone that the page offers.

        Raises:
            ToolkitError: it does not offer it.
        """
        with self._lock:
            if backbone in self._sessions:
                return self._sessions[backbone]
        if backbone not in self.backbones():
            raise ToolkitError(f"No entry of the zoo {self.session.config.zoo} is for the backbone '{backbone}'.")
        config = self.session.config
        changed = replace(config, backbone=replace(config.backbone, name=backbone, revision=None))
        with self._lock:
            return self._sessions.setdefault(backbone, self.session.with_config(changed))

    def offer(self, backbone: str) -> Offer:
        """Return what can be asked with a backbone."""
        return offer_of(self.of(backbone))

    def task(self, name: str | None) -> Task | None:
        """Return a task by its name; None for texts that are compared."""
        return None if name is None else self.session.catalogue.get(name)

    def checked(self, expression: str) -> str:
        """Return the canonical text of a composition that somebody typed.

        Raises:
            ToolkitError: it cannot be read, with lines that point at the place.
        """
        if len(expression) > 2000:
            raise ToolkitError("The composition has more than 2,000 characters; name a shorter one.")
        return str(parse(expression.strip()))

    # -- answers ------------------------------------------------------------------------------------------------------

    def ask(self, expression: str, question: Question) -> Reply:
        """Return what a composition says, or why it says nothing: a fault of one is none of the others."""
        if not self._room.acquire(blocking=False):
            return Reply(expression, fault=f"{WAITING} questions are being answered; ask again in a moment.")
        try:
            with self._lock:
                self.asked += 1
            return self._replied(expression, question)
        except ToolkitError as fault:
            return Reply(expression, fault=short_words(str(fault)))
        except MemoryError:
            return Reply(expression, fault="There is not enough memory for this composition; name a smaller backbone.")
        finally:
            self._room.release()

    def _replied(self, expression: str, question: Question) -> Reply:
        _require_short(question.values)
        session = self.of(question.backbone)
        text = session.spelled(self.checked(expression))
        key = _Key(question.backbone, text, question.task, _digests(text, session))
        language = get_language(question.language).code if question.language else None
        with self.opened.borrow(key) as model:
            if question.task is None:
                return _compared(text, model, _lines(question.values.get("texts", "")))
            row = row_of(question.values)
            answers = model.answer([model.asker(language).ask(row, "The row")])
            grids = _grids(model.attention([row], language=language))
            notes = _notes(answers.n_truncated, answers.n_windowed)
            return Reply(text, answer=answers[0], grids=grids, notes=notes)

    def _open(self, key: _Key) -> Model:
        return self._load(key.expression, self.of(key.backbone), key.task)

    def close(self) -> None:
        """Close the models."""
        self.opened.close()


def row_of(values: Mapping[str, str | Sequence[str]]) -> dict[str, str | list[str]]:
    """Return a record of the texts of a row: fields that are empty are left out, a sentence to be tagged comes as it is.

    Example:
        >>> row_of({"context": " ", "question": "Why?", "choices": ["a", ""]})
        {'question': 'Why?', 'choices': ['a']}
    """
    found: dict[str, str | list[str]] = {}
    for name, value in values.items():
        kept = value if isinstance(value, str) else [each for each in value if each.strip()]
        if kept and not (isinstance(kept, str) and not kept.strip()):
            found["text" if name == "tokens" else name] = kept
    return found


def _require_short(values: Mapping[str, str | Sequence[str]]) -> None:
    size = sum(len(value) if isinstance(value, str) else sum(map(len, value)) for value in values.values())
    if size > CHARACTERS:
        raise ToolkitError(
            f"The text has {size:,} characters, and this page reads {CHARACTERS:,}; `xstilts predict` answers files of any size."
        )


def _lines(text: str | Sequence[str]) -> list[str]:
    lines = [line.strip() for line in (text.splitlines() if isinstance(text, str) else text) if line.strip()]
    if not 2 <= len(lines) <= TEXTS:
        raise ToolkitError(f"There are {len(lines)} texts; write 2 to {TEXTS} of them, one a line.")
    return lines


def _compared(expression: str, model: Model, texts: Sequence[str]) -> Reply:
    vectors, n_truncated = model.encode(texts)
    cosines = tuple(tuple(float(value) for value in row) for row in vectors @ vectors.T)
    grids = _grids(model.attention(texts, are_texts=True))
    return Reply(expression, cosines=cosines, grids=grids, notes=_notes(n_truncated, 0))


def _notes(n_truncated: int, n_windowed: int) -> tuple[str, ...]:
    return ("The text is longer than the window, and its end was not read (`--set eval.max_length=N`).",) * bool(
        n_truncated
    ) + ("The text is longer than the window, and was read in several.",) * bool(n_windowed)


def _grids(masses: Sequence[Mass]) -> tuple[Grid, ...]:
    from toolkit.evaluation.attention import mean_mass

    grids = []
    for fusion in dict.fromkeys(one.fusion for one in masses):
        own = [one for one in masses if one.fusion == fusion]
        shares, whole = mean_mass(own, "member", "layer"), mean_mass(own, "member")
        members = tuple(dict.fromkeys(one.member for one in own))
        layers = sorted({one.layer for one in own})
        values = tuple((whole[member,], *(shares[member, layer] for layer in layers)) for member in members)
        grids.append(Grid(fusion, members, ("mean", *map(str, layers)), values))
    return tuple(grids)


def _digests(expression: str, session: Session) -> tuple[str, ...]:
    zoo, shelf = session.zoo, session.shelf
    return tuple(zoo.get(name, shelf).digest for name in parse(expression).entries if zoo.holds(name, shelf))


def _loaded(expression: str, session: Session, task: str | None) -> Model:
    from toolkit.recipes.answer.load import load_model

    return load_model(expression, session, task=task)
