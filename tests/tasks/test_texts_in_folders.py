"""Plain text of one's own: a folder of files, what `files` may not be, and a very long line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.errors import ConfigError, ToolkitError
from toolkit.recipes.train.alongside import of_size
from toolkit.tasks import Task


def declared(folder: Path, files: str, kind: str = "text") -> Path:
    file = folder / "law.yaml"
    file.write_text(f"name: law\nkind: {kind}\nfiles: {files}\n", encoding="utf-8")
    return file


def folder_of(tmp_path: Path) -> Task:
    (tmp_path / "texts" / "more").mkdir(parents=True)
    (tmp_path / "texts" / "b.txt").write_text("three\n\nfour\n")
    (tmp_path / "texts" / "a.txt").write_bytes(b"one\r\ntwo\r\n")
    (tmp_path / "texts" / "more" / "c.txt").write_text("five")
    (tmp_path / "texts" / "notes.md").write_text("not text\n")
    return toolkit.load_task(declared(tmp_path, "{train: texts, dev: texts}"))


def test_a_folder_is_read_as_the_lines_of_its_text_files(tmp_path: Path) -> None:
    task = folder_of(tmp_path)
    assert [row.text for row in task.rows("train")] == ["one", "two", "three", "four", "five"]  # type: ignore[union-attr]
    assert task.reachable("train") == ("en",)
    assert len({row.id for row in task.rows("train")}) == 5


def test_a_folder_without_text_files_and_one_with_bytes_that_are_no_text_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ToolkitError, match="holds no text file; expected files that end in .txt"):
        toolkit.load_task(declared(tmp_path, "{train: empty, dev: 50%}")).rows("train")
    (tmp_path / "empty" / "bad.txt").write_bytes(b"good\n\xff\n")
    with pytest.raises(ToolkitError, match=r"bad.txt, line 2: byte 0xff is not UTF-8"):
        toolkit.load_task(declared(tmp_path, "{train: empty, dev: 50%}")).rows("train")
    (tmp_path / "empty" / "bad.txt").unlink()
    os.mkfifo(tmp_path / "empty" / "pipe.txt")
    with pytest.raises(ToolkitError, match=r"pipe.txt is a (named )?pipe.*; expected a text a line"):
        toolkit.load_task(declared(tmp_path, "{train: empty, dev: 50%}")).rows("train")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.txt",
        "https://example.org/a.csv",
        "s3://bucket/a.txt",
        "hf://org/name/a.txt",
        "file:///a.txt",
    ],
)
@pytest.mark.parametrize("kind", ["text", "bitext"])
def test_an_address_in_the_place_of_a_file_is_named_as_it_was_written(tmp_path: Path, url: str, kind: str) -> None:
    files = f'{{train: "{url}", dev: 5%}}' if kind == "text" else f'{{test: {{source: "{url}", target: b.txt}}}}'
    with pytest.raises(ConfigError) as caught:
        toolkit.load_task(declared(tmp_path, files, kind))
    assert url in str(caught.value) and "files are not downloaded; download it" in str(caught.value)


def test_texts_of_one_size_in_bytes(tmp_path: Path) -> None:
    rows = folder_of(tmp_path).rows("train")  # 3, 3, 5, 4 and 4 bytes
    for wanted in range(1, 20):
        found = sum(len(row.text) for row in of_size(rows, wanted, 0, "law"))  # type: ignore[union-attr]
        assert wanted <= found <= wanted + 4
    assert of_size(rows, 19, 0, "law").fingerprint == rows.fingerprint
    with pytest.raises(ToolkitError, match="'law' has 19 bytes, and train.text_bytes=20 asks for more; lower it"):
        of_size(rows, 20, 0, "law")


@pytest.mark.journey
def test_a_domain_below_a_task_and_a_line_that_is_long(tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "texts" / "long.txt").write_text("word " * 40_000)
    sets = ("train.text_bytes=200", "train.max_length=16", "train.eval_limit=4", "train.total_steps=2")
    config = tiny_config(tmp_path, *sets, f"task_files={tmp_path / 'law.yaml'}")
    cards = toolkit.train("law/micro-nli", config).cards
    assert [card.name for card in cards] == ["law", "law/micro-nli"]
    assert cards[0].recipe["train"]["text_bytes"] == 200 and cards[1].heads["micro-nli"].kind == "pair"
