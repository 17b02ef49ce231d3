"""Exported models on real rows: onnxruntime and `run.py` give the answers of the circuit on the embedded backbone."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolkit
from tests.conftest import MIRROR
from tests.recipes.export.programs import answer_of, as_json, record_of
from toolkit.config import Config

pytest.importorskip("onnxruntime")
pytestmark = [pytest.mark.real_data, pytest.mark.slow]
ROWS = 500
TASKS = {"pawsx": "pawsx", "squad": "xquad", "copa": "xcopa", "udpos": "udpos"}
LANGUAGES = {"pawsx": ["zh"], "squad": ["zh"], "copa": ["et", "id", "sw", "zh", "tr"], "udpos": ["zh"]}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    if not MIRROR.is_dir():
        pytest.skip("no mirror of real rows")
    folder = tmp_path_factory.mktemp("exported")
    sets = ("train.limit=32", "train.epochs=1", "train.eval_limit=8", "tracking.enabled=no", "backbone.precision=fp32")
    return toolkit.configure(
        *sets, f"eval.limit={ROWS}", backbone="embedded", data_root=MIRROR, zoo=folder / "zoo", run_dir=folder / "runs"
    )


@pytest.mark.parametrize("trained_on", TASKS)
def test_500_real_rows_of_each_kind_get_the_same_answers(trained_on: str, config: Config, tmp_path: Path) -> None:
    target = TASKS[trained_on]
    toolkit.train(trained_on, config)
    languages = LANGUAGES[trained_on]
    few = {"data_root": MIRROR, "limit": ROWS // len(languages)}
    rows = [row for each in languages for row in toolkit.get_task(target).rows("score", each, **few)]
    records = [record_of(row) for row in rows]
    result = toolkit.export(trained_on, config, out=tmp_path / "out")
    assert result.difference < 1e-4
    with toolkit.load(trained_on, config, task=target) as model:
        ours = as_json(model.predict(records))
    answer = answer_of(tmp_path / "out")
    theirs = [answer(record) for record in records]
    differing = [
        i for i, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one["prediction"] != other["prediction"]
    ]
    assert len(records) == ROWS and differing == []
