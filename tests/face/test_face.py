"""The public face: what `toolkit` lists, its types, and one family of results."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import toolkit
from tests import PROJECT
from tests.recipes.small import FUSED
from toolkit.config import Config
from toolkit.results.result import Result

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("cheap_journeys")]

FUNCTIONS = [
    name for name in dir(toolkit) if inspect.isfunction(getattr(toolkit, name)) and name not in ("parse", "get_task")
]
JOURNEYS = [name for name in FUNCTIONS if name not in ("configure", "load", "load_task")]
# One name for one switch: a parameter of another name with the same meaning would show here as a new one.
PARAMETERS = {
    "expr", "exprs", "config", "name", "names", "members", "target", "source", "tasks", "sources", "candidates", "first",
    "second", "src", "dest", "place", "folder", "task", "suite", "instead", "languages", "language", "layers", "metric",
    "resamples", "baseline", "to", "vectors", "int8", "perturb", "strengths", "attacks", "by", "train", "sweep", "variant", "n", "keep", "text",
    "retrain", "replace", "has_adapter", "lock", "locks", "out", "report", "say", "settings", "workers", "cluster", "update",
    "endpoint", "kind", "backbone", "better_than", "sort", "at", "force", "remove", "parents", "same_as", "labels",
    "format", "choices", "older_than", "all", "release", "effect", "spread", "publish", "stages_of", "only", "echo", "language_column", "prefix", "column", "host", "port", "models",
    "memory", "row_tokens",
}  # fmt: skip


def parameters(name: str) -> dict[str, inspect.Parameter]:
    """The parameters of a function, with those of the mapping that its `**` stands for."""
    found = dict(inspect.signature(getattr(toolkit, name)).parameters)
    for key, each in list(found.items()):
        if each.kind is inspect.Parameter.VAR_KEYWORD:
            del found[key]
            module = getattr(toolkit, name).__module__
            options = _class_named(each.annotation.removeprefix("Unpack[").removesuffix("]"), module).__annotations__
            found |= dict.fromkeys(options, each)
    return found


def test_the_package_lists_every_journey() -> None:
    listed = {
        "train",
        "fuse",
        "plan",
        "evaluate",
        "evaluate_suite",
        "retrieve",
        "mine",
        "compare",
        "robust",
        "compare_tasks",
    }
    listed |= {
        "predict",
        "embed",
        "rank",
        "suggest",
        "attention",
        "prune",
        "collapse",
        "sweep",
        "sweep_status",
        "sweep_report",
        "demo",
    }
    listed |= {
        "tasks_check",
        "tasks_fetch",
        "zoo_push",
        "zoo_lock",
        "store_verify",
        "cache_show",
        "configs_copy",
        "doctor",
    }
    assert listed <= set(dir(toolkit)) == set(toolkit.__all__)
    for name in dir(toolkit):
        assert getattr(toolkit, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'toolkit' has no attribute 'trian'"):
        toolkit.trian  # type: ignore[attr-defined]  # noqa: B018


def test_the_same_switch_has_the_same_name_everywhere() -> None:
    assert len(JOURNEYS) > 40
    used = {each for name in JOURNEYS for each in parameters(name)}
    assert used == PARAMETERS


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_takes_a_configuration_and_returns_a_result(name: str) -> None:
    signature = inspect.signature(getattr(toolkit, name))
    found = parameters(name)
    if "config" in found:
        assert found["config"].annotation in ("Config", "Config | None")
    annotations = [each.annotation for each in signature.parameters.values()]
    assert not [each for each in annotations if each is inspect.Parameter.empty or "Any" in str(each)]
    home = sys.modules[getattr(toolkit, name).__module__]
    returned = _class_named(signature.return_annotation, home.__name__)
    assert issubclass(returned, Result)
    doc = inspect.getdoc(getattr(toolkit, name))
    assert doc and doc.splitlines()[0].endswith((".", "?", ",", "."))


def _class_named(name: str, home: str) -> type:
    """The class that an annotation names in a module, which may import it for type checkers alone."""
    found = getattr(sys.modules[home], name, None)
    if found is None:
        tree = ast.parse(inspect.getsource(sys.modules[home]))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        (source,) = [str(node.module) for node in imports if name in [alias.name for alias in node.names]]
        found = getattr(import_module(source), name)
    assert isinstance(found, type)
    return found


@pytest.mark.slow
def test_the_types_reach_who_uses_the_package(tmp_path: Path) -> None:
    assert (PROJECT / "toolkit" / "py.typed").is_file()
    program = tmp_path / "uses.py"
    program.write_text(
        "import toolkit\n"
        "config = toolkit.configure('train.limit=5', backbone='tiny', zoo='zoo')\n"
        "reveal_type(config)\n"
        "result = toolkit.evaluate('a', config, task='xnli', say=print)\n"
        "reveal_type(result.scores[0].value)\n"
        "reveal_type(toolkit.zoo_list(config))\n"
        "toolkit.evaluate('a', config)\n"
        "toolkit.evaluate('a', config, task=3)\n"
        "toolkit.evaluate('a', config, task='xnli', sya=print)\n"
        "toolkit.train('a', 'config')\n"
    )
    api = pytest.importorskip("mypy.api")
    out, _, _ = api.run(["--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), str(program)])
    said = [line.removeprefix(f"{program}:") for line in out.splitlines()]
    assert [line.split(":")[0] for line in said if "error" in line] == ["7", "8", "9", "10"], out
    assert any(line.startswith("3:") and "toolkit.config.schema.Config" in line for line in said)
    assert any(line.startswith("5:") and "float" in line for line in said)
    assert any(line.startswith("6:") and "Listing" in line for line in said)


def test_importing_a_journey_loads_no_torch() -> None:
    program = (
        "import sys, toolkit\n"
        "for name in toolkit.__all__:\n    getattr(toolkit, name) if name not in ('Zoo', 'AdapterCard') else None\n"
        "print([name for name in ('torch', 'pandas', 'transformers', 'mlflow', 'matplotlib') if name in sys.modules])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert found.stdout.strip() == "[]"


# -- results of journeys --------------------------------------------------------------------------------------------


def test_scores_are_a_table_and_a_folder(trained: Config, tmp_path: Path) -> None:
    result = toolkit.evaluate(FUSED, trained, task="micro-choice", languages="en,de")
    frame = result.table()
    assert list(frame["language"]) == ["en", "de"]
    assert list(frame["value"]) == [score.value for score in result.scores]
    saved = result.save(tmp_path / "paper")
    assert {path.name for path in saved.iterdir()} == {"scores.csv", "scores.json", "heat_map.png", "predictions"}


def test_a_training_is_the_sequence_of_its_cards(trained: Config) -> None:
    nothing = toolkit.train(FUSED, trained)
    assert (len(nothing), list(nothing), nothing.text, bool(nothing)) == (0, [], "", False)
    assert nothing.table().empty


def test_a_plan_is_a_table_of_stages(folder: Path) -> None:
    found = toolkit.plan("fuse[mnli,squad]/xquad", toolkit.configure())
    frame = found.table()
    assert list(frame["entry"]) == ["mnli", "squad", "fuse[mnli,squad]/xquad"]
    assert frame["parents"][2] == "mnli, squad"
    assert "3 stages to train" in found.text


def test_the_zoo_is_a_table(trained: Config) -> None:
    frame = toolkit.zoo_list(trained).table()
    assert set(frame["name"]) >= {"micro-nli", "micro-qa", FUSED}
    assert (frame["bytes"] > 0).all()
    shown = toolkit.zoo_show("micro-nli", trained, backbone="tiny")
    assert shown.card.digest in shown.text
    assert toolkit.zoo_verify(None, trained).table().shape[0] == frame.shape[0]


def test_pairs_mined_are_a_table(trained: Config, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("the cat\nthe dog\n\nthe house\n")
    (tmp_path / "b").write_text("die Katze\nder Hund\ndas Haus\n")
    out = tmp_path / "pairs.tsv"
    result = toolkit.mine(tmp_path / "a", tmp_path / "b", trained, out=out)
    frame = result.table()
    assert list(frame.columns) == ["score", "source_line", "target_line", "source", "target"]
    assert len(frame) == result.n > 0
    assert frame["score"].is_monotonic_decreasing
    assert (result.save(tmp_path / "paper") / "pairs.tsv").read_bytes() == out.read_bytes()


@pytest.mark.parametrize("name", ["tasks_list", "configs_list", "perturbations", "backbones", "cache_show"])
def test_a_list_is_saved_as_text_csv_and_json(folder: Path, name: str) -> None:
    result = getattr(toolkit, name)()
    assert result.text
    assert len(result.table()) == len(result.records()) > 0
    saved = result.save(folder / "saved")
    assert {path.suffix for path in saved.iterdir()} == {".txt", ".csv", ".json"}


def test_the_doctor_examines_the_backbone_that_was_named(tmp_path: Path) -> None:
    def found(name: str) -> str:
        return toolkit.doctor(toolkit.configure(backbone=name, zoo=tmp_path / "zoo")).text

    refused = found("google-bert/bert-base-uncased")
    assert "FIX   Backbone 'google-bert/bert-base-uncased' is, by its name, a model of the bert family" in refused
    assert "hf download google-bert" not in refused
    assert f"FIX   backbone {tmp_path}: a folder without config.json" in found(str(tmp_path))
    assert "FIX   backbone me/mine: not in the hub cache" in found("me/mine")
