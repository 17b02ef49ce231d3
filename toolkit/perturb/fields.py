"""Text fields of rows, by kind of task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.errors import ToolkitError
from toolkit.tasks.kinds import Kind


@dataclass(frozen=True)
class TextFields:
    """Text fields of one kind of row.

    Attributes:
        default: those that are perturbed unless others are asked for. Choices stay as they are: they are what is chosen.
        others: further ones that may be asked for.
        are_cut: whether the row comes cut into words.
        have_label: whether a label answers the row, so that an attack can turn it.
    """

    default: tuple[str, ...]
    others: tuple[str, ...] = ()
    are_cut: bool = False
    have_label: bool = False


TEXTS: Mapping[Kind, TextFields] = {
    "pair": TextFields(("first", "second"), have_label=True),
    "choice": TextFields(("context", "question"), have_label=True),
    "span": TextFields(("question", "context")),
    "tags": TextFields(("tokens",), are_cut=True),
    "bitext": TextFields(("source",), ("target",)),
    "mining": TextFields(("source",), ("target",)),
    "retrieval": TextFields(("query",)),
    "text": TextFields(("text",)),
}
FIELDS: Mapping[Kind, tuple[str, ...]] = {kind: texts.default for kind, texts in TEXTS.items()}
ATTACKED: tuple[Kind, ...] = tuple(kind for kind, texts in TEXTS.items() if texts.have_label)


def fields_of(kind: Kind, asked: Sequence[str] | None) -> tuple[str, ...]:
    """Return the text fields that are asked for, or those of the kind.

    Raises:
        ToolkitError: the kind has no such field.
    """
    known = TEXTS[kind].default + TEXTS[kind].others
    for name in asked or ():
        if name not in known:
            raise ToolkitError(
                f"A {kind} row has no text field '{name}' that can be perturbed; it has {', '.join(known)}."
            )
    return tuple(asked) if asked else TEXTS[kind].default
