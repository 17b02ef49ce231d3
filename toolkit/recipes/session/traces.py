"""Rows and adapters of a run in the tracker: those it used, and those it made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.errors import ToolkitError
from toolkit.files import scratch
from toolkit.recipes.session.logged import write_model
from toolkit.recipes.session.resources import Meter
from toolkit.recipes.session.session import Session
from toolkit.tasks.task import Rows
from toolkit.tracking import Data, NoTracker
from toolkit.zoo import AdapterCard


@dataclass(frozen=True)
class MadeWith:
    """What scores cost, and what they come from.

    Attributes:
        meter: of the block that made them.
        data: the rows scored.
        cards: of every entry of the composition; the last is its head's.
    """

    meter: Meter
    data: tuple[Data, ...]
    cards: tuple[AdapterCard, ...]


def data_of(rows: Rows, context: str) -> Data:
    """Return rows as a tracker keeps them.

    Args:
        rows: of one task, split and language.
        context: `training`, `dev` or `evaluation`.
    """
    facts = {"split": rows.split, "language": rows.language, "is_generated": rows.is_generated}
    return Data(f"{rows.task.name}.{rows.language}", rows.fingerprint, context, rows.origin, len(rows), facts)


def log_adapters(session: Session, cards: Iterable[AdapterCard], *, is_made: bool) -> None:
    """Keep adapters as logged models of MLflow, which answer rows there (see `logged.write_model`).

    Args:
        is_made: whether the run made them; else it used them, and finds what the run that made them left.
    """
    tracker = session.tracker
    if isinstance(tracker, NoTracker):
        return
    for card in cards:
        try:
            _log_adapter(session, card, is_made=is_made)
        except (OSError, ToolkitError) as error:  # a record is never in the way of a run
            session.say(f"'{card.name}' is not kept in the tracker: {error}")


def _log_adapter(session: Session, card: AdapterCard, *, is_made: bool) -> None:
    with scratch() as place:
        folder = place / "adapter"
        folder.mkdir()
        write_model(card, session, folder)
        if is_made and not any(folder.rglob("*.safetensors")):
            limit = session.config.tracking.weights_mib
            session.say(
                f"The weights of '{card.name}' stay in the zoo: with those below them they are more than the {limit} MiB that the tracker "
                "takes (tracking.weights_mib)."
            )
        params = {
            "composition": card.name,
            "backbone": card.backbone.name,
            "backbone_digest": card.backbone.digest,
            "backbone_revision": card.backbone.revision or "",
            "digest": card.digest,
            **{key: "" if (found := card.setting(key)) is None else found for key in ("seed", "lr", "epochs")},
        }
        page = (folder / "README.md").read_text(encoding="utf-8")
        session.tracker.log_adapter(card.name, card.digest, folder, is_made=is_made, params=params, note=page)
