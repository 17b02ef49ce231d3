"""Mining through the recipes: scores, files, thresholds, layers, a user's own texts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.config import Config, RetrieveConfig
from toolkit.errors import DataError, ToolkitError
from toolkit.recipes.score.mine_files import _sentences
from toolkit.tasks import get_task

pytestmark = pytest.mark.journey


def mining_config(folder: Path, *sets: str) -> Config:
    return tiny_config(folder, "retrieve.limit=null", *sets)


def bucc(folder: Path, split: str = "dev", *, order: int | None = None, of: str = "score") -> Path:
    """Write generated corpora as the shared task's files, the lines in another order for each number."""
    rows = list(get_task("micro-mining").rows(of, "de"))
    if order is not None:
        rows = [rows[i] for i in np.random.default_rng(order).permutation(len(rows))]
    folder.mkdir(exist_ok=True)
    for side, end in (("source", "de"), ("target", "en")):
        lines = [f"{row.id}\t{row.text}\n" for row in rows if row.side == side]  # type: ignore[union-attr]
        (folder / f"de-en.{split}.{end}").write_text("".join(lines), encoding="utf-8")
    gold = [f"{row.id}\t{other}\n" for row in rows for other in row.translations]  # type: ignore[union-attr]
    (folder / f"de-en.{split}.gold").write_text("".join(gold), encoding="utf-8")
    return folder


def test_mining_is_scored_by_f1_precision_and_recall_and_its_files_are_those_of_the_shared_task(tmp_path: Path) -> None:
    config = mining_config(tmp_path)
    result = toolkit.retrieve("backbone", config, task="micro-mining", languages="de")
    values = {score.metric: score.value for score in result.scores}
    assert list(values) == ["f1", "precision", "recall"]
    assert values["f1"] == pytest.approx(
        2 * values["precision"] * values["recall"] / (values["precision"] + values["recall"])
    )
    folder = result.folder / "jiant-layer1"
    predicted = [line.split("\t") for line in (folder / "de-en.score.predictions.tsv").read_text().splitlines()]
    candidates = [line.split("\t") for line in (folder / "de-en.score.candidates.tsv").read_text().splitlines()]
    facts = json.loads((folder / "de-en.score.threshold.json").read_text())
    assert predicted == [line[:2] for line in candidates if float(line[2]) >= facts["threshold"]]
    assert facts["source"] == "dev"
    assert (folder / "de-en.score.curve.png").is_file()
    assert "protocol=jiant layer=1/2 pooling=mean direction=max margin=ratio k=4" in result.scores[0].protocol
    gold = {
        (row.id, other)
        for row in get_task("micro-mining").rows("score", "de")
        for other in row.translations  # type: ignore[union-attr]
    }
    right = len({(a, b) for a, b in predicted} & gold)
    assert values["precision"] == pytest.approx(right / len(predicted))
    assert values["recall"] == pytest.approx(right / len(gold))


def test_a_threshold_chosen_on_the_rows_that_are_scored_is_called_an_oracle(tmp_path: Path) -> None:
    config = replace(mining_config(tmp_path), data_root=bucc(tmp_path / "bucc"))
    said: list[str] = []
    only_dev = toolkit.retrieve("backbone", config, task="bucc", languages="de", say=said.append)
    assert any("'dev' is the only split" in sentence for sentence in said)
    assert "threshold=oracle" in only_dev.scores[0].protocol
    bucc(tmp_path / "bucc", "test", of="dev")
    both = toolkit.retrieve("backbone", config, task="bucc", languages="de")
    assert "threshold=dev" in both.scores[0].protocol
    assert both.scores[0].split == "test"


def test_an_oracle_is_at_least_as_good_as_any_number(tmp_path: Path) -> None:
    values = {}
    for threshold in ("oracle", "dev", "1.0", "1.01"):
        config = mining_config(tmp_path, f"retrieve.threshold={threshold}")
        scores = toolkit.retrieve("backbone", config, task="micro-mining", languages="de").scores
        values[threshold] = scores[0].value
    assert values["oracle"] == max(values.values())


def test_the_order_of_the_lines_changes_no_score_and_no_file(tmp_path: Path) -> None:
    found = []
    for order in (None, 1):
        config = replace(mining_config(tmp_path), data_root=bucc(tmp_path / "bucc", order=order))
        result = toolkit.retrieve("backbone", config, task="bucc", languages="de")
        stem = result.folder / "jiant-layer1" / "de-en.dev"
        text = stem.with_name("de-en.dev.candidates.tsv").read_text()
        found.append(([score.value for score in result.scores], text))
    assert found[0] == found[1]


def test_all_protocols_are_scored_side_by_side(tmp_path: Path) -> None:
    config = mining_config(tmp_path, "retrieve.protocol=all")
    for task, metrics in (("micro-mining", {"f1", "weighted_f1"}), ("micro-bitext", {"accuracy", "weighted_f1"})):
        scores = toolkit.retrieve("backbone", config, task=task, languages="de").scores
        names = {score.protocol.split()[0] for score in scores}
        assert names == {f"protocol={name}" for name in ("jiant", "xtreme", "laser", "mteb", "st")}
        assert metrics <= {score.metric for score in scores}


def test_every_layer_of_one_pass_scores_as_that_layer_alone(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    every = toolkit.retrieve("backbone", config, task="micro-bitext", languages="de", layers="all")
    assert (every.folder / "layers.png").is_file()
    assert [score.protocol.split()[1] for score in every.scores] == ["layer=0/2", "layer=1/2", "layer=2/2"]
    for layer, score in enumerate(every.scores):
        alone = toolkit.retrieve(
            "backbone", tiny_config(tmp_path, f"retrieve.layer={layer}"), task="micro-bitext", languages="de"
        )
        assert alone.scores[0].value == score.value
        assert alone.scores[0].protocol == score.protocol


@pytest.mark.parametrize(("layers", "said"), [("0,9", "Layer 9 does not exist"), ("top", "names no layers")])
def test_layers_that_do_not_exist_are_refused(tmp_path: Path, layers: str, said: str) -> None:
    with pytest.raises(ToolkitError, match=said):
        toolkit.retrieve("backbone", tiny_config(tmp_path), task="micro-bitext", languages="de", layers=layers)


def test_a_limit_without_a_gold_pair_is_refused(tmp_path: Path) -> None:
    config = mining_config(tmp_path, "retrieve.limit=1")
    with pytest.raises(
        DataError, match=r"no gold pair is among the 1 lines drawn of either side; .* set retrieve.limit to \d+ or more"
    ):
        toolkit.retrieve("backbone", config, task="micro-mining", languages="de")


def test_no_corpora_at_all_is_refused_with_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match=r"There is no de-en to mine.*de-en\.dev\.gold"):
        toolkit.retrieve("backbone", tiny_config(tmp_path), task="bucc")


def texts(folder: Path) -> tuple[Path, Path]:
    rows = list(get_task("micro-bitext").rows("score", "de", limit=12))
    files = folder / "a.de", folder / "b.en"
    files[0].write_text("\n".join(["", *(row.source for row in rows)]), encoding="utf-8")  # type: ignore[union-attr]
    files[1].write_text("\n".join(row.target for row in rows), encoding="utf-8")  # type: ignore[union-attr]
    return files


def test_a_limit_draws_lines_of_either_file_and_is_part_of_the_settings_that_are_said(tmp_path: Path) -> None:
    source, target = texts(tmp_path)
    source.write_text(source.read_text().lstrip("\n"), encoding="utf-8")  # parallel: line i translates line i
    target.write_text(target.read_text() + "\n" * 40 + "One more.\n", encoding="utf-8")
    drawn: dict[int, tuple[set[str], ...]] = {}
    for limit in (3, 5, 100):
        said: list[str] = []
        config = tiny_config(tmp_path, f"retrieve.limit={limit}", "retrieve.seed=7", "retrieve.direction=forward")
        toolkit.mine(source, target, config, out=tmp_path / "pairs.tsv", say=said.append)
        assert any(sentence.endswith(f" limit={limit} limit_seed=7") for sentence in said)
        pairs = [line.split("\t") for line in (tmp_path / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
        drawn[limit] = tuple({pair[column] for pair in pairs} for column in (1, 2))
        assert len(drawn[limit][0]) == min(limit, 12)
    assert drawn[3][0] < drawn[5][0] < drawn[100][0]
    other = tiny_config(tmp_path, "retrieve.limit=5", "retrieve.seed=8", "retrieve.direction=backward")
    toolkit.mine(source, target, other, out=tmp_path / "pairs.tsv")
    pairs = [line.split("\t") for line in (tmp_path / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    assert {pair[1] for pair in pairs} != drawn[5][0]
    assert {pair[2] for pair in pairs} - {str(n) for n in range(1, 13)} <= {"53"}


def test_a_limit_keeps_the_pairs_of_parallel_files_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n" * 100)
    (tmp_path / "b").write_text("".join("y\n" if number % 10 else "\n" for number in range(1, 101)))
    said: list[str] = []
    settings = replace(RetrieveConfig(), limit=20, seed=3)
    whole, part = (set(_sentences(tmp_path / name, settings, said.append).numbers.tolist()) for name in "ab")
    assert len(whole) == len(part) == 20 and {number for number in whole if number % 10} <= part
    assert said == [f"{tmp_path / 'b'}: 10 empty lines were left out."]


def test_two_text_files_are_mined_for_pairs_with_their_lines_and_scores(tmp_path: Path) -> None:
    source, target = texts(tmp_path)
    said: list[str] = []
    n = toolkit.mine(source, target, tiny_config(tmp_path), out=tmp_path / "pairs.tsv", say=said.append).n
    pairs = [line.split("\t") for line in (tmp_path / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    assert n == len(pairs) > 0
    assert any("1 empty lines were left out" in sentence for sentence in said)
    sides = [file.read_text(encoding="utf-8").split("\n") for file in (source, target)]
    for _, a, b, x, y in pairs:
        assert (sides[0][int(a) - 1], sides[1][int(b) - 1]) == (x, y)
    scores = [float(pair[0]) for pair in pairs]
    assert scores == sorted(scores, reverse=True)
    above = tiny_config(tmp_path, f"retrieve.threshold={scores[2]}")
    assert toolkit.mine(source, target, above, out=tmp_path / "pairs.tsv").n in (2, 3, 4)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ("retrieve.protocol=mteb", "'mteb' mines no pairs"),
        ("retrieve.protocol=all", "'all' mines no pairs"),
        ("retrieve.threshold=oracle", "'oracle' is chosen on gold pairs"),
    ],
)
def test_what_needs_gold_is_refused_for_text_files(tmp_path: Path, sets: str, said: str) -> None:
    source, target = texts(tmp_path)
    with pytest.raises(ToolkitError, match=said):
        toolkit.mine(source, target, tiny_config(tmp_path, sets), out=tmp_path / "pairs.tsv")
    assert not (tmp_path / "pairs.tsv").exists()


def test_an_empty_file_and_a_tab_are_refused_by_file_and_line(tmp_path: Path) -> None:
    source, target = texts(tmp_path)
    target.write_text("\n\n")
    with pytest.raises(DataError, match=r"b\.en is empty"):
        toolkit.mine(source, target, tiny_config(tmp_path), out=tmp_path / "pairs.tsv")
    target.write_text("one\ntwo\tthree\n")
    with pytest.raises(DataError, match=r"b\.en, line 2 holds a tab"):
        toolkit.mine(source, target, tiny_config(tmp_path), out=tmp_path / "pairs.tsv")


def test_the_layers_of_several_compositions_are_drawn_in_one_figure(tmp_path: Path, trained: Config) -> None:
    config = replace(trained, run_dir=tmp_path / "runs", store=replace(trained.store, folder=tmp_path / "embeddings"))
    curves = toolkit.compare_layers(["backbone", "micro-nli"], config, task="micro-bitext", languages="de")
    results, figure = curves.results, curves.figure
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert [result.scores[0].composition for result in results] == ["backbone", "micro-nli"]
    assert [len(result.scores) for result in results] == [3, 3]
    alone = toolkit.retrieve("micro-nli", config, task="micro-bitext", languages="de", layers="all")
    assert alone.scores == results[1].scores


@pytest.mark.parametrize("expression", ["micro-nli@nothing", "micro-nli@micro-qa", "backbone@nothing"])
def test_a_head_that_is_named_and_not_there_is_refused(tmp_path: Path, expression: str) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("micro-nli", config)
    for side in ("de", "en"):
        (tmp_path / side).write_text(f"{side} one\n{side} two\n", encoding="utf-8")
    with pytest.raises(ToolkitError, match=f"'{expression}' is not in the zoo"):
        toolkit.mine(tmp_path / "de", tmp_path / "en", config, out=tmp_path / "pairs.tsv", expr=expression)
    assert not (tmp_path / "pairs.tsv").exists()
