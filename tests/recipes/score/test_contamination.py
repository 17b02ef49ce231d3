"""Training rows that a task scores, of entries and of all that these were made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.zoo.cards import card, weights
from toolkit.recipes.score.contamination import contamination
from toolkit.tasks import Task, get_task
from toolkit.zoo import AdapterCard, Parent, Seen, Zoo


@pytest.fixture
def target() -> Task:
    return replace(get_task("xnli"), overlaps=("mnli:train",))


class Line:
    """A zoo that entries are put into, each with its parents."""

    def __init__(self, folder: Path) -> None:
        self.zoo, self.cards = Zoo(folder), {}  # type: ignore[var-annotated]

    def put(self, name: str, task: str, *parents: str, **other: object) -> AdapterCard:
        seen = (Seen(task, "train", "en", 5, fingerprint=task),)
        named = tuple(Parent(one, self.cards[one].digest) for one in parents)
        made = card(name, **{"data_seen": seen, "parents": named, **other})
        self.cards[name] = self.zoo.put(made, weights(len(self.cards)))
        return self.cards[name]


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def test_an_entrys_own_rows_are_named(line: Line, target: Task) -> None:
    found = contamination([line.put("mnli", "mnli")], target, line.zoo)
    assert found == ["'mnli' saw mnli (train), which shares rows with xnli."]


def test_rows_that_a_warm_start_saw_are_named_through_every_stage(line: Line, target: Task) -> None:
    line.put("mnli", "mnli")
    line.put("seq[mnli,squad]", "squad", "mnli")
    last = line.put("seq[mnli,squad,csqa]", "csqa", "seq[mnli,squad]")
    assert contamination([last], target, line.zoo) == [
        "'mnli', which 'seq[mnli,squad,csqa]' was made from, saw mnli (train), which shares rows with xnli."
    ]


def test_an_entry_that_is_named_for_itself_is_not_named_again(line: Line, target: Task) -> None:
    first = line.put("mnli", "mnli")
    above = line.put("mnli/squad", "squad", "mnli")
    assert len(contamination([first, above], target, line.zoo)) == 1
    both = line.put("small", "squad", "mnli", data_seen=(*first.data_seen, *above.data_seen))
    assert contamination([both], target, line.zoo) == ["'small' saw mnli (train), which shares rows with xnli."]


def test_what_is_not_in_the_zoo_any_more_is_said_to_be_unknown(line: Line, target: Task) -> None:
    line.put("a", "mnli")
    last = line.put("seq[a,b]", "squad", "a")
    line.zoo.remove("a", "tiny", force=True)
    unknown = ["'a', which 'seq[a,b]' was made from, is not in this zoo: whether it saw rows of xnli is not known."]
    assert contamination([last], target, line.zoo) == unknown
    line.put("a", "squad")
    assert contamination([last], target, line.zoo) == unknown, "other weights are another entry"


def test_a_parent_from_elsewhere_is_said_to_be_unknown(line: Line, target: Task) -> None:
    line.put("a", "a", data_seen=(Seen("unknown", "unknown", "unknown", "unknown", "unknown", "external"),))
    last = line.put("seq[a,b]", "squad", "a")
    (sentence,) = contamination([last], target, line.zoo)
    assert sentence.startswith("'a', which 'seq[a,b]' was made from, was made elsewhere")
