"""A logged model as MLflow calls it: `mlflow.pyfunc.load_model(uri).predict(frame)` and `mlflow models serve`.

MLflow imports this module by its name, which is in the `MLmodel` of every logged model (`recipes/session/logged.py`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.config import load as resolve
from toolkit.errors import DataError, SourceError, ToolkitError
from toolkit.recipes.answer.joined import Joined
from toolkit.recipes.answer.load import load_model
from toolkit.recipes.answer.model import Model
from toolkit.recipes.answer.requests import prepare_server, refused
from toolkit.recipes.session.logged import ABOUT, TASK, ZOO
from toolkit.recipes.session.session import Session
from toolkit.results.answers import Answer
from toolkit.tasks.own.convert import Asked
from toolkit.tasks.own.fields import PLAIN, own_fields
from toolkit.tracking import open_tracker
from toolkit.zoo.shelf import Shelf

if TYPE_CHECKING:
    import pandas

FORMAT = 1


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Served:
    """Load the model of a folder; MLflow calls it.

    Args:
        path: the folder that holds `composition.json`.
        model_config: `backbone`: a name or a folder, where the backbone is not where it was when the model was logged.

    Raises:
        ToolkitError: the backbone is missing or another one, or the weights did not travel.
    """
    folder = Path(path)
    about = _about(folder / ABOUT)
    config = _config(folder, about, model_config or {})
    session = Session.open(config, tracker=open_tracker("none"))
    if not session.zoo.holds(about["composition"], session.shelf):
        # The backbone is known by another name here; its digest is compared when weights are loaded.
        session = replace(session, shelf=Shelf(about["shelf"]))
    _require_weights(about, session)
    try:
        served = Served(load_model(about["composition"], session))
    except SourceError as error:
        raise ToolkitError(
            f"'{about['composition']}' runs on the backbone {about['backbone']['name']} with the weights "
            f"{about['backbone']['digest'][:12]}, which are not here: {str(error).rstrip('.')}; a folder that holds them is named "
            f"by `model_config={{'backbone': FOLDER}}`, for a server by SERVING_MODEL_CONFIG='{{\"backbone\": \"FOLDER\"}}'."
        ) from None
    prepare_server()
    return served


def _about(file: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ToolkitError(f"{file} cannot be read ({error}); log the model again.") from None
    if about.get("format") != FORMAT:
        raise ToolkitError(
            f"{file} is of format {about.get('format')}, and this xstilts reads {FORMAT}; install xstilts "
            f"{about.get('xstilts')} or a later one."
        )
    return about


def _config(folder: Path, about: Mapping[str, Any], given: Mapping[str, Any]) -> Config:
    backbone = about["backbone"]
    name = str(given.get("backbone") or backbone["name"])
    values = {
        "backbone.name": name,
        "backbone.revision": backbone["revision"] if name == backbone["name"] else None,
        "backbone.precision": backbone["precision"],
        "adapter.kind": about["adapter"],
        "zoo": folder / ZOO,
        "task_files": [folder / TASK] if (folder / TASK).is_file() else None,
        **about["settings"],
    }
    return resolve(None, (), {key: value for key, value in values.items() if value is not None})


def _require_weights(about: Mapping[str, Any], session: Session) -> None:
    for part in parse(about["composition"]).parts:
        card = session.zoo.get(part.entry, session.shelf)
        if missing := [file for file in card.files if not (session.zoo.folder(card) / file).is_file()]:
            raise ToolkitError(
                f"The weights of '{card.name}' {card.digest[:12]} are not in the logged model ({missing[0]}), which keeps up to "
                f"tracking.weights_mib; raise it and train again, or load '{about['composition']}' from a zoo: `toolkit.load`."
            )


class Served:
    """The model as MLflow calls it; requests that come while a pass is computed are joined into the next one.

    Attributes:
        model: what answers.
        columns: those that a row needs, for a sentence.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        fields = own_fields(model.task, model.task.train_language) if model.answers_rows else ()
        self.columns = " and ".join(field.words for field in fields if field.is_needed) or f"a column '{PLAIN}'"
        self._answer: Joined[Asked, Answer] = Joined(lambda asked: self.model.answer(asked).answers)

    def predict(self, model_input: pandas.DataFrame, params: Mapping[str, Any] | None = None) -> pandas.DataFrame:
        """Return an answer for each row of a table.

        Args:
            model_input: columns as `xstilts tasks NAME` shows them; of a model that gives vectors `text`.
            params: `language`: of the rows.

        Returns:
            The columns of an answer, `prediction` first; of a model that gives vectors `vector`.
        """
        import pandas

        with refused():
            rows = _rows_of(model_input)
            if not rows:  # MLflow leaves out columns that the signature does not name, and rows with them
                raise DataError(f"There are no rows with {self.columns}.")
            if self.model.answers_rows:
                asker = self.model.asker((params or {}).get("language"))
                found = [answer.values() for answer in self._answer(asker.ask_all(rows))]
            else:
                found = [{"vector": list(map(float, one))} for one in self.model.embed([_text_of(row) for row in rows])]
        return pandas.DataFrame(found)


def _rows_of(table: pandas.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table; a cell that is empty is a column that the row lacks."""
    rows = table.to_dict("records") or [{}] * len(table)  # pandas finds no rows where there are no columns
    return [{str(name): value for name, value in row.items() if not _is_empty(value)} for row in rows]


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _text_of(row: Mapping[str, Any]) -> str:
    if not isinstance(text := row.get(PLAIN), str):
        raise DataError(f"A row has no text in the column '{PLAIN}' (it has {', '.join(row) or 'nothing'}).")
    return text
