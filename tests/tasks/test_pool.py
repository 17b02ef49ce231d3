"""Pools: of a source that keeps one, of a table's passages, and of the micro-world."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import ConfigError, DataError
from toolkit.tasks import CandidateRow, Pool, QueryRow, get_task, load_task
from toolkit.tasks.micro import answers
from toolkit.tasks.micro.grammar import fact

OWN = """
name: faq
kind: retrieval
languages: [en, de]
files: {score: "{code}.tsv"}
columns: {query: question, passage: answer, key: topic}
query_tokens: 16
"""


def test_a_table_of_ones_own_pools_the_distinct_passages_of_all_its_languages(tmp_path: Path) -> None:
    (tmp_path / "faq.yaml").write_text(OWN)
    (tmp_path / "en.tsv").write_text(
        "question\tanswer\ttopic\nWhen?\tIn May.\t1\nWhich month?\tIn May.\t2\nWho?\tAnna.\t3\n"
    )
    (tmp_path / "de.tsv").write_text("question\tanswer\ttopic\nWann?\tIm Mai.\t1\n")
    task = load_task(tmp_path / "faq.yaml")
    assert (task.query_tokens, task.passage_tokens) == (16, None)
    pool = task.pool()
    assert list(pool.rows) == [
        CandidateRow("en_0", "en", "In May.", ("1", "2")),
        CandidateRow("en_2", "en", "Anna.", ("3",)),
        CandidateRow("de_0", "de", "Im Mai.", ("1",)),
    ]
    queries, places = pool.right(task.rows("score", "de"), "faq de")
    assert (queries, places) == ([0, 0], [0, 2])


@pytest.mark.parametrize("value", ["3", "long", "true", "[16]"])
def test_a_limit_that_is_no_number_of_tokens_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "faq.yaml").write_text(OWN.replace("query_tokens: 16", f"query_tokens: {value}"))
    with pytest.raises(ConfigError, match="`query_tokens` is .*; expected a number of tokens, 8 or more"):
        load_task(tmp_path / "faq.yaml")


def test_a_drawn_pool_keeps_what_is_right_its_order_and_the_share_of_each_language() -> None:
    rows = [
        CandidateRow(f"{code}_{i}", code, f"{code} {i}", (str(i),)) for code in ("de", "en", "sw") for i in range(40)
    ]
    pool = Pool(rows, "here")
    queries = [QueryRow("q", "q?", "7"), QueryRow("r", "r?", "8")]
    small, large = (pool.drawn(limit, queries, seed=0) for limit in (12, 30))
    assert list(small.rows) == [row for row in rows if row in set(small.rows)]
    assert set(small.rows) < set(large.rows) and small.fingerprint != large.fingerprint
    assert len(small.right(queries, "q")[0]) == 6  # in three languages each
    drawn = pool.drawn(12, [], seed=0)
    assert [sum(row.language == code for row in drawn.rows) for code in pool.languages] == [4, 4, 4]
    assert pool.drawn(12, [], seed=1).fingerprint != drawn.fingerprint
    assert pool.drawn(500, queries, seed=0).rows == pool.rows


def test_only_a_retrieval_task_has_a_pool() -> None:
    with pytest.raises(ConfigError, match="'micro-bitext' is of the kind 'bitext'; only one of the kind 'retrieval'"):
        get_task("micro-bitext").pool()
    with pytest.raises(ConfigError, match="has no split 'train'"):
        get_task("lareqa").pool("train")


def test_an_empty_pool_and_a_query_without_a_right_candidate_are_errors() -> None:
    with pytest.raises(
        DataError, match="the pool of nowhere holds no candidate|The pool of nowhere holds no candidate"
    ):
        Pool([], "nowhere")
    pool = Pool([CandidateRow("1", "en", "It rains.", ("a",))], "here")
    with pytest.raises(DataError, match="en: query 'q' seeks 'b', which none of the 1 candidates of here carries"):
        pool.right([QueryRow("q", "Why?", "b")], "en")


def test_the_fingerprint_of_a_pool_changes_with_its_rows() -> None:
    one, other = CandidateRow("1", "en", "It rains."), CandidateRow("1", "en", "It pours.")
    assert Pool([one], "x").fingerprint == Pool([one], "y").fingerprint != Pool([other], "x").fingerprint


@pytest.mark.parametrize("split", ["dev", "score"])
def test_a_generated_statement_is_right_for_exactly_the_questions_that_it_answers(split: str) -> None:
    task = get_task("micro-answers")
    pool, rows = task.pool(split), task.rows(split, "en")
    assert len({row.query for row in rows}) == len(rows)  # type: ignore[union-attr]
    right = {(q, c) for q, c in zip(*pool.right(rows, split), strict=True)}
    texts = {(row.language, row.text) for row in pool.rows}
    assert len(texts) == len(pool)
    for number, row in enumerate(rows):
        assert isinstance(row, QueryRow)
        own = {place for place in range(len(pool)) if row.key in pool.rows[place].keys}
        assert {place for query, place in right if query == number} == own
        assert any(pool.rows[place].text == row.passage for place in own)
        assert {pool.rows[place].language for place in own} == set(task.languages)
    assert any(not row.keys for row in pool.rows)


def test_a_statement_answers_who_and_where_but_not_about_somebody_else() -> None:
    asked = answers.questions_of(fact("at", x="anna", p="park"))
    assert {answers.key_of(question) for question in asked} == {"q_where/anna", "q_who_at/park"}


def test_generated_training_pairs_state_no_fact_of_the_scores() -> None:
    task = get_task("micro-answers")
    trained = {row.passage for row in task.rows("train", "en")}  # type: ignore[union-attr]
    assert trained.isdisjoint(row.text for row in task.pool("score").rows if row.language == "en")
