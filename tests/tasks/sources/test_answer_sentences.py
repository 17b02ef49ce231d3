"""A span task asked for the sentences of its answers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import ConfigError
from toolkit.tasks import CandidateRow, QueryRow, Task, get_task
from toolkit.tasks.sources.answer_sentences import AnswerSentences
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.sentences import sentence_spans

CONTEXT = "Dr. Ann lives in Rome. She sings.\nIt rains."


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (CONTEXT, ["Dr. Ann lives in Rome.", "She sings.", "It rains."]),
        (
            "J. K. met Mr. X. at 5 p.m. on Monday! Why? No idea.",
            ["J. K. met Mr. X. at 5 p.m. on Monday!", "Why?", "No idea."],
        ),
        ('He said "Stop." Then 2.5 m. more.', ['He said "Stop."', "Then 2.5 m. more."]),
        ("no capital. here", ["no capital. here"]),
        (" \n ", []),
        ("", []),
        ("One", ["One"]),
    ],
)
def test_english_sentences_end_where_a_reader_says(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


@pytest.mark.parametrize("text", [CONTEXT, "A. B. C. d! E? F", "...", "x." * 50])
def test_sentences_lie_in_order_and_leave_out_nothing_but_white_space(text: str) -> None:
    spans = sentence_spans(text)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert "".join("".join(cut(text)).split()) == "".join(text.split())


def asked(folder: Path, rows: list[dict[str, Any]]) -> Task:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = folder / "acme/qa/plain"
    place.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), place / "train-00000-of-00001.parquet")
    columns = {"id": "id", "question": "q", "context": "c", "texts": "t", "starts": "s"}
    source = HubSource(
        path="acme/qa", config="plain", splits={"train": ("train",), "score": ("train",)}, columns=columns
    )
    spans = Task(name="qa", kind="span", languages=("en",), metric="squad", source=source, description="")
    return Task(
        name="qa-r",
        kind="retrieval",
        languages=("en",),
        metric="map_at_20",
        source=AnswerSentences(task=spans),
        description="",
    )


def test_a_question_is_paired_with_the_sentence_that_its_first_answer_begins_in(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "q": "What does she do?", "c": CONTEXT, "t": ["sings", "She"], "s": [27, 23]},
        {"id": "2", "q": "Where?", "c": CONTEXT, "t": ["Rome"], "s": [17]},
    ]
    task = asked(tmp_path, rows)
    flat = CONTEXT.replace("\n", "")
    first, second = f"She sings.{flat}", f"Dr. Ann lives in Rome.{flat}"
    held = task.rows("score", data_root=tmp_path)
    assert list(held) == [QueryRow("1", "What does she do?", first, first), QueryRow("2", "Where?", second, second)]
    pool = task.pool("score", data_root=tmp_path)
    assert list(pool.rows) == [
        CandidateRow("en_0_0", "en", second, (second,)),
        CandidateRow("en_0_1", "en", first, (first,)),
        CandidateRow("en_0_2", "en", f"It rains.{flat}", (f"It rains.{flat}",)),
    ]
    assert pool.right(held, "qa-r") == ([0, 1], [1, 0])


def test_a_task_whose_questions_may_have_no_answer_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected a task whose questions all have an answer"):
        Task(
            name="x",
            kind="retrieval",
            languages=("en",),
            metric="map_at_20",
            source=AnswerSentences(task=get_task("squad2")),
            description="",
        )


@pytest.mark.real_data
def test_the_cuts_agree_with_those_that_lareqa_publishes_for_english(data_root: Path) -> None:
    import json

    file = data_root.parent / "raw" / "lareqa" / "xquad-r" / "en.json"
    paragraphs = [each for article in json.loads(file.read_text())["data"] for each in article["paragraphs"]]
    published = {(n, *pair) for n, each in enumerate(paragraphs) for pair in each["sentence_breaks"]}
    ours = {(n, *pair) for n, each in enumerate(paragraphs) for pair in sentence_spans(each["context"])}
    assert len(published & ours) >= 0.98 * len(published)
