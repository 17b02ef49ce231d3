"""XQuAD-R on disk: candidates and their keys as the official script makes them, and every way a file can be wrong."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import DataError, SourceError
from toolkit.tasks import CandidateRow, QueryRow, get_task
from toolkit.tasks.sources.lareqa import read_language

TASK = get_task("lareqa")
CONTEXT = "It rains.\nHe sleeps. It rains."
PARAGRAPH = {
    "context": CONTEXT,
    "sentence_breaks": [[0, 9], [10, 20], [21, 30]],
    "qas": [
        {"id": "q1", "question": "What does he do? ", "answers": [{"answer_start": 13, "text": "sleeps"}]},
        {"id": "q2", "question": "How is the weather?", "answers": [{"answer_start": 3, "text": "rains"}]},
    ],
}


def written(folder: Path, *languages: str, **changed: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    told = {"data": [{"title": "x", "paragraphs": [{**deepcopy(PARAGRAPH), **changed}]}], "version": "1"}
    for language in languages or ("en", "de"):
        (folder / f"{language}.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def test_a_question_seeks_its_id_and_is_paired_with_the_sentence_that_its_answer_begins_in(tmp_path: Path) -> None:
    rows = TASK.rows("score", "de", data_root=written(tmp_path))
    assert (rows.split, rows.origin) == ("validation", "files: xquad-r/de.json")
    flat = "It rains.He sleeps. It rains."
    assert list(rows) == [
        QueryRow("q1", "What does he do?", "q1", f"He sleeps.{flat}"),
        QueryRow("q2", "How is the weather?", "q2", f"It rains.{flat}"),
    ]


def test_every_sentence_is_a_candidate_with_its_paragraph_and_an_equal_one_is_right_too(tmp_path: Path) -> None:
    pool = TASK.pool(data_root=written(tmp_path))
    flat = "It rains.He sleeps. It rains."
    assert pool.rows[:3] == [
        CandidateRow("de_1_0", "de", f"It rains.{flat}", ("q2",)),
        CandidateRow("de_1_1", "de", f"He sleeps.{flat}", ("q1",)),
        CandidateRow("de_1_2", "de", f"It rains.{flat}", ("q2",)),
    ]
    assert pool.languages == ("de", "en")
    queries, places = pool.right(TASK.rows("score", "en", data_root=tmp_path), "here")
    assert sorted(zip(queries, places, strict=True)) == [
        (0, 1),
        (0, 4),
        (1, 0),
        (1, 2),
        (1, 3),
        (1, 5),
    ]


def test_a_paragraph_without_questions_gives_no_candidates(tmp_path: Path) -> None:
    written(tmp_path)
    told = json.loads((tmp_path / "de.json").read_text())
    told["data"][0]["paragraphs"].append({**PARAGRAPH, "qas": []})
    (tmp_path / "de.json").write_text(json.dumps(told))
    assert len(read_language(tmp_path / "de.json", "de").candidates) == 3


@pytest.mark.parametrize("place", ["", "xquad-r", "lareqa/xquad-r", "google-research-datasets/lareqa/xquad-r"])
def test_files_are_found_in_the_root_and_in_the_folders_of_their_release(tmp_path: Path, place: str) -> None:
    written(tmp_path / place, "zh", "el")
    assert TASK.reachable(data_root=tmp_path) == ("el", "zh")


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    written(tmp_path, "de")
    assert len(TASK.rows("score", "de", data_root=tmp_path)) == 2
    written(tmp_path, "de", qas=PARAGRAPH["qas"][:1])
    assert len(TASK.rows("score", "de", data_root=tmp_path)) == 1


ANSWERED = PARAGRAPH["qas"][0]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"sentence_breaks": [[0, 9], [21, 30]]}, "question 'q1': the answer begins at 13, in none of the 2 sentences"),
    ({"sentence_breaks": [[0, 99]]}, r"sentence break \[0, 99\] is none; expected a start and an end within 0 to 30"),
    ({"sentence_breaks": [[5, 5]]}, r"sentence break \[5, 5\] is none"),
    ({"sentence_breaks": [["0", "9"]]}, r"sentence break \['0', '9'\] is none"),
    ({"sentence_breaks": "0-9"}, "no list `sentence_breaks`"),
    ({"qas": [ANSWERED, ANSWERED]}, "question 'q1': the id is there already; expected each once"),
    ({"qas": [{**ANSWERED, "answers": []}]}, "found 0 answers; expected one"),
    ({"qas": [{**ANSWERED, "answers": [{"text": "sleeps"}]}]}, "expected one, with its `answer_start`"),
    ({"qas": [{**ANSWERED, "question": " "}]}, "`question` is ' '; expected text that is not empty"),
    ({"qas": [{**ANSWERED, "id": 7}]}, "`id` is '7'; expected text"),
    ({"context": None}, "`context` is 'None'; expected text"),
    ({"qas": None}, "no list `qas`"),
    ({"qas": []}, "holds no question"),
]


@pytest.mark.parametrize(("changed", "sentence"), BAD, ids=[sentence[:40] for _, sentence in BAD])
def test_a_paragraph_of_another_schema_is_told_by_its_file_and_place(
    tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence) as raised:
        TASK.rows("score", "de", data_root=written(tmp_path, **changed))
    assert "de.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_xquad_itself_is_told_from_xquad_r(tmp_path: Path) -> None:
    written(tmp_path, "de")
    told = json.loads((tmp_path / "de.json").read_text())
    del told["data"][0]["paragraphs"][0]["sentence_breaks"]
    (tmp_path / "de.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match="no `sentence_breaks`; expected XQuAD-R of google-research-datasets/lareqa"):
        TASK.rows("score", "de", data_root=tmp_path)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b"[]", b"3"])
def test_a_file_that_is_no_json_of_the_release_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "de.json").write_bytes(content)
    with pytest.raises(DataError, match="de.json.*; expected"):
        TASK.rows("score", "de", data_root=tmp_path)


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    written(tmp_path, "de")
    (tmp_path / "de.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "de.json").read_bytes())
    assert len(TASK.rows("score", "de", data_root=tmp_path)) == 2


def test_missing_files_are_told_with_the_places_where_they_were_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no xquad-r/de.json in .*; expected it in --data-root DIR"):
        TASK.rows("score", "de", data_root=tmp_path)
    with pytest.raises(SourceError, match="git clone"):
        TASK.pool(data_root=tmp_path)


def test_a_pool_of_one_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds de.json alone; expected the files of several languages"):
        TASK.pool(data_root=written(tmp_path, "de"))


@pytest.mark.real_data
def test_the_release_has_1190_questions_a_language_and_the_candidates_that_its_readme_counts(data_root: Path) -> None:
    root = data_root.parent / "raw" / "lareqa"
    pool = TASK.pool(data_root=root)
    published = {
        "ar": 1222,
        "de": 1276,
        "el": 1234,
        "en": 1180,
        "es": 1215,
        "hi": 1244,
        "ru": 1219,
        "tr": 1167,
        "vi": 1209,
    }
    assert Counter(row.language for row in pool.rows) == {**published, "zh": 1196}
    for language in TASK.reachable(data_root=root):
        rows = TASK.rows("score", language, data_root=root)
        queries, _ = pool.right(rows, language)
        assert len(rows) == 1190
        assert len(queries) == 1190 * 10
