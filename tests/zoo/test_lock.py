"""A lock names exact weights, and what it does not name is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.zoo.cards import card, weights
from toolkit.errors import ZooError
from toolkit.zoo import Parent, Zoo
from toolkit.zoo.lock import make_lock, read_lock, write_lock
from toolkit.zoo.share.share import pull


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    held = Zoo(tmp_path / "zoo")
    mnli = held.put(card("mnli"), weights(1))
    held.put(card("mnli/squad", parents=(Parent("mnli", mnli.digest),)), weights(2))
    held.put(card("xnli"), weights(3))
    return held


def test_a_lock_names_every_entry_and_its_parents_and_survives_its_file(zoo: Zoo, tmp_path: Path) -> None:
    lock = make_lock(zoo, "mnli/squad", "tiny")
    assert list(lock.entries) == ["mnli", "mnli/squad"]
    write_lock(lock, tmp_path / "zoo.lock")
    found = read_lock(tmp_path / "zoo.lock")
    assert (found.composition, found.backbone, found.entries) == (lock.composition, lock.backbone, lock.entries)


def test_a_lock_passes_what_it_names_and_refuses_other_weights_and_other_names(zoo: Zoo) -> None:
    lock = make_lock(zoo, "mnli/squad", "tiny")
    lock.check([zoo.get("mnli", "tiny"), zoo.get("mnli/squad", "tiny")])
    with pytest.raises(ZooError, match="does not name 'xnli'"):
        lock.check([zoo.get("xnli", "tiny")])
    zoo.put(card("mnli"), weights(9), replace=True)
    with pytest.raises(ZooError, match="pins 'mnli' to .*, but the zoo holds"):
        lock.check([zoo.get("mnli", "tiny")])


def test_nothing_damaged_is_locked(zoo: Zoo) -> None:
    path = zoo.folder(zoo.get("mnli", "tiny")) / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ZooError, match="SHA-256"):
        make_lock(zoo, "mnli/squad", "tiny")
    with pytest.raises(ZooError, match="nothing to pin"):
        make_lock(zoo, "backbone", "tiny")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-20],
        lambda text: text.replace("mnli/squad:", "../squad:"),
        lambda text: text + "more: 1\n",
        lambda text: "a: " + "[" * 100_000,
        lambda text: "x" * 2_000_000,
        lambda text: text.replace("format: 1", "format: 2"),
        lambda text: "!!python/object/apply:os.system [ls]",
    ],
)
def test_what_is_no_lock_is_refused_in_a_sentence(zoo: Zoo, tmp_path: Path, change: Callable[[str], str]) -> None:
    path = tmp_path / "zoo.lock"
    path.write_text(change(make_lock(zoo, "mnli/squad", "tiny").to_text()))
    with pytest.raises(ZooError, match="zoo lock"):
        read_lock(path)


def test_a_pull_by_lock_takes_exactly_what_it_pins(zoo: Zoo, tmp_path: Path) -> None:
    lock = make_lock(zoo, "mnli/squad", "tiny")
    other = Zoo(tmp_path / "other")
    assert pull(other, str(zoo.root), lock=lock).sent == ("mnli", "mnli/squad")
    assert pull(other, str(zoo.root), lock=lock).sent == ()
    zoo.put(card("mnli"), weights(9), replace=True)
    third = Zoo(tmp_path / "third")
    with pytest.raises(ZooError, match="The lock pins 'mnli' to"):
        pull(third, str(zoo.root), lock=lock)
    assert not third.list()
