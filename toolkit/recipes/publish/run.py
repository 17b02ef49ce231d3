"""Write what `eval` and `retrieve` left of a composition in the formats of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.files import replace_text
from toolkit.outputs import Output
from toolkit.recipes.publish.mteb import model_meta, results_of
from toolkit.recipes.publish.plan import Held, Layout, held_results
from toolkit.recipes.publish.xtreme import path_of, submission
from toolkit.recipes.session.session import Session
from toolkit.results.result import Record, Result
from toolkit.results.score import to_dict, write_csv, write_json
from toolkit.safe_text import json_text


@dataclass(frozen=True, kw_only=True)
class Published(Result):
    """Result of `results`.

    Attributes:
        folder: what was written is in it.
        files: relative paths.
        held: what it was made from.
        notes: why others may refuse a part of it.
    """

    folder: Path
    files: tuple[str, ...]
    held: tuple[Held, ...]
    notes: tuple[str, ...]

    def records(self) -> list[Record]:
        """Return the scores that were written, as `scores.csv` has them."""
        return [to_dict(score) for held in self.held for score in held.scores]


def write_results(
    expression: str, session: Session, folder: Path, *, layout: Layout, tasks: Sequence[str] = ()
) -> Published:
    """Write the scores of a composition as CSV or JSON, its retrieval scores as mteb has them, or its predictions for XTREME.

    Raises:
        ToolkitError: there is nothing of the sort that is asked for.
    """
    held = held_results(expression, session, tasks)
    with Output(folder) as output:
        notes = WRITERS[layout](expression, held, session, output.stage)
        files = tuple(
            sorted(path.relative_to(output.stage).as_posix() for path in output.stage.rglob("*") if path.is_file())
        )
        output.commit()
    output.release()
    text = "\n".join([*files, *notes])
    return Published(text=text, folder=folder, files=files, held=tuple(held), notes=tuple(notes))


def _csv(expression: str, held: Sequence[Held], session: Session, folder: Path) -> list[str]:
    write_csv([score for each in held for score in each.scores], folder / "scores.csv")
    return []


def _json(expression: str, held: Sequence[Held], session: Session, folder: Path) -> list[str]:
    write_json([score for each in held for score in each.scores], folder / "scores.json")
    return []


def _mteb(expression: str, held: Sequence[Held], session: Session, folder: Path) -> list[str]:
    found = [each for each in held if results_of(each)]
    if not found:
        raise ToolkitError(
            f"'{expression}' was not scored on a bitext or retrieval task; `xstilts retrieve '{expression}' --task tatoeba "
            "--protocol mteb` does so."
        )
    notes = []
    for each in found:
        backbone = each.scores[0].backbone or session.config.backbone.name
        home = folder / f"xstilts__{backbone.replace('/', '__')}" / each.weights
        replace_text(
            home / "model_meta.json", json_text(model_meta(each.composition, backbone, each.weights), indent=2) + "\n"
        )
        for stem, values in results_of(each).items():
            replace_text(home / f"{stem}.json", json_text(values, indent=2) + "\n")
            if stem.startswith(each.task.name):
                notes.append(
                    f"{each.task.name}: not by mteb's rows and protocol, so the file keeps this task's own name"
                )
    return notes


def _xtreme(expression: str, held: Sequence[Held], session: Session, folder: Path) -> list[str]:
    notes: list[str] = []
    names: list[str] = []
    for each in held:
        written = submission(each, session)
        if written is None:
            continue
        names.append(each.task.name)
        notes += written.notes
        for language, text in written.files.items():
            replace_text(path_of(folder, written, language), text)
    if not names:
        raise ToolkitError(
            f"'{expression}' was not scored on a task of XTREME; `xstilts eval 'EXPR/TARGET' --suite xtreme` scores all."
        )
    return notes


WRITERS = {"csv": _csv, "json": _json, "mteb": _mteb, "xtreme": _xtreme}
"""By layout."""
