"""`tasks check`: what it finds in rows that were made to have it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import toolkit
from cli import main
from tests.recipes.small import tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.recipes.data.check import check
from toolkit.recipes.session.session import Session
from toolkit.tasks import BUILT_IN, Task

pytestmark = pytest.mark.journey

TRAIN = [
    ("Es regnet.", "Nass.", "ja"),
    ("Es  REGNET.", "nass.", "nein"),
    ("Er singt.", "Laut.", "ja"),
    ("Ei", "Ei", "ja"),
] * 4
DEV = [("Er singt.", "Laut.", "ja"), ("Wort " * 400, "Lang.", "nein"), ("Neu.", "Neu.", "vielleicht")]


@pytest.fixture
def own(folder: Path) -> Path:
    for name, rows in (("train", TRAIN), ("dev", DEV)):
        lines = ["a,b,gold", *(",".join(row) for row in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "own.yaml").write_text(
        "name: own\nkind: pair\nlabels: [ja, nein]\nfiles: {train: train.csv, dev: dev.csv}\n"
        "columns: {first: a, second: b, label: gold}\n"
    )
    (folder / "other.yaml").write_text((folder / "own.yaml").read_text().replace("name: own", "name: other"))
    return folder


def configured(own: Path, *sets: str) -> Config:
    return tiny_config(own, f"task_files={own / 'own.yaml'},{own / 'other.yaml'}", *sets)


def test_balance_lengths_duplicates_and_faults_are_found(own: Path) -> None:
    found = check("own", Session.open(configured(own)))
    train, dev = found.parts
    assert (train.split, train.n, train.balance) == ("train", 16, "ja 75.0%, nein 25.0%")
    assert train.n_repeated == 13  # three inputs, case and spacing aside
    assert (dev.n, dev.n_long) == (2, 1)
    assert dev.tokens[2] > 256
    assert found.limit == "256"
    text = "\n".join(found.sentences)
    assert "dev en: 1 of 3 rows are faulty; the first: " in text and "line 4: label 'vielleicht'" in text
    assert "train en: 1 repeated inputs have different labels." in text
    assert "The training rows of own en: 1 of the 2 rows scored in en are among them." in text


def test_rows_that_an_entry_of_the_zoo_saw_are_named(own: Path) -> None:
    (own / "dev.csv").write_text("a,b,gold\nEr singt.,Laut.,ja\nNeu.,Neu.,nein\n", encoding="utf-8")
    config = configured(own)
    toolkit.train("own", config)
    assert (
        "'own' saw own en (train): 1 of the 2 rows scored in en are among them."
        in check("own", Session.open(config)).sentences
    )
    found = check("other", Session.open(replace(config, task_files=(own / "other.yaml",))))
    assert any("cannot be read here and was not compared: No task named 'own'" in each for each in found.sentences)


def test_a_task_whose_rows_cannot_be_reached_is_refused(own: Path) -> None:
    (own / "train.csv").unlink()
    (own / "dev.csv").unlink()
    with pytest.raises(ToolkitError, match=r"No rows of 'own' can be reached: train.*train\.csv is not there"):
        check("own", Session.open(configured(own)))


def broken(file: Path, how: str) -> None:
    file.unlink()
    if how == "folder":
        file.mkdir()
    elif how == "pipe":
        os.mkfifo(file)
    elif how == "link":
        file.symlink_to(file.with_name("gone"))
    elif how != "gone":
        file.write_bytes({"empty": b"", "latin-1": b"a,b,gold\n\xe4,x,ja\n"}[how])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("gone", "train: no rows in en; of en: The file .*train.csv is not there"),
        ("folder", "train: no rows in en; of en: The file .*train.csv is a folder"),
        ("pipe", "train: no rows in en; of en: The file .*train.csv is a pipe"),
        ("link", "train: no rows in en; of en: The file .*train.csv is a link to a file that is not there"),
        ("empty", "train en: .*train.csv has no rows; expected at least one"),
        ("latin-1", "train en: .*train.csv, line 2: byte 0xe4 is not UTF-8; expected UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_costs_itself_alone_and_is_a_fault(own: Path, how: str, said: str) -> None:
    broken(own / "train.csv", how)
    found = check("own", Session.open(configured(own)))
    assert [part.split for part in found.parts] == ["dev"]
    assert found.is_faulty and any(re.match(said, sentence) for sentence in found.sentences)


def test_faults_and_warnings_have_exit_codes_of_their_own(own: Path) -> None:
    words = ["tasks", "check", "own", "--task-file", str(own / "own.yaml"), "--backbone", "tiny", "--zoo", str(own)]
    assert CliRunner().invoke(main, words).exit_code == 1  # a faulty row
    (own / "dev.csv").write_text("a,b,gold\nEr singt.,Laut.,ja\n", encoding="utf-8")
    warned = CliRunner().invoke(main, words)
    assert (warned.exit_code, "rows scored in en are among them" in warned.stdout) == (0, True)
    broken(own / "train.csv", "pipe")
    assert CliRunner().invoke(main, words).exit_code == 1
    broken(own / "dev.csv", "empty")
    refused = CliRunner().invoke(main, words)
    assert (refused.exit_code, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)


def test_a_retrieval_task_is_checked_by_its_queries_its_passages_and_its_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reachable = Task.reachable

    def trained_in_german(task: Task, split: str = "score", **options: Any) -> tuple[str, ...]:
        """Thousands of passages in one language are as good as in eleven."""
        return ("de",) if split == "train" else reachable(task, split, **options)

    monkeypatch.setattr(Task, "reachable", trained_in_german)
    found = check("micro-answers", Session.open(tiny_config(tmp_path)))
    assert found.limit == "32/64"
    by_split = {(part.split, part.language): part for part in found.parts}
    assert by_split["score", "de"].n == 60
    assert by_split["train passages", "de"].n == 3000
    assert {language for split, language in by_split if split == "pool"} == set(BUILT_IN.get("micro-answers").languages)
    pool = by_split["pool", "de"]
    assert pool.n == 120
    right = float(pool.balance.removesuffix(" right a query"))
    rows, held = BUILT_IN.get("micro-answers").rows("score", "de"), BUILT_IN.get("micro-answers").pool()
    german = [row for row in held.rows if row.language == "de"]
    assert right == pytest.approx(
        sum(row.key in each.keys for row in rows for each in german) / len(rows),
        abs=0.01,  # type: ignore[union-attr]
    )


def test_a_bitext_and_corpora_that_are_mined_can_be_checked(folder: Path) -> None:
    for name, n in (("micro-bitext", 1), ("micro-mining", 1)):
        found = check(name, Session.open(tiny_config(folder)))
        assert len(found.parts) >= n and all(part.tokens[2] > 2 for part in found.parts)
        assert found.limit == "512"


def test_rows_that_were_drawn_are_compared_as_they_were_drawn(own: Path) -> None:
    rows = [(f"Satz {i}.", "Neu.", "ja" if i % 2 else "nein") for i in range(20)]
    text = "\n".join(["a,b,gold", *(",".join(row) for row in rows)])
    (own / "train.csv").write_text(text, encoding="utf-8")
    (own / "dev.csv").write_text(text, encoding="utf-8")
    config = configured(own, "train.total_examples=5")
    toolkit.train("own", config)
    assert (
        "'own' saw own en (train): 5 of the 20 rows scored in en are among them."
        in check("own", Session.open(config)).sentences
    )


def asked(folder: Path, **said: str) -> tuple[str, ...]:
    """Return the sentences about a small Japanese and German task with these lines in its file."""
    row = '{"id": "1", "q": "どこ?", "c": "東京 に ある", "answers": {"text": ["東京"], "answer_start": [0]}}\n'
    for code in ("ja", "de"):
        (folder / f"{code}.jsonl").write_text(row, encoding="utf-8")
    lines = {
        "name": "asked",
        "kind": "span",
        "languages": "[de, ja]",
        "files": "{dev: '{code}.jsonl'}",
        "columns": "{question: q, context: c, texts: answers.text, starts: answers.answer_start}",
    }
    text = "".join(f"{key}: {value}\n" for key, value in (lines | said).items())
    (folder / "asked.yaml").write_text(text, encoding="utf-8")
    config = tiny_config(folder, f"task_files={folder / 'asked.yaml'}")
    return check("asked", Session.open(config)).sentences


@pytest.mark.parametrize(
    ("said", "is_warned"),
    [
        ({}, True),
        ({"may_be_unanswerable": "true"}, True),
        ({"base": "squad"}, True),  # chosen for English
        ({"metric": "squad"}, False),
        ({"metric": "mlqa"}, False),
        ({"metric": "characters"}, False),
        ({"languages": "[de]"}, False),
    ],
)
def test_answers_cut_at_blanks_in_a_language_without_them_are_warned_of(
    said: dict[str, str], is_warned: bool, folder: Path
) -> None:
    found = [each for each in asked(folder, **said) if "does not write between words" in each]
    assert len(found) == is_warned
    assert not is_warned or ("which ja does not" in found[0] and "`metric: mlqa`" in found[0])


def test_an_own_slice_of_a_task_keeps_its_choice_of_metric(folder: Path) -> None:
    (folder / "part.yaml").write_text("name: part\nbase: xquad\nlanguages: [zh, th]\n", encoding="utf-8")
    assert toolkit.load_task(folder / "part.yaml").is_metric_chosen
    (folder / "part.yaml").write_text("name: part\nbase: xquad\nlanguages: [zh, ja]\n", encoding="utf-8")
    assert not toolkit.load_task(folder / "part.yaml").is_metric_chosen


def test_rows_whose_two_texts_are_one_are_counted(own: Path) -> None:
    sentences = check("own", Session.open(configured(own))).sentences
    assert "train en: 4 of 16 rows hold one text twice where two different ones are expected." in sentences


def test_a_language_that_the_files_lack_is_named_with_the_splits_that_lack_it(own: Path) -> None:
    text = (own / "own.yaml").read_text().replace("train.csv", "'{code}.csv'").replace("dev.csv", "'{iso3}.csv'")
    (own / "own.yaml").write_text(text + "languages: [en, sw, ha]\n")
    (own / "dev.csv").rename(own / "eng.csv")
    (own / "train.csv").rename(own / "en.csv")
    sentences = check("own", Session.open(configured(own))).sentences
    assert any(
        each.startswith("train, dev, score: no rows in sw, ha; of sw: The file ")
        and each.endswith("sw.csv is not there.")
        for each in sentences
    )
    (own / "swa.csv").write_text("a,b,gold\nEins.,Zwei.,ja\n")
    sentences = check("own", Session.open(configured(own))).sentences
    assert any(each.startswith("dev, score: no rows in ha; of ha: ") for each in sentences)
    assert any(each.startswith("train: no rows in sw, ha; ") for each in sentences)
