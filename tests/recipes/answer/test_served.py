"""Logged models: the folder that MLflow keeps of an entry loads there and answers as the entry does."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import toolkit
from tests.modeling.published.checkpoints import publish
from tests.recipes.answer.test_model import TRAINED, records_of
from tests.recipes.small import FUSED, tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.recipes.answer.served import _load_pyfunc
from toolkit.recipes.session.logged import MODEL, write_model
from toolkit.recipes.session.session import Session

pytestmark = pytest.mark.journey


def logged(entry: str, config: Config, folder: Path) -> Path:
    """Write the logged model of an entry."""
    session = Session.open(config)
    (folder / "logged").mkdir()
    write_model(session.zoo.get(entry, session.shelf), session, folder / "logged")
    return folder / "logged"


def plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("task", TRAINED)
def test_mlflow_loads_a_logged_model_which_answers_as_the_zoo_does(trained: Config, tmp_path: Path, task: str) -> None:
    import mlflow

    rows = records_of(task)
    with toolkit.load(TRAINED[task], trained) as model:
        expected = [answer.values() for answer in model.predict(rows, language="de")]
    found = mlflow.pyfunc.load_model(str(logged(TRAINED[task], trained, tmp_path)))
    answers = found.predict(pandas.DataFrame(rows), params={"language": "de"}).to_dict("records")
    assert [{key: plain(value) for key, value in each.items()} for each in answers] == expected
    example = found.input_example
    assert len(found.predict(example)) == len(example) == 1
    assert set(example.columns) <= set(found.metadata.signature.inputs.input_names())
    assert next(iter(expected[0])) == found.metadata.signature.outputs.input_names()[0] == "prediction"
    found._model_impl.model.close()


def test_what_an_entry_runs_on_travels_and_nothing_else_of_the_zoo(trained: Config, tmp_path: Path) -> None:
    folder = logged(FUSED, trained, tmp_path)
    entries = {path.parent.name: path.parent for path in (folder / MODEL / "zoo").rglob("card.yaml")}
    assert len(entries) == 3
    assert all(any(path.rglob("*.safetensors")) for path in entries.values())
    about = json.loads((folder / MODEL / "composition.json").read_text())
    with toolkit.load(FUSED, trained) as model:
        assert about["backbone"]["digest"] == model.module.backbone.digest
    assert about["composition"] == FUSED and not list(folder.rglob("*.pkl"))


def test_a_row_that_lacks_a_column_is_one_sentence_for_mlflow(trained: Config, tmp_path: Path) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    found = mlflow.pyfunc.load_model(str(logged("micro-nli", trained, tmp_path)))
    for table, said in [
        ([{"first": "a"}], "no column 'second' (it has first); expected first and second"),
        ([{"first": "a", "second": None}], "no column 'second' (it has first)"),
        ([{"first": "a", "second": "b"}, {"second": "b"}], "row 1 (counted from 0): no column 'first'"),
        ([{"other": "a"}], "no rows with first and second"),
        ([], "no rows with first and second"),
    ]:
        with pytest.raises(MlflowException) as error:
            found.predict(pandas.DataFrame(table))
        assert said in error.value.message and "\n" not in error.value.message, table
        assert error.value.get_http_status_code() == 400
    with pytest.raises(MlflowException, match="No language named 'xx-yy'"):
        found.predict(pandas.DataFrame([{"first": "a", "second": "b"}]), params={"language": "xx-yy"})
    found._model_impl.model.close()


def test_a_backbone_that_is_missing_or_another_one_is_one_sentence(trained: Config, tmp_path: Path) -> None:
    inside = logged("micro-nli", trained, tmp_path) / MODEL
    digest = json.loads((inside / "composition.json").read_text())["backbone"]["digest"][:12]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ToolkitError) as missing:
        _load_pyfunc(str(inside), {"backbone": str(tmp_path / "empty")})
    said = str(missing.value)
    assert said.startswith(f"'micro-nli' runs on the backbone tiny with the weights {digest}, which are not here: ")
    assert "holds no config.json" in said and "model_config={'backbone': FOLDER}" in said and "\n" not in said
    other = tmp_path / "other"
    publish(other)
    with pytest.raises(ToolkitError, match=r"'micro-nli' was trained on tiny.*; this backbone is .*other"):
        _load_pyfunc(str(inside), {"backbone": str(other)})


def test_weights_that_were_too_large_to_travel_are_named(trained: Config, tmp_path: Path) -> None:
    small = replace(trained, tracking=replace(trained.tracking, weights_mib=0))
    folder = logged("micro-nli", small, tmp_path)
    assert not list(folder.rglob("*.safetensors"))
    with pytest.raises(ToolkitError, match=r"The weights of 'micro-nli' .* are not in the logged model .*weights_mib"):
        _load_pyfunc(str(folder / MODEL))


def test_a_folder_of_a_later_release_says_so(trained: Config, tmp_path: Path) -> None:
    inside = logged("micro-nli", trained, tmp_path) / MODEL
    (inside / "composition.json").write_text('{"format": 2, "xstilts": "9.0"}')
    with pytest.raises(ToolkitError, match="is of format 2, and this xstilts reads 1; install xstilts 9.0"):
        _load_pyfunc(str(inside))


def test_choices_in_a_column_each_are_texts_for_mlflow(tmp_path: Path) -> None:
    import mlflow

    (tmp_path / "own.yaml").write_text(
        "name: own\nkind: choice\nlanguages: [en]\nfiles: {train: own.csv, dev: own.csv, test: own.csv}\n"
        "columns: {context: text, choices: [one, two, three], label: gold}\n"
    )
    lines = "".join(f"a{n},b{n},c{n},d{n},{n % 3}\n" for n in range(12))
    (tmp_path / "own.csv").write_text("text,one,two,three,gold\n" + lines)
    config = replace(tiny_config(tmp_path), task_files=(tmp_path / "own.yaml",))
    toolkit.train("own", config)
    found = mlflow.pyfunc.load_model(str(logged("own", config, tmp_path)))
    row = {"text": "a1", "one": "b1", "two": "c1", "three": "d1"}
    with toolkit.load("own", config, task="own") as model:
        (expected,) = [answer.values()["text"] for answer in model.predict([row])]
    assert found.predict(pandas.DataFrame([row]))["text"][0] == expected
    assert len(found.predict(found.input_example)) == 1
    found._model_impl.model.close()


def test_a_task_of_ones_own_travels_with_its_columns(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\nkind: pair\nlanguages: [en]\nlabels: ['no', 'yes']\nfiles: {train: own.csv, dev: own.csv, test: own.csv}\n"
        "columns: {first: one, second: other, label: same}\n"
    )
    lines = "".join(f"a{n},b{n},{'yes' if n % 2 else 'no'}\n" for n in range(24))
    (tmp_path / "own.csv").write_text("one,other,same\n" + lines)
    config = replace(tiny_config(tmp_path), task_files=(tmp_path / "own.yaml",))
    toolkit.train("own", config)
    folder = logged("own", config, tmp_path)
    (tmp_path / "own.yaml").unlink()
    shutil.rmtree(tmp_path / "zoo")
    served = _load_pyfunc(str(folder / MODEL))
    found = served.predict(pandas.DataFrame([{"one": "a1", "other": "b1"}]))
    assert found["prediction"][0] in ("no", "yes") and list(found["probabilities"][0]) == ["no", "yes"]
    served.model.close()
