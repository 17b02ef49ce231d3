"""Mewsli-X on disk, in small files of our own in the release's schema."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import DataError, SourceError
from toolkit.tasks import CandidateRow, QueryRow, get_task
from toolkit.tasks.sources.mewsli import marked

TASK = get_task("mewslix")
TEXT = "Helsinki strike\n\nOn Sunday, Helsinki stood still. Buses rest."


def span(start: int, end: int) -> dict[str, int]:
    return {"start": start, "end": end}


def mention(id: str, start: int, end: int, entity: str) -> dict[str, Any]:
    return {"example_id": id, "mention_span": {**span(start, end), "text": TEXT[start:end]}, "entity_id": entity}


def context(language: str = "en") -> dict[str, Any]:
    spans = [span(0, 15), span(17, 49), span(50, 61)]
    return {"document_id": "1", "language": language, "text": TEXT, "sentence_spans": spans}


def entity(id: str, description: str, language: str = "fi") -> dict[str, Any]:
    half = description.index(" ", 3)
    return {
        "entity_id": id,
        "title": id,
        "description": description,
        "description_language": language,
        "description_url": "",
        "sentence_spans": [span(0, half), span(half + 1, len(description))],
    }


NEWS = [
    {"context": context(), "mentions": [mention("a", 28, 36, "Q1757"), mention("b", 50, 55, "Q5638")]},
    {"context": context("de"), "mentions": [mention("c", 0, 8, "Q1757")]},
]
ENTITIES = [
    entity("Q1757", "Helsinki  on Suomen\npääkaupunki."),
    entity("Q5638", "A bus carries people.", "en"),
    entity("Q7", "Other things."),
]
PAIRS = [
    {"contextual_mention": {"context": context(), "mention": mention("p", 28, 36, "Q1757")}, "entity": ENTITIES[0]}
]


def jsonl(file: Path, lines: list[Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def written(folder: Path, **changed: Any) -> Path:
    files = {
        "wikinews_mentions-test": NEWS,
        "candidate_set_entities": ENTITIES,
        "wikipedia_pairs-train": PAIRS,
        "wikipedia_pairs-dev": PAIRS,
    }
    for name, lines in {**files, **changed}.items():
        jsonl(folder / f"{name}.jsonl", lines)
    return folder


def test_a_mention_is_asked_with_its_sentence_and_seeks_its_entity(tmp_path: Path) -> None:
    rows = TASK.rows("score", "en", data_root=written(tmp_path))
    assert (rows.split, rows.origin) == ("test", "files: wikinews_mentions-test.jsonl")
    assert list(rows) == [
        QueryRow("a", "Helsinki: On Sunday, { Helsinki } stood still.", "Q1757"),
        QueryRow("b", "Buses: { Buses } rest.", "Q5638"),
    ]
    assert TASK.reachable(data_root=tmp_path) == ("de", "en")


def test_the_pool_is_the_candidate_set_with_descriptions_in_one_line(tmp_path: Path) -> None:
    pool = TASK.pool(data_root=written(tmp_path))
    assert list(pool.rows) == [
        CandidateRow("Q1757", "fi", "Helsinki on Suomen pääkaupunki.", ("Q1757",)),
        CandidateRow("Q5638", "en", "A bus carries people.", ("Q5638",)),
        CandidateRow("Q7", "fi", "Other things.", ("Q7",)),
    ]


def test_english_pairs_train_and_choose_the_weights(tmp_path: Path) -> None:
    written(tmp_path)
    assert TASK.reachable("train", data_root=tmp_path) == ("en",)
    query = "Helsinki: On Sunday, { Helsinki } stood still."
    for split in ("train", "dev"):
        rows = TASK.rows(split, data_root=tmp_path)
        assert list(rows) == [QueryRow("p", query, "Q1757", "Helsinki on Suomen pääkaupunki.")]
    assert [row.text for row in TASK.pool("train", data_root=tmp_path).rows] == ["Helsinki on Suomen pääkaupunki."]


@pytest.mark.parametrize("place", ["", "mewslix", "mewsli_x/output/dataset"])
def test_files_are_found_where_the_release_and_xtreme_put_them(tmp_path: Path, place: str) -> None:
    written(tmp_path / place)
    assert len(TASK.rows("score", "de", data_root=tmp_path)) == 1


def test_the_dev_mentions_are_scored_where_the_test_mentions_are_not_there(tmp_path: Path) -> None:
    jsonl(tmp_path / "wikinews_mentions-dev.jsonl", NEWS)
    assert TASK.rows("score", "de", data_root=tmp_path).split == "dev"


def test_a_query_is_one_line_and_braces_of_its_own_become_round() -> None:
    assert marked("a {b} ", "c", "\nd {e") == "c: a (b) { c } d {e"


def broken(part: str, **values: Any) -> list[Any]:
    lines = deepcopy(NEWS)
    {"context": lines[0]["context"], "mention": lines[0]["mentions"][0]}[part].update(values)  # type: ignore[index]
    return lines


BAD_NEWS: list[tuple[list[Any], str]] = [
    (broken("mention", example_id="b"), "line 1: the example id 'b' is there already; expected each once"),
    (broken("mention", example_id=None), "`example_id` is missing; expected str"),
    (broken("mention", entity_id=""), "`entity_id` is empty; expected the release's own file"),
    (broken("mention", mention_span={**span(29, 37), "text": "Helsinki"}), "'Helsinki' is not at 29 to 37"),
    (broken("mention", mention_span={**span(15, 28), "text": TEXT[15:28]}), "no sentence of the text holds it whole"),
    (broken("mention", mention_span={"start": "28"}), "`start` is '28'; expected int"),
    (broken("context", text=""), "`text` is empty; expected a file whose text `get-mewsli-x.sh` has restored"),
    (broken("context", language=None), "`language` is missing; expected str"),
    (broken("context", sentence_spans=[span(0, 999)]), "sentence 0 to 999 is none; expected a start and an end within"),
    ([{"contextual_mention": 1}], "`context` is missing; expected dict"),
    ([[]], "`context` is missing"),
    ([], "holds no mention"),
]


@pytest.mark.parametrize(("lines", "sentence"), BAD_NEWS, ids=[sentence[:40] for _, sentence in BAD_NEWS])
def test_a_line_of_another_schema_is_told_by_its_file_and_number(
    tmp_path: Path, lines: list[Any], sentence: str
) -> None:
    written(tmp_path, **{"wikinews_mentions-test": lines})
    with pytest.raises(DataError, match=sentence) as raised:
        TASK.rows("score", "en", data_root=tmp_path)
    assert "wikinews_mentions-test.jsonl" in str(raised.value)
    assert "\n" not in str(raised.value)


BAD_ENTITIES: list[tuple[list[Any], str]] = [
    ([ENTITIES[0], ENTITIES[0]], "line 2: the entity 'Q1757' is there already; expected each once"),
    ([{**ENTITIES[0], "description": "", "sentence_spans": []}], "'Q1757' has no description; expected text"),
    ([{"entity_id": "Q1"}], "`description_language` is missing"),
    ([], "holds no candidate; expected at least one"),
]


@pytest.mark.parametrize(("lines", "sentence"), BAD_ENTITIES, ids=[sentence[:40] for _, sentence in BAD_ENTITIES])
def test_a_candidate_set_of_another_schema_is_one_sentence(tmp_path: Path, lines: list[Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        TASK.pool(data_root=written(tmp_path, candidate_set_entities=lines))


def test_a_mention_of_an_entity_that_the_pool_lacks_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, candidate_set_entities=ENTITIES[1:])
    pool = TASK.pool(data_root=tmp_path)
    with pytest.raises(DataError, match="mewslix de: query 'c' seeks 'Q1757', which none of the 2 candidates"):
        pool.right(TASK.rows("score", "de", data_root=tmp_path), "mewslix de")


def test_a_line_that_is_no_json_is_told_by_its_number(tmp_path: Path) -> None:
    written(tmp_path)
    with open(tmp_path / "wikinews_mentions-test.jsonl", "ab") as file:
        file.write(b"\n{\xff\n")
    with pytest.raises(DataError, match="line 4 is not UTF-8 json"):
        TASK.rows("score", "en", data_root=tmp_path)


def test_missing_files_and_languages_are_told_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no wikinews_mentions-test.jsonl in .*; expected it in --data-root DIR"):
        TASK.rows("score", "en", data_root=tmp_path)
    with pytest.raises(SourceError, match="no candidate_set_entities.jsonl"):
        TASK.pool(data_root=tmp_path)
    with pytest.raises(SourceError, match="has no mention in 'ta'; it has de, en"):
        TASK.rows("score", "ta", data_root=written(tmp_path))
