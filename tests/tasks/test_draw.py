"""Draws: which rows a limit takes, from every kind of source."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tasks.test_declare import declare
from toolkit.tasks import BitextRow, JoinedSource, Rows, SentenceRow, draw, get_task, load_task
from toolkit.tasks.draw import Marks, draw_order, places_drawn, places_first

SORTED = ["no"] * 60 + ["yes"] * 60


def ids(rows: Rows) -> list[str]:
    return [row.id for row in rows]


def pairs(folder: Path, labels: list[str]) -> Rows:
    """Rows of a file in the order of these labels."""
    lines = [f"first {i},second {i},{label}" for i, label in enumerate(labels)]
    (folder / "rows.csv").write_text("\n".join(["a,b,gold", *lines]), encoding="utf-8")
    text = "name: mine\nkind: pair\nlabels: ['no', 'yes']\nfiles: {train: rows.csv, dev: rows.csv}\n"
    return load_task(declare(folder, text + "columns: {first: a, second: b, label: gold}")).rows("train")


def test_a_limit_on_rows_sorted_by_label_takes_both_labels_in_their_proportion(tmp_path: Path) -> None:
    rows = pairs(tmp_path, SORTED)
    assert Counter(row.label for row in rows.limited(60)) == {0: 30, 1: 30}  # type: ignore[union-attr]
    uneven = pairs(tmp_path, ["no"] * 90 + ["yes"] * 10)
    for n in (10, 20, 50):
        assert Counter(row.label for row in uneven.limited(n)) == {0: n * 9 // 10, 1: n // 10}  # type: ignore[union-attr]


def test_rows_keep_their_order_and_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    rows = pairs(tmp_path, SORTED)
    assert ids(rows.limited(30)) == sorted(ids(rows.limited(30)), key=int)
    assert ids(rows.limited(30)) == ids(rows.limited(30, seed=0)) != ids(rows.limited(30, seed=1))
    assert rows.limited(30).fingerprint != rows.limited(30, seed=1).fingerprint


@pytest.mark.parametrize("strata", [None, SORTED, ["a"] * 100 + ["b"] * 17 + ["c"] * 3])
def test_a_smaller_draw_is_part_of_a_larger_one_and_keeps_proportions(strata: list[str] | None) -> None:
    order = draw_order(Marks([str(i) for i in range(120)], strata), seed=3)
    assert sorted(order) == list(range(120))
    for n in (1, 7, 30, 60, 119):
        found = Counter((strata or [""] * 120)[i] for i in order[:n])
        for stratum, size in Counter(strata or [""] * 120).items():
            assert abs(found[stratum] - n * size / 120) <= 1


def test_a_limit_beyond_the_rows_takes_all_of_them(tmp_path: Path) -> None:
    rows = pairs(tmp_path, SORTED)
    assert rows.limited(500).fingerprint == rows.fingerprint
    assert rows.limited(500).limit_words == "limit=500 limit_seed=0"


def test_ids_decide_and_not_places_in_the_file() -> None:
    names = [f"q{i}" for i in range(50)]
    order = [names[i] for i in draw_order(Marks(names), seed=0)]
    turned = [names[::-1][i] for i in draw_order(Marks(names[::-1]), seed=0)]
    assert order == turned
    without_some = [name for name in names if name not in ("q3", "q7")]
    assert [without_some[i] for i in draw_order(Marks(without_some), seed=0)] == [
        name for name in order if name not in ("q3", "q7")
    ]


def test_one_id_for_all_rows_draws_by_chance_still() -> None:
    assert draw_order(Marks(["same"] * 40), seed=0)[:10] != list(range(10))


def test_a_faulty_row_that_is_not_drawn_is_not_met(tmp_path: Path) -> None:
    rows = pairs(tmp_path, [*SORTED, "perhaps"])
    assert "120" not in ids(rows.limited(20))


@pytest.mark.parametrize("task", ["micro-nli", "micro-choice", "micro-qa", "micro-pos"])
def test_parallel_data_gives_the_same_ids_in_every_language(task: str) -> None:
    found = [ids(get_task(task).rows("score", language, limit=20, seed=5)) for language in ("en", "de", "zh")]
    assert found[0] == found[1] == found[2]


def test_joined_sources_are_drawn_in_proportion_to_both_and_to_their_labels(tmp_path: Path) -> None:
    one = pairs(tmp_path, SORTED).task
    (tmp_path / "other").mkdir()
    other = pairs(tmp_path / "other", ["yes"] * 60).task
    source = JoinedSource(sources={"a": one.source, "b": other.source})  # type: ignore[dict-item]
    drawn = replace(one, source=source).rows("train", limit=30)
    assert Counter((row.id[0], row.label) for row in drawn) == {("a", 0): 10, ("a", 1): 10, ("b", 1): 10}  # type: ignore[union-attr]


def test_the_marks_of_generated_rows_are_those_of_the_rows() -> None:
    for task in ("micro-nli", "micro-choice"):
        rows = get_task(task).rows("dev", "de")
        marks = rows._opened.marks()  # type: ignore[attr-defined]
        assert list(marks.ids) == ids(rows)
        assert list(marks.strata) == [row.label for row in rows]  # type: ignore[union-attr]


def test_slices_and_selections_remember_their_limit() -> None:
    rows = get_task("micro-nli").rows("dev", limit=9, seed=2)
    assert rows[:3].limit_words == rows.select([1]).limit_words == "limit=9 limit_seed=2"
    assert get_task("micro-nli").rows("dev")[:3].limit_words == ""


def test_a_limit_on_bitexts_is_drawn_in_pairs() -> None:
    every = {row.id: row for row in get_task("micro-bitext").rows("score", "de")}
    drawn = get_task("micro-bitext").rows("score", "de", limit=20)
    assert all(isinstance(row, BitextRow) and every[row.id] == row for row in drawn)
    assert ids(drawn) != list(every)[:20]


@pytest.mark.parametrize("limit", [20, 60, 110])
def test_a_limit_on_corpora_keeps_the_share_of_gold_and_every_translation(limit: int) -> None:
    task = get_task("micro-mining")
    every, drawn, more = (list(task.rows("score", "de", limit=n)) for n in (None, limit, limit + 30))
    assert {row.id for row in drawn} <= {row.id for row in more}
    sides = {
        side: [row for row in drawn if isinstance(row, SentenceRow) and row.side == side]
        for side in ("source", "target")
    }
    assert len(sides["source"]) == len(sides["target"]) == limit
    shares = [
        sum(bool(row.translations) for row in rows) / len(rows)
        for rows in (sides["source"], [row for row in every if isinstance(row, SentenceRow) and row.side == "source"])
    ]
    assert shares[0] == pytest.approx(shares[1], abs=1 / limit)
    there = {row.id for row in sides["target"]}
    assert all(id in there for row in sides["source"] for id in row.translations)


def test_draws_that_cards_of_0_1_0_name_stay_as_they_were() -> None:
    assert places_drawn(6, 3, seed=0) == [1, 2, 4]


@pytest.mark.parametrize("n", [1, 5, 40])
def test_the_least_limit_of_two_corpora_draws_the_first_pair(n: int) -> None:
    from toolkit.tasks.draw import first_pair, places_within

    class Lines(list[SentenceRow]):
        def row(self, index: int) -> SentenceRow:
            return self[index]

    lines = Lines(SentenceRow(f"s{i}", "source", f"text {i}", ("t3",) if i == n - 1 else ()) for i in range(n))
    lines += [SentenceRow(f"t{i}", "target", f"Text {i}") for i in range(max(n, 4))]

    def pairs(limit: int) -> bool:
        drawn = [lines[i] for i in places_within(lines, "mining", range(len(lines)), limit=limit, seed=0)]
        return {f"s{n - 1}", "t3"} <= {row.id for row in drawn}

    least = first_pair(lines, seed=0)
    assert pairs(least) and (least == 1 or not pairs(least - 1))


@pytest.mark.parametrize("n", [0, 1, 7, 40, 99, 100, 300])
def test_a_draw_that_sees_some_rows_at_a_time_takes_those_of_a_draw_that_sees_all(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw, "_AT_A_TIME", 7)
    ids = [str(number) for number in range(100)]
    assert places_first(iter(ids), n, seed=3).tolist() == sorted(draw_order(Marks(ids), seed=3)[:n])
