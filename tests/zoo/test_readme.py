"""The page for people says what the card says, in the hub's own fields."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests.zoo.cards import card, weights
from toolkit.zoo import AdapterCard, Backbone, CardScore, Seen, Zoo
from toolkit.zoo.readme import metadata, readme

BASE = Backbone("xlm-roberta-base", "ab" * 32, 8, 2)


@pytest.fixture
def stored(tmp_path: Path) -> AdapterCard:
    seen = (Seen("mnli", "train", "en", 8815, origin="/home/me/data/mnli.parquet"),)
    return Zoo(tmp_path / "zoo").put(card("mnli", backbone=BASE, data_seen=seen), weights())


def test_the_hub_reads_its_fields(stored: AdapterCard) -> None:
    from huggingface_hub import ModelCard

    data = ModelCard(readme(stored, "hf://team/adapters")).data
    assert data.base_model == "FacebookAI/xlm-roberta-base"
    assert data.library_name == "xstilts"
    assert data.datasets == ["nyu-mll/glue"]
    assert data.metrics == ["accuracy"]
    assert data.language == ["en"]
    assert (data.license, data.license_name) == ("other", "mit-and-cc-by-4-0")


def test_a_data_set_of_a_task_that_is_not_built_in_is_known_by_its_revision(stored: AdapterCard) -> None:
    seen = (Seen("own", "train", "en", 3, revision="team/rows@" + "a" * 40), Seen("other", "train", "en", 3))
    assert metadata(AdapterCard(**{**stored.__dict__, "data_seen": seen}))["datasets"] == ["team/rows"]


def test_it_holds_the_results_and_the_two_lines_that_use_it(stored: AdapterCard) -> None:
    page = readme(stored, "hf://team/adapters")
    assert "| mnli | en | accuracy | 30.0 |" in page
    assert (
        "xstilts zoo pull hf://team/adapters 'mnli'\nxstilts eval 'mnli' --task mnli --backbone xlm-roberta-base"
        in page
    )


def test_it_says_nothing_about_the_makers_disk(stored: AdapterCard) -> None:
    page = readme(stored, "/home/me/zoo")
    assert "/home/me" not in page
    assert "mnli.parquet" in page


def test_generated_rows_are_no_benchmark(stored: AdapterCard) -> None:
    score = CardScore("micro-nli", "en", "accuracy", 0.5, is_generated=True)
    page = readme(AdapterCard(**{**stored.__dict__, "scores": (score,)}))
    assert "50.0 (generated rows, no benchmark)" in page


def test_a_strangers_text_makes_no_markup_and_no_field(stored: AdapterCard) -> None:
    hostile = "MIT\nbase_model: evil/model\n<script>alert(1)</script> | [x](javascript:1)"
    changed = AdapterCard(**{**stored.__dict__, "licence": hostile, "tasks": ("<b>x</b>",)})
    page = readme(changed)
    assert metadata(changed)["base_model"] == "FacebookAI/xlm-roberta-base"
    assert "<script" not in page and "<b>" not in page and "[x](javascript" not in page
    assert page.count("\nbase_model:") == 1


def test_a_push_writes_it_and_the_entry_stays_sound(stored: AdapterCard, tmp_path: Path) -> None:
    said = CliRunner().invoke(cli.main, ["zoo", "push", "mnli", str(tmp_path / "to"), "--zoo", str(tmp_path / "zoo")])
    assert said.exit_code == 0, said.output
    page = tmp_path / "to" / "xlm-roberta-base" / "mnli" / "README.md"
    assert page.read_text(encoding="utf-8") == readme(stored, str(tmp_path / "to"))
    assert Zoo(tmp_path / "to").faults() == []
    printed = CliRunner().invoke(cli.main, ["zoo", "readme", "mnli", "--zoo", str(tmp_path / "zoo")])
    assert printed.stdout == readme(stored)
