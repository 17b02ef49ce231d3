"""What an entry reached on a task: its zero-shot mean, by one protocol; and what it is chosen and sorted by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli
from tests.zoo.cards import card, weights
from toolkit.results.score import Score
from toolkit.zoo import AdapterCard, CardScore, Zoo
from toolkit.zoo.find import choose
from toolkit.zoo.readme import metadata, readme
from toolkit.zoo.record import add_scores, with_scores
from toolkit.zoo.scored import Kept
from toolkit.zoo.site import write_site
from toolkit.zoo.zero_shot import worth, zero_shot_means


def scored(values: dict[str, float], *, main: bool = True, task: str = "xnli", **other: Any) -> list[Kept]:
    at, metric = other.pop("at", "2026-01-01"), other.pop("metric", "accuracy")
    fields: dict[str, Any] = {"n": 100, "composition": "mnli", "seed": 0, "split": "test"}
    return [
        Kept("", Score(task, code, metric, value, **{**fields, **other}), main, "en", "eval", at)
        for code, value in values.items()
    ]


def entry(*lines: list[Kept], dev: float = 0.6, name: str = "mnli") -> AdapterCard:
    own = CardScore("mnli", "en", "accuracy", dev, n=10)
    return card(name, scores=(own, *(one.on_card() for some in lines for one in some)))


def test_the_mean_leaves_out_the_language_of_training_and_names_the_others() -> None:
    held = entry(scored({"en": 0.6, "de": 0.5, "sw": 0.4}), scored({"en": 0.1}, main=False, metric="f1"))
    (found,) = zero_shot_means(held)
    assert (found.mean, dict(found.zero_shot), found.rows) == (pytest.approx(0.45), {"de": 0.5, "sw": 0.4}, 300)
    assert found.in_words() == "xnli accuracy 45.0 (de, sw); en 60.0"
    assert found.in_words("sw") == "xnli accuracy 40.0 (sw)"
    assert found.in_words(most=1) == "xnli accuracy 45.0 (2 languages); en 60.0"
    (alone,) = zero_shot_means(entry(scored({"en": 0.6}, is_generated=True)))
    assert alone.in_words() == "xnli accuracy 60.0 (en, generated rows)"
    assert zero_shot_means(entry()) == []


WHOLE = scored({"en": 0.6, "de": 0.5})


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (scored({"en": 0.9, "de": 0.9, "sw": 0.9}, protocol="noise=typos:0.1"), 0.5),
        (scored({"en": 0.9, "de": 0.9, "sw": 0.9}, protocol="limit=20", n=20), 0.5),
        (scored({"en": 0.9}, protocol="other", n=10_000), 0.5),  # no zero-shot language
        (scored({"en": 0.9, "de": 0.7, "sw": 0.9}, protocol="other", n=2), 0.8),
        (scored({"en": 0.9, "de": 0.7}, protocol="other", n=101), 0.7),
        (scored({"en": 0.9, "de": 0.7}, protocol="other", at="2026-01-02"), 0.7),
        (scored({"en": 0.9, "de": 0.7}, protocol="other", at="2025-01-02"), 0.5),
        (scored({"de": 0.7}, fingerprint="fewer rows", n=99), 0.5),
        (scored({"de": 0.7}, fingerprint="more rows", n=101), 0.7),
    ],
)
def test_one_protocol_stands_for_a_task_whatever_came_first(other: list[Kept], expected: float) -> None:
    for lines in ((WHOLE, other), (other, WHOLE)):
        (found,) = zero_shot_means(entry(*lines))
        assert found.mean == pytest.approx(expected)


def test_a_limit_is_named() -> None:
    (found,) = zero_shot_means(entry(scored({"de": 0.5}, protocol="max_length=128 limit=20 precision=fp32")))
    assert found.in_words() == "xnli accuracy 50.0 (de, limit=20)"


def test_an_evaluation_counts_before_dev_scores_of_its_task_and_each_task_by_itself() -> None:
    held = entry(scored({"en": 0.6, "de": 0.5}), scored({"de": 0.3}, task="mnli"), dev=0.8)
    assert worth(held) == 0.5
    assert worth(held, task="mnli") == 0.3
    assert (worth(held, language="en"), worth(held, language="de"), worth(held, language="fr")) == (0.6, 0.5, -1.0)
    assert worth(entry(dev=0.8)) == 0.8
    assert worth(entry(dev=0.8), task="xnli") == -1.0


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"task": "xnli"}, ["good", "poor"]),
        ({"task": "xnli", "better_than": "55"}, ["good"]),
        ({"better_than": "xnli=55"}, ["good"]),
        ({"task": "xnli", "better_than": "xnli=61"}, []),
        ({"task": "xnli", "better_than": "55", "language": "en"}, ["poor", "good"]),
        ({"task": "xnli", "language": "sw"}, ["good"]),
        ({"task": "xnli", "sort": "score"}, ["good", "poor"]),
        ({"task": "xnli", "language": "en", "sort": "score"}, ["poor", "good"]),
        ({"better_than": "75"}, ["never"]),  # no evaluation: by its dev score
    ],
)
def test_entries_are_chosen_and_sorted_by_what_they_reached(asked: Any, expected: list[str]) -> None:
    good = entry(scored({"en": 0.6, "de": 0.62, "sw": 0.58}), name="good")
    poor = entry(scored({"en": 0.7, "de": 0.4}), name="poor")
    never = entry(dev=0.8, name="never")
    assert [one.name for one in choose([poor, good, never], **{"sort": "score", **asked})] == expected


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    held = Zoo(tmp_path / "zoo")
    for name, value, seed in (("mnli", 0.62, 1), ("mnli/squad", 0.5, 2), ("squad", 0.0, 3)):
        stored = held.put(card(name, scores=(CardScore("mnli", "en", "accuracy", 0.7, n=10),)), weights(seed))
        lines = [
            Kept(stored.digest, one.score, True, "en", "eval") for one in scored({"en": 0.7, "de": value, "sw": value})
        ]
        add_scores(held, stored, lines if value else [])
    return held


def typed(*arguments: str) -> str:
    found = CliRunner().invoke(cli.main, list(arguments), catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_the_list_shows_zero_shot_means_and_says_of_which_languages(zoo: Zoo) -> None:
    where = ("--zoo", str(zoo.root))
    shown = typed("zoo", "list", *where, "--task", "xnli", "--better-than", "55")
    head, line = shown.splitlines()
    assert head.split() == ["adapter", "backbone", "size", "dev", "zero-shot", "digest"]
    assert "mnli en accuracy 70.0" in line and "xnli accuracy 62.0 (de, sw); en 70.0" in line
    shown = typed("zoo", "list", *where, "--language", "sw")
    assert shown.splitlines()[0].split()[4:6] == ["in", "sw"] and "50.0 (sw)" in shown and len(shown.splitlines()) == 3
    assert "evaluated xnli accuracy 62.0" in typed("zoo", "log", "mnli", *where)
    shown = typed("zoo", "show", "mnli", *where)
    assert "# Evaluated: xnli accuracy 62.0 (de, sw); en 70.0" in shown
    assert AdapterCard.from_text(shown[: shown.index("# Evaluated")]) == zoo.get("mnli", "tiny")


def test_the_gallery_and_the_page_of_a_card_show_them(zoo: Zoo, tmp_path: Path) -> None:
    page = write_site(zoo, tmp_path / "site").page.read_text()
    assert page.count("<dt>Zero-shot</dt>") == 2
    assert "<dd>xnli accuracy 62.0 (de, sw); en 70.0</dd>" in page
    assert page.count('data-value="0.62"') == 3 and "zero-shot mean of 2" in page and "Swahili (sw)" in page
    held = with_scores(zoo, zoo.get("mnli", "tiny"))
    assert "- Zero-shot: xnli accuracy 62.0 (de, sw); en 70.0" in readme(held)
    assert set(metadata(held)["language"]) >= {"de", "sw", "en"}


def test_a_damaged_line_is_named_below_the_list(zoo: Zoo) -> None:
    path = zoo.folder(zoo.get("mnli", "tiny")) / "scores.jsonl"
    path.write_text("{\n" + path.read_text())
    for command in ("list", "verify"):
        found = CliRunner().invoke(cli.main, ["zoo", command, "--zoo", str(zoo.root)])
        assert found.exit_code == 0 and "1 line of the scores of 'mnli' cannot be read" in found.stderr
    assert "62.0" in typed("zoo", "list", "--zoo", str(zoo.root))


def test_a_language_may_be_named_by_another_code_and_a_slip_is_answered(zoo: Zoo) -> None:
    where = ("--zoo", str(zoo.root))
    assert typed("zoo", "list", *where, "--language", "swa") == typed("zoo", "list", *where, "--language", "sw")
    assert "of the 3 adapters" in (shown := typed("zoo", "list", *where, "--task", "xnlli"))
    assert shown.rstrip().endswith("fits. Did you mean 'xnli'?")
    assert typed("zoo", "list", *where, "--task", "xquad").rstrip().endswith("fits.")
    found = CliRunner().invoke(cli.main, ["zoo", "list", *where, "--language", "deutsch"])
    assert found.exit_code == 2 and found.stderr.startswith("Error: No language named 'deutsch'")
