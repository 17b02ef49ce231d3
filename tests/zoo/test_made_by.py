"""The one maker of cards: licence, versions and parents follow one rule, whatever made the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest

from tests.zoo.cards import TINY, card
from toolkit.results.score import Score
from toolkit.version import __version__
from toolkit.zoo import AdapterCard, CardScore, Head, Origin, Parent, Seen, rows_of


def made(parents: Sequence[AdapterCard] = (), licences: Sequence[str] = ()) -> AdapterCard:
    seen = (Seen("xnli", "train", "en", 4),)
    score = Score("xnli", "en", "accuracy", 0.5, 10, "xnli", 0)
    return AdapterCard.made_by(
        "xnli",
        Origin(TINY, parents, seen, licences),
        {"adapter": {"kind": "seq_bn"}},
        tasks=["xnli"],
        heads={"xnli": Head("pair", ("a", "b"))},
        scores=[score],
        seconds=1.26,
    )


@pytest.mark.parametrize(
    ("own", "inherited", "expected"),
    [
        ([], [], ""),
        (["MIT"], [], "MIT"),
        (["MIT", "", "MIT"], [""], "MIT"),
        (["MIT"], ["CC BY 4.0"], "MIT AND CC BY 4.0"),
        ([], ["CC BY 4.0 AND MIT", "MIT AND Apache-2.0"], "CC BY 4.0 AND MIT AND Apache-2.0"),
        (["MIT"], ["CC BY 4.0 AND MIT"], "MIT AND CC BY 4.0"),
    ],
)
def test_the_licence_joins_those_of_the_rows_and_of_the_parents_each_once(
    own: list[str], inherited: list[str], expected: str
) -> None:
    parents = [card(f"p{number}", licence=licence) for number, licence in enumerate(inherited)]
    assert made(parents, own).licence == expected


def test_versions_name_this_release_and_the_libraries_that_compute() -> None:
    libraries = {name: version(name) for name in ("torch", "transformers", "adapters", "numpy")}
    assert made().versions == libraries | {"xstilts": __version__}


def test_it_names_its_parents_by_digest_its_kind_its_time_and_its_scores() -> None:
    parent = replace(card("mnli"), digest="cd" * 32)
    found = made([parent])
    assert found.parents == (Parent("mnli", "cd" * 32),)
    assert (found.kind, found.seconds, found.backbone) == ("seq_bn", 1.3, TINY)
    assert found.scores == (CardScore.of(Score("xnli", "en", "accuracy", 0.5, 10, "xnli", 0)),)
    age = datetime.now(UTC) - datetime.fromisoformat(found.created)
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_rows_that_several_entries_saw_are_named_once() -> None:
    one, two = Seen("mnli", "train", "en", 4), Seen("xnli", "train", "de", 4)
    assert rows_of([card("a", data_seen=(one, two)), card("b", data_seen=(two,))]) == (one, two)
