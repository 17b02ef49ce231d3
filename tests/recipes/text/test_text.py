"""Journeys with plain text: trained, scored in each language, asked for what is missing; and files that are not as they should be."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import toolkit
from tests.recipes.small import tiny_config
from toolkit.config import Config
from toolkit.errors import ConfigError, DataError, ToolkitError
from toolkit.modeling.masked import MaskedHead, begin_with_frequencies
from toolkit.results.answers import MaskedAnswer

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = tiny_config(tmp_path_factory.mktemp("text"))
    toolkit.train("micro-text.sw", config)
    return config


def test_a_text_task_is_scored_in_each_language_by_accuracy_and_perplexity(trained: Config) -> None:
    found = toolkit.evaluate("micro-text.sw", trained, task="micro-text", languages="sw,en")
    values = {(score.language, score.metric): score.value for score in found.scores}
    assert set(values) == {(code, metric) for code in ("sw", "en") for metric in ("masked_accuracy", "perplexity")}
    assert all(1 < values[code, "perplexity"] < math.inf for code in ("sw", "en"))
    assert "masked_accuracy" in found.text and "in % except perplexity" in found.text
    again = toolkit.evaluate("micro-text.sw", trained, task="micro-text", languages="sw")
    assert [score.value for score in again.scores] == [score.value for score in found.scores if score.language == "sw"]


def test_rows_of_a_language_may_be_named_as_in_a_composition(trained: Config) -> None:
    found = toolkit.evaluate("micro-text.sw", trained, task="micro-text.sw")
    assert {score.language for score in found.scores} == {"sw"} and {score.task for score in found.scores} == {
        "micro-text"
    }
    with pytest.raises(ToolkitError, match=r"'micro-text.sw' names the rows in sw; leave --languages out"):
        toolkit.evaluate("micro-text.sw", trained, task="micro-text.sw", languages="en")


def test_the_weights_are_chosen_in_the_language_that_is_learnt(trained: Config) -> None:
    from toolkit.zoo import Zoo

    card = Zoo(trained.zoo).get("micro-text.sw", "tiny")
    assert {score.language for score in card.scores} == {"sw"}
    assert card.heads["micro-text"].kind == "text" and (card.heads["micro-text"].pieces or 0) > 1000
    assert "decoder" not in str(sorted(card.files))


def test_a_head_begins_with_the_frequencies_of_the_training_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.recipes.train import wired

    found: list[tuple[int, int]] = []

    def watched(head: MaskedHead, counts: torch.Tensor) -> None:
        begin_with_frequencies(head, counts)
        found.append((int(counts.sum()), int(head.bias.argmax())))
        assert int(counts.argmax()) == found[-1][1] and not counts[:4].any()

    monkeypatch.setattr(wired, "begin_with_frequencies", watched)
    config = tiny_config(tmp_path, "train.lr=1e-9")
    card = toolkit.train("micro-text.sw", config).cards[-1]
    toolkit.train("micro-nli", config)  # has no such head
    assert len(found) == 1
    (score,) = [
        one
        for one in toolkit.evaluate("micro-text.sw", config, task="micro-text.sw").scores
        if one.metric == "perplexity"
    ]
    assert score.value < (card.heads["micro-text"].pieces or 0) / 4  # a uniform guess has the size of the vocabulary


def test_masks_of_ones_own_texts_are_filled(trained: Config) -> None:
    with toolkit.load("micro-text.sw", trained) as model:
        (one, two) = model.predict(["Maria <mask> a <mask>.", {"text": "<mask>"}])
        assert isinstance(one, MaskedAnswer) and isinstance(two, MaskedAnswer)
        assert [len(each) for each in one.pieces] == [5, 5] and len(two.pieces) == 1
        assert "<mask>" not in one.prediction and one.prediction.startswith("Maria ")
        assert all(0 < sum(shares) <= 1 + 1e-6 for shares in one.probabilities)
        with pytest.raises(DataError, match=r"no <mask> in 'Maria'; expected <mask> in the place of each piece"):
            model.predict(["Maria"])


def test_a_task_on_top_of_a_language_adapter_learns_and_leaves_it_alone(trained: Config) -> None:
    card = toolkit.train("micro-text.sw/micro-nli", trained).cards[-1]
    assert [parent.name for parent in card.parents] == ["micro-text.sw"]
    assert {
        score.metric
        for score in toolkit.evaluate("micro-text.sw/micro-nli", trained, task="micro-nli", languages="sw").scores
    } == {"accuracy"}


def test_what_a_file_cannot_answer_is_not_exported(trained: Config, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="guesses pieces of a vocabulary of"):
        toolkit.export("micro-text.sw", trained, out=tmp_path / "out", to="torch")


# -- files of one's own -----------------------------------------------------------------------------------------------


def own_task(folder: Path, text: bytes, name: str = "own.txt", **more: str) -> Path:
    (folder / name).write_bytes(text)
    lines = [
        "name: own",
        "kind: text",
        f"files: {{train: {name}, dev: 20%}}",
        *(f"{key}: {value}" for key, value in more.items()),
    ]
    (folder / "own.yaml").write_text("\n".join(lines))
    return folder / "own.yaml"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own.txt", b"One line.\n\nAnother one.\r\n\n" + b"A third one.\n" * 4),
        ("own.jsonl", b'{"text": "One."}\n' * 5),
        ("own.csv", b"text,more\nOne.,1\nTwo.,2\nThree.,3\nFour.,4\nFive.,5\n"),
    ],
)
def test_three_lines_declare_a_text_of_ones_own(tmp_path: Path, name: str, text: bytes) -> None:
    task = toolkit.load_task(own_task(tmp_path, text, name))
    rows = [*task.rows("train"), *task.rows("dev")]
    assert len(rows) in (5, 6) and all(row.text.strip() for row in rows)
    assert task.metric == "masked" and task.languages == ("en",)


def test_parquet_is_read_too(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"text": ["a b", "c d", "e f"]}), tmp_path / "own.parquet")
    (tmp_path / "own.yaml").write_text("name: own\nkind: text\nfiles: {train: own.parquet, dev: 40%}\n")
    assert len(toolkit.load_task(tmp_path / "own.yaml").rows("train")) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "own.txt has no rows; expected at least one"),
        (b"\n \n\n", "holds 3 blank lines and no text"),
        (b"good\n\xff\xfe bad\nmore\n", "own.txt, line 2: byte 0xff is not UTF-8"),
    ],
)
def test_a_file_without_text_is_refused_in_a_sentence(tmp_path: Path, text: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        toolkit.load_task(own_task(tmp_path, text)).rows("train")


def test_texts_have_no_labels_and_no_answers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'text' names columns for label, text; expected text"):
        toolkit.load_task(own_task(tmp_path, b"a\n", "own.csv", columns="{text: a, label: b}"))


def test_a_text_task_with_labels_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a text task has no labels: its own pieces are guessed"):
        toolkit.load_task(own_task(tmp_path, b"a\nb\n", labels="[a, b]"))


def test_noise_is_asked_of_the_journey_that_scores_text(trained: Config) -> None:
    with pytest.raises(
        ToolkitError, match=r"`xstilts eval micro-text.sw --task micro-text .* scores it under one noise"
    ):
        toolkit.robust(["micro-text.sw"], trained, task="micro-text")


def test_a_mirror_of_text_answers_before_wikipedia_and_wikipedia_where_it_alone_is_there(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    def mirror(path: str, config: str, split: str, n: int, **columns: list[str]) -> None:
        folder = tmp_path / path / config
        folder.mkdir(parents=True, exist_ok=True)
        values = {"text": [f"{config} {number}" for number in range(n)], **columns}
        pyarrow.parquet.write_table(pyarrow.table(values), folder / f"{split}-00000-of-00001.parquet")

    task = toolkit.get_task("text")
    mirror("wikimedia/wikipedia", "20231101.sw", "train", 60, id=[str(number) for number in range(60)])
    assert [len(task.rows(split, "sw", data_root=tmp_path)) for split in ("train", "dev", "score")] == [58, 1, 1]
    assert "wikimedia/wikipedia" in task.rows("train", "sw", data_root=tmp_path).origin
    mirror("local/text", "swa", "train", 50)
    mirror("local/text", "swa", "validation", 5)
    assert [len(task.rows(split, "sw", data_root=tmp_path)) for split in ("train", "dev", "score")] == [49, 1, 5]
    assert task.reachable("train", data_root=tmp_path) == ("sw",)
    mirror("wikimedia/wikipedia", "20231101.de", "train", 60, id=[str(number) for number in range(60)])
    assert task.reachable("train", data_root=tmp_path) == ("de", "sw")
    assert toolkit.get_task("wikipedia").reachable("train", data_root=tmp_path) == ("de", "sw")


@pytest.mark.real_data
def test_the_mirrors_texts_are_rows_in_seven_languages(data_root: Path) -> None:
    task = toolkit.get_task("text")
    for split in ("train", "dev", "score"):
        assert set(task.reachable(split, data_root=data_root)) == {"gn", "ay", "yo", "ig", "ha", "sw", "en"}
    train, dev, scored = (task.rows(split, "gn", data_root=data_root) for split in ("train", "dev", "score"))
    assert len(train) + len(dev) == 12_500 and len(scored) == 500
    assert not {row.text for row in train} & {row.text for row in scored}


def test_a_language_adapter_with_an_invertible_layer_is_trained_kept_checked_and_stacked(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "adapter.kind=seq_bn_inv", "adapter.leave_out_upper=1")
    (card,) = toolkit.train("micro-text.sw", config).cards
    assert card.kind == "seq_bn_inv" and card.files["adapter.safetensors"].tensors == 4 + 8  # one layer of two
    above = toolkit.train("micro-text.sw/micro-nli", tiny_config(tmp_path)).cards[-1]
    assert above.kind == "seq_bn" and [parent.name for parent in above.parents] == ["micro-text.sw"]
    scores = toolkit.evaluate("micro-text.sw/micro-nli", tiny_config(tmp_path), task="micro-nli", languages="sw").scores
    assert scores[0].n == 8
    assert toolkit.evaluate("micro-text.sw", tiny_config(tmp_path), task="micro-text.sw").scores
    toolkit.zoo_verify("micro-text.sw", tiny_config(tmp_path))
    toolkit.zoo_export("micro-text.sw", tiny_config(tmp_path), out=tmp_path / "out")
    other = replace(tiny_config(tmp_path), zoo=str(tmp_path / "other"))
    assert toolkit.zoo_import(tmp_path / "out", other).rows[0]["name"] == "micro-text.sw"


def test_layers_without_an_adapter_are_a_share_or_a_number(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match=r"1.5 layers without an adapter were asked for; expected a share below 1"):
        toolkit.train("micro-text.sw", tiny_config(tmp_path, "adapter.leave_out_upper=1.5"))


def test_a_language_of_ones_own_is_scored_on_rows_that_nothing_was_trained_on(tmp_path: Path) -> None:
    for code, words in (("en", "the dog sees a house"), ("quy", "allqu huk wasita qawan")):
        lines = [" ".join(words.split()[number % 3 :] * (1 + number % 2)) for number in range(20)]
        (tmp_path / f"{code}.txt").write_text("\n".join(lines))
        rows = [f"{line},{lines[-1]},{'same' if number % 2 else 'other'}" for number, line in enumerate(lines)]
        (tmp_path / f"nli-{code}.csv").write_text("\n".join(["premise,hypothesis,label", *rows]))
    (tmp_path / "plain.yaml").write_text(
        'name: plain\nkind: text\nfiles: {train: "{code}.txt", dev: 20%}\nlanguages: [en, quy]\n'
    )
    (tmp_path / "own-nli.yaml").write_text(
        "name: own-nli\nkind: pair\nlabels: [same, other]\nlanguages: [en, quy]\ncolumns: {first: premise, second: hypothesis, label: label}\n"
        'files: {train: "nli-{code}.csv", dev: "nli-{code}.csv", test: "nli-{code}.csv"}\n'
    )
    config = replace(tiny_config(tmp_path), task_files=(tmp_path / "plain.yaml", tmp_path / "own-nli.yaml"))
    inverted = replace(config, adapter=replace(config.adapter, kind="seq_bn_inv", leave_out_upper=1.0))
    for code in ("en", "quy"):
        toolkit.train(f"plain.{code}", inverted)
    toolkit.train("plain.*/own-nli", config)
    (score,) = toolkit.evaluate("plain.*/own-nli", config, task="own-nli", languages="quy").scores
    assert (score.language, score.language_adapter) == ("quy", "plain.quy") and 0 <= score.value <= 1
