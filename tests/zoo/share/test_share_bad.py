"""Bad input on its way: a full disk, a destination that vanishes, hostile cards, a fusion without its member: one sentence, nothing half-visible."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tests import PROJECT, zygote
from tests.zoo.cards import card, names_under, weights, wide
from toolkit.errors import ZooError
from toolkit.zoo import AdapterCard, Parent, Zoo
from toolkit.zoo.clear import INCOMING
from toolkit.zoo.share.share import pull, push

# A limit on the size of files is the one full disk that needs no rights: the system refuses the write in its middle.
FULL = """
import resource, signal, sys
from toolkit.errors import ZooError
from toolkit.zoo import Zoo
from toolkit.zoo.share.share import pull, push
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
verb, here, there = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    push(Zoo(here), Zoo(here).get("mnli/squad", "tiny"), there) if verb == "push" else pull(Zoo(there), here, "mnli/squad")
except ZooError as error:
    print(error)
"""


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    """mnli, small; squad on top of it, 400 kB; and a fusion of mnli and xnli."""
    held = Zoo(tmp_path / "zoo")
    mnli = named(held.put(card("mnli"), weights(1)))
    held.put(*wide("mnli/squad", reduction_factor=20, parents=(mnli,)))
    xnli = named(held.put(card("xnli"), weights(4)))
    held.put(card("fuse[mnli,xnli]/xquad", parents=(mnli, xnli)), weights(3, is_fused=True))
    return held


def named(held: AdapterCard) -> Parent:
    return Parent(held.name, held.digest)


@pytest.mark.parametrize(
    ("verb", "kind"),
    [
        ("push", "folder"),
        ("pull", "url"),
        pytest.param("push", "url", marks=pytest.mark.slow),
        pytest.param("pull", "folder", marks=pytest.mark.slow),
    ],
)
def test_a_disk_that_fills_in_the_middle_keeps_what_was_whole_and_the_next_try_goes_through(
    zoo: Zoo, tmp_path: Path, verb: str, kind: str
) -> None:
    place, other = str(tmp_path / "place"), Zoo(tmp_path / "other")
    place = f"file://{place}" if kind == "url" else place
    there = place if verb == "push" else str(other.root)
    found = zygote.run(
        [sys.executable, "-c", FULL, verb, str(zoo.root), there],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the disk or its quota is full; free some space" in found.stdout, found.stdout + found.stderr
    assert found.stdout.count("\n") == 1
    target = Zoo(tmp_path / "place") if verb == "push" else other
    assert [one.name for one in target.list()] == ["mnli"] and target.faults() == [] and zoo.faults() == []
    if verb == "push":
        push(zoo, zoo.get("mnli/squad", "tiny"), place)
    else:
        pull(other, str(zoo.root), "mnli/squad")
    assert [one.name for one in target.list()] == ["mnli", "mnli/squad"] and target.faults() == []
    assert not list((target.root / INCOMING).glob("*"))


def test_a_folder_that_vanishes_in_the_middle_of_a_push_is_one_sentence(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.zoo.share import arrival

    first, calls = arrival._link, []

    def unmounted(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 3:  # mnli has arrived with its two files
            shutil.rmtree(tmp_path / "place")
        first(source, target)

    monkeypatch.setattr(arrival, "_link", unmounted)
    with pytest.raises(ZooError, match="Cannot write to") as caught:
        push(zoo, zoo.get("mnli/squad", "tiny"), str(tmp_path / "place"))
    assert "\n" not in str(caught.value) and zoo.faults() == []
    monkeypatch.undo()
    push(zoo, zoo.get("mnli/squad", "tiny"), str(tmp_path / "place"))
    assert Zoo(tmp_path / "place").faults() == []


def test_a_source_that_vanishes_in_the_middle_of_a_pull_is_one_sentence(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.zoo.share import moving

    first, calls = moving.arrive, []

    def unmounted(*arguments: Any, **options: Any) -> bool:
        calls.append(arguments)
        if len(calls) == 2:
            zoo.root.rename(tmp_path / "gone")
        return first(*arguments, **options)

    monkeypatch.setattr(moving, "arrive", unmounted)
    other = Zoo(tmp_path / "other")
    with pytest.raises(ZooError) as caught:
        pull(other, str(zoo.root), "mnli/squad")
    assert "\n" not in str(caught.value)
    assert [one.name for one in other.list()] == ["mnli"] and other.faults() == []


def at_a_place(zoo: Zoo, data: bytes) -> str:
    """A place whose one card is what a stranger wrote."""
    url = "memory://hostile"
    push(zoo, zoo.get("mnli", "tiny"), url)
    fs, base = fsspec.url_to_fs(url)
    fs.pipe_file(next(name for name in fs.find(base) if name.endswith("card.yaml")), data)
    return url


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a" * 100_000_000, "bytes"),
        (b"[" * 1_000_000, "nested more than"),
        (b"name: !!python/object/apply:os.system ['touch stolen']\nseal: x\n", "tag"),
        (b"\xff\xfe\x00", "UTF-8|card"),
    ],
    ids=["of 100 MB", "of a million nested lists", "with a tag", "of no text"],
)
def test_a_hostile_card_at_a_place_is_refused_in_one_sentence(
    zoo: Zoo, tmp_path: Path, data: bytes, expected: str
) -> None:
    other = Zoo(tmp_path / "other")
    try:
        with pytest.raises(ZooError, match=expected) as caught:
            pull(other, at_a_place(zoo, data), "mnli")
    finally:
        fsspec.filesystem("memory").store.clear()
    assert "\n" not in str(caught.value) and not other.list() and not (tmp_path / "stolen").exists()


def test_a_fusion_whose_member_is_missing_is_neither_pushed_nor_pulled(zoo: Zoo, tmp_path: Path) -> None:
    place, other = tmp_path / "place", Zoo(tmp_path / "other")
    push(zoo, zoo.get("fuse[mnli,xnli]/xquad", "tiny"), str(place))
    Zoo(place).remove("xnli", "tiny", force=True)
    with pytest.raises(ZooError, match=r"'fuse\[mnli,xnli\]/xquad' was trained on 'xnli'.*neither"):
        pull(other, str(place), "fuse[mnli,xnli]/xquad")
    assert not other.list()
    zoo.remove("xnli", "tiny", force=True)
    with pytest.raises(ZooError, match="'xnli'"):
        push(zoo, zoo.get("fuse[mnli,xnli]/xquad", "tiny"), str(tmp_path / "again"))
    assert not (tmp_path / "again").exists() or not Zoo(tmp_path / "again").list()


def test_a_members_name_in_a_card_cannot_lead_out_of_the_zoo(zoo: Zoo, tmp_path: Path) -> None:
    from tests.zoo.cards import resealed

    hostile = {"name": "../../mnli", "digest": "ab" * 32}
    folder = zoo.folder(zoo.get("mnli/squad", "tiny"))
    before = names_under(tmp_path)
    resealed(folder, lambda values: values.update(parents=[hostile]))
    with pytest.raises(ZooError, match="parents"):
        pull(Zoo(tmp_path / "other"), str(zoo.root), "mnli/squad")
    assert [name for name in names_under(tmp_path) if not name.startswith("other")] == before


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("hf:/org/repo", "hf://org/repo"),
        ("s3:bucket/zoo", "s3://bucket/zoo"),
        ("HTTPS://host/zoo", "https://host/zoo"),
        ("javascript:alert(1)", "javascript://alert(1)"),
    ],
)
def test_what_is_almost_an_address_makes_no_folder_of_its_name(
    zoo: Zoo, folder: Path, place: str, address: str
) -> None:
    with pytest.raises(ZooError, match=re.escape(f"write `{address}` for an address, or `./{place}` for a new folder")):
        push(zoo, zoo.get("mnli", "tiny"), place)
    assert not (folder / place.partition("/")[0]).exists()
    push(zoo, zoo.get("mnli", "tiny"), f"./{place}")
    pull(Zoo(folder / "pulled"), place)  # there it is a folder
    assert [each.name for each in Zoo(folder / "pulled").list()] == ["mnli"]
