"""A task of each kind in under ten lines of YAML, from its declaration to its score, by commands alone."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner

import cli
from tests.recipes.small import SCORED, SETTINGS

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("folder")]

N = 24


def run(*words: str) -> str:
    """Run a command that takes settings, on the tiny backbone and the task file."""
    sets = [part for one in SETTINGS for part in ("--set", one)]
    found = CliRunner().invoke(cli.main, [*words, "--backbone", "tiny", "--task-file", "mine.yaml", *sets])
    assert found.exit_code == 0, found.output + repr(found.exception)
    return found.output


def declare(text: str) -> None:
    assert len(text.strip().splitlines()) < 10
    Path("mine.yaml").write_text(text, encoding="utf-8")


def check_train_and_score(rows: int = N, languages: str = "en") -> None:
    listed = CliRunner().invoke(cli.main, ["tasks", "--task-file", "mine.yaml"]).output
    assert any(line.startswith("mine ") for line in listed.splitlines())
    checked = run("tasks", "check", "mine")
    assert f"train  en        {rows}" in checked, checked
    assert "mine" in run("train", "mine")
    assert f"({rows} rows" not in run("eval", "mine", "--task", "mine", "--languages", languages)
    scores = json.loads(Path("runs/eval/mine/mine/scores.json").read_text())
    assert {score["language"] for score in scores} == set(languages.split(","))
    assert all(score["n"] == min(rows, SCORED) and len(score["fingerprint"]) == 16 for score in scores)


def test_a_pair_task_from_tsv_in_two_languages() -> None:
    for code in ("en", "de"):
        rows = [f"{code} a {i}\tb {i}\t{'yes' if i % 2 else 'no'}" for i in range(N)]
        Path(f"{code}.tsv").write_text("\n".join(["one\ttwo\tgold", *rows]), encoding="utf-8")
    declare(
        "name: mine\nkind: pair\nlanguages: [en, de]\nlabels: ['no', 'yes']\n"
        "files: {train: '{code}.tsv', dev: '{code}.tsv'}\ncolumns: {first: one, second: two, label: gold}\n"
    )
    check_train_and_score(languages="en,de")


def test_a_tagging_task_from_conll() -> None:
    sentence = "# sent\n1\tThe\tDET\n2-3\tof'm\t_\n2\tcat\tNOUN\n3\tsleeps\tVERB\n\n"
    Path("train.conll").write_text(sentence * N, encoding="utf-8")
    declare(
        "name: mine\nkind: tags\nmetric: accuracy\nlabels: [DET, NOUN, VERB]\n"
        "files: {train: train.conll, dev: train.conll}\ncolumns: {tokens: 1, tags: 2}\n"
    )
    check_train_and_score()


def test_a_span_task_from_jsonl() -> None:
    row = {"q": "When?", "c": "It rained in May.", "a": {"text": ["May"], "at": [13]}}
    Path("qa.jsonl").write_text("\n".join(json.dumps(row | {"q": f"When {i}?"}) for i in range(N)), encoding="utf-8")
    declare(
        "name: mine\nkind: span\nfiles: {train: qa.jsonl, dev: qa.jsonl}\n"
        "columns: {question: q, context: c, texts: a.text, starts: a.at}\n"
    )
    check_train_and_score()


def test_a_choice_task_from_parquet() -> None:
    columns = {"q": [f"Why {i}?" for i in range(N)], "x": ["rain"] * N, "y": ["sun"] * N, "gold": [0, 1] * (N // 2)}
    pyarrow.parquet.write_table(pyarrow.table(columns), "c.parquet")
    declare(
        "name: mine\nkind: choice\nfiles: {train: c.parquet, dev: c.parquet}\n"
        "columns: {question: q, choices: [x, y], label: gold}\n"
    )
    check_train_and_score()


def test_a_bitext_task_from_csv() -> None:
    rows = [f"Satz {i},Sentence {i}" for i in range(N)]
    Path("de.csv").write_text("\n".join(["de,en", *rows]), encoding="utf-8")
    declare(
        "name: mine\nkind: bitext\nlanguages: [de]\nfiles: {score: '{code}.csv'}\ncolumns: {source: de, target: en}\n"
    )
    assert f"score  de        {N}" in run("tasks", "check", "mine")
    run("retrieve", "backbone", "--task", "mine")
    (score,) = json.loads(Path("runs/retrieve/backbone/mine/scores.json").read_text())
    assert (score["language"], score["n"], score["metric"]) == ("de", N, "accuracy")


def test_a_task_from_a_mirror_by_its_hub_id() -> None:
    for code in ("en", "de"):
        file = Path("mirror/acme/sentiment") / code / "train-0.parquet"
        file.parent.mkdir(parents=True)
        columns = {"t": [f"{code} {i}" for i in range(N)], "h": ["x"] * N, "label": [0, 1] * (N // 2)}
        pyarrow.parquet.write_table(pyarrow.table(columns), file)
    declare(
        "name: mine\nkind: pair\nlanguages: [en, de]\nlabels: [good, bad]\nhub: acme/sentiment\nconfig: '{code}'\n"
        "splits: {train: train, dev: train}\ncolumns: {first: t, second: h, label: label}\n"
    )
    options = ["--data-root", "mirror"]
    assert f"train  de        {N}" in run("tasks", "check", "mine", *options)
    run("train", "mine", *options)
    run("eval", "mine", "--task", "mine", *options)
    assert len(json.loads(Path("runs/eval/mine/mine/scores.json").read_text())) == 2


def test_a_slice_of_a_sibling_file_trains_where_its_base_does() -> None:
    rows = [f"a {i},b {i},{i % 2},{'news' if i % 3 else 'talk'}" for i in range(N)]
    Path("all.csv").write_text("\n".join(["one,two,gold,genre", *rows]), encoding="utf-8")
    Path("whole.yaml").write_text(
        "name: whole\nkind: pair\nlabels: ['no', 'yes']\nfiles: {train: all.csv, dev: all.csv}\n"
        "columns: {first: one, second: two, label: gold}\n"
    )
    declare("name: mine\nbase: whole\nwhere: {genre: news}\n")
    check_train_and_score(rows=16)
