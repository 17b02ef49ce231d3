"""Adapters are found by what they learnt, their history is told, and only what nothing names is cleared."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests.zoo.cards import card, weights
from toolkit.errors import ZooError
from toolkit.zoo import AdapterCard, CardScore, Parent, Zoo
from toolkit.zoo.clear import clear, leftovers, unneeded
from toolkit.zoo.files import locked
from toolkit.zoo.find import choose, history
from toolkit.zoo.lock import make_lock, write_lock


def score(task: str, language: str, value: float) -> CardScore:
    return CardScore(task, language, "accuracy", value, n=10)


def named(held: AdapterCard) -> Parent:
    return Parent(held.name, held.digest)


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    held = Zoo(tmp_path / "zoo")
    mnli = held.put(card("mnli", scores=(score("mnli", "en", 0.6),), created="2024-01-01"), weights(1))
    xnli = held.put(
        card("xnli", tasks=("xnli.de",), scores=(score("xnli", "de", 0.5),), created="2024-03-01"), weights(2)
    )
    held.put(card("squad", tasks=("squad",), scores=(), data_seen=(), created="2024-02-01"), weights(3))
    held.put(
        card(
            "fuse[mnli,xnli]/xquad",
            parents=(named(mnli), named(xnli)),
            tasks=("xquad",),
            scores=(),
            created="2023-12-01",
        ),
        weights(4, is_fused=True),
    )
    return held


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"task": "mnli"}, ["mnli"]),
        ({"task": "xnli"}, ["xnli"]),
        ({"task": "xnli.de"}, ["xnli"]),
        ({"language": "de"}, ["xnli"]),
        ({"better_than": "55"}, ["mnli"]),
        ({"better_than": "50"}, ["mnli"]),
        ({"better_than": "55%"}, ["mnli"]),
        ({"better_than": "xnli=49.9 %"}, ["xnli"]),
        ({"better_than": "xnli=49.9"}, ["xnli"]),
        ({"sort": "score"}, ["mnli", "xnli", "fuse[mnli,xnli]/xquad", "squad"]),
        ({"sort": "created"}, ["xnli", "squad", "mnli", "fuse[mnli,xnli]/xquad"]),
    ],
)
def test_adapters_are_found_by_what_they_learnt(zoo: Zoo, asked: dict[str, str], expected: list[str]) -> None:
    assert [one.name for one in choose(zoo.list(), **asked)] == expected


def test_a_bound_that_is_none_is_refused(zoo: Zoo) -> None:
    with pytest.raises(ZooError, match="--better-than 60"):
        choose(zoo.list(), better_than="good")


def test_the_history_names_rows_scores_and_what_it_was_trained_on(zoo: Zoo) -> None:
    lines = history(zoo, zoo.get("fuse[mnli,xnli]/xquad", "tiny"))
    assert [line.split()[0] for line in lines if line.lstrip() == line] == ["fuse[mnli,xnli]/xquad"]
    assert any(line.startswith("  mnli  ") for line in lines) and any(line.startswith("  xnli  ") for line in lines)
    assert any("8815 rows" in line for line in lines)
    zoo.remove("xnli", "tiny", force=True)
    assert any("not in this zoo" in line for line in history(zoo, zoo.get("fuse[mnli,xnli]/xquad", "tiny")))


def test_only_what_no_lock_no_card_and_no_fusion_names_is_cleared(zoo: Zoo) -> None:
    assert [one.name for one in unneeded(zoo, [])[0]] == ["fuse[mnli,xnli]/xquad", "squad"]
    lock = make_lock(zoo, "fuse[mnli,xnli]/xquad", "tiny")
    assert [one.name for one in unneeded(zoo, [lock])[0]] == ["squad"]
    clear(zoo, unneeded(zoo, [lock])[0], [])
    assert {one.name for one in zoo.list()} == set(lock.entries)
    assert zoo.faults() == []


def test_a_fusion_keeps_its_members_although_its_card_names_no_parents(zoo: Zoo) -> None:
    zoo.put(card("fuse[squad,mnli]/xquad"), weights(5, is_fused=True))
    assert "squad" not in {one.name for one in unneeded(zoo, [])[0]}


def test_what_an_entry_that_cannot_be_read_may_need_is_kept_and_the_rest_is_cleared(zoo: Zoo) -> None:
    mnli = zoo.get("mnli", "tiny")
    child = zoo.put(card("squad/copa", parents=(Parent("squad", zoo.get("squad", "tiny").digest),)), weights(7))
    for name in ("lone", "fuse[mnli,xnli]/xquad"):
        zoo.put(card(name), weights(8, is_fused="fuse" in name), replace=True)
    page = zoo.folder(child) / "card.yaml"
    page.write_text(page.read_text() + f"# {mnli.digest}")
    cards, faults = unneeded(zoo, [])
    assert [one.name for one in cards] == ["fuse[mnli,xnli]/xquad", "lone"] and len(faults) == 1
    page.write_text("")  # nothing is known of it but its name, which has squad in it
    assert [one.name for one in unneeded(zoo, [])[0]] == ["fuse[mnli,xnli]/xquad", "lone"]
    said = CliRunner().invoke(cli.main, ["zoo", "gc", "--yes", "--zoo", str(zoo.root)])
    assert said.exit_code == 1 and "Removed 2 adapters" in said.stderr and "Error: Damaged: " in said.stderr
    assert zoo.holds("squad", "tiny") and not zoo.holds("lone", "tiny")


def test_the_command_lists_first_and_removes_only_when_told(zoo: Zoo, folder: Path) -> None:
    write_lock(make_lock(zoo, "fuse[mnli,xnli]/xquad", "tiny"), folder / "zoo.lock")
    left = zoo.root / ".incoming" / ("ab" * 32)
    left.mkdir(parents=True)
    words = ["zoo", "gc", "--zoo", str(zoo.root)]
    listed = CliRunner().invoke(cli.main, words)
    assert listed.exit_code == 0, listed.output
    assert listed.stdout.splitlines()[0].startswith("squad  tiny") and "Nothing was removed" in listed.stderr
    assert leftovers(zoo) == [left] and zoo.holds("squad", "tiny")
    CliRunner().invoke(cli.main, [*words, "--yes"])
    assert leftovers(zoo) == [] and not zoo.holds("squad", "tiny") and zoo.holds("mnli", "tiny")


def test_a_pull_that_runs_keeps_what_it_has_fetched(zoo: Zoo) -> None:
    left = zoo.root / ".incoming" / ("ab" * 32)
    left.mkdir(parents=True)
    with locked(left):
        clear(zoo, [], leftovers(zoo))
        assert left.exists()
    clear(zoo, [], leftovers(zoo))
    assert not left.exists()
