"""Counterfactually revised SNLI as its authors' repository holds it, and every way a file can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import ConfigError, DataError, SourceError
from toolkit.tasks import PairRow, Task, get_task
from toolkit.tasks.sources.counterfactual import CounterfactualSource

TASK = get_task("snli-counterfactual")
HEAD = "sentence1\tsentence2\tgold_label\n"
TEXT = HEAD + 'A cat sits.\tA pet sits.\tentailment\n"He reads ""Emma""."\tHe sleeps.\tcontradiction\nA.\tB.\tneutral\n'


def _write(folder: Path, text: str = TEXT, *, part: str = "revised_combined", split: str = "test") -> Path:
    file = folder / part / f"{split}.tsv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_labels_become_their_index_and_quotes_are_taken_off(tmp_path: Path) -> None:
    _write(tmp_path)
    rows = TASK.rows("score", data_root=tmp_path)
    assert (rows.split, rows.origin) == ("test", "files: NLI/revised_combined/test.tsv")
    assert list(rows) == [
        PairRow("revised_combined-0", "A cat sits.", "A pet sits.", 0),
        PairRow("revised_combined-1", 'He reads "Emma".', "He sleeps.", 2),
        PairRow("revised_combined-2", "A.", "B.", 1),
    ]


@pytest.mark.parametrize("place", ["", "NLI", "acmi-lab/counterfactually-augmented-data/NLI"])
def test_files_are_found_in_the_root_and_in_the_folders_of_their_release(tmp_path: Path, place: str) -> None:
    _write(tmp_path / place, part="original", split="dev")
    assert get_task("snli-unrevised").reachable("dev", data_root=tmp_path) == ("en",)
    assert get_task("snli-unrevised").reachable("score", data_root=tmp_path) == ()
    assert TASK.reachable("dev", data_root=tmp_path) == ()


def test_where_there_are_no_files_the_sentence_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="git clone https://github.com/acmi-lab/counterfactually-augmented-data"):
        TASK.rows("score", data_root=tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("premise\thypothesis\tlabel\n", "the first line has premise, hypothesis, label"),
        ("", "the first line has nothing"),
        (HEAD + "a\tb\n", "row 1: 2 cells"),
        (HEAD + "a\t \tneutral\n", "or an empty one"),
        (HEAD + "a\tb\tmaybe\n", "row 1: the label 'maybe'"),
        (HEAD + '"a\tb\tneutral\n', "cannot be read"),
    ],
)
def test_a_faulty_file_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    _write(tmp_path, text)
    with pytest.raises(DataError) as raised:
        TASK.rows("score", data_root=tmp_path)
    assert sentence in str(raised.value) and "test.tsv" in str(raised.value)


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="reads the part 'revised'; expected one of original"):
        Task(
            name="x", kind="pair", description="x", languages=("en",), metric="accuracy", labels=TASK.labels,
            source=CounterfactualSource(part="revised"), licence="x",
        )  # fmt: skip
