"""Adapters travel whole: to folders, to any file system of fsspec, parents first, nothing overwritten silently."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest

import toolkit
from tests.zoo.cards import ADAPTER, TINY, card, names_under, resealed, weights, wide
from toolkit.errors import ZooError
from toolkit.results.score import Score
from toolkit.tracking.alive import process_mark
from toolkit.zoo import AdapterCard, Parent, Zoo
from toolkit.zoo.clear import INCOMING, KEPT_S
from toolkit.zoo.readme import readme
from toolkit.zoo.record import add_scores, scores_of
from toolkit.zoo.scored import Kept
from toolkit.zoo.share.address import open_place
from toolkit.zoo.share.place import Place
from toolkit.zoo.share.share import pull, push, sync


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    """A zoo with mnli, squad on top of it, and a fusion of both."""
    held = Zoo(tmp_path / "zoo")
    mnli = held.put(card("mnli"), weights(1))
    squad = held.put(card("mnli/squad", parents=(named(mnli),)), weights(2))
    held.put(
        card("fuse[mnli,xnli]/xquad", parents=(named(mnli), named(held.put(card("xnli"), weights(4))))),
        weights(3, is_fused=True),
    )
    assert squad.parents
    return held


@pytest.fixture
def other(tmp_path: Path) -> Zoo:
    return Zoo(tmp_path / "other")


@pytest.fixture(params=["folder", "file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A folder, its URL, and an object store."""
    where = {"folder": str(tmp_path / "shared"), "file": f"file://{tmp_path}/shared", "memory": "memory://bucket/zoo"}
    yield where[request.param]
    fsspec.filesystem("memory").store.clear()


def named(held: AdapterCard) -> Parent:
    return Parent(held.name, held.digest)


def send(zoo: Zoo, name: str, to: str, **options: Any) -> Any:
    return push(zoo, zoo.get(name, "tiny"), to, **options)


def test_what_is_pushed_and_pulled_is_the_same_to_the_last_bit_and_brings_its_parents(
    zoo: Zoo, other: Zoo, place: str
) -> None:
    assert send(zoo, "fuse[mnli,xnli]/xquad", place).sent == ("mnli", "xnli", "fuse[mnli,xnli]/xquad")
    assert pull(other, place, "fuse[mnli,xnli]/xquad").sent == ("mnli", "xnli", "fuse[mnli,xnli]/xquad")
    assert other.faults() == []
    for name in ("mnli", "xnli", "fuse[mnli,xnli]/xquad"):
        mine, theirs = zoo.get(name, "tiny"), other.get(name, "tiny")
        assert zoo.text(mine) == other.text(theirs)
        for file in mine.files:
            assert (zoo.folder(mine) / file).read_bytes() == (other.folder(theirs) / file).read_bytes()
    assert not other.holds("mnli/squad", "tiny")
    assert not [name for name in names_under(other.root) if ".part" in name or ".new" in name]


def test_a_second_push_and_pull_move_nothing(zoo: Zoo, other: Zoo, place: str) -> None:
    send(zoo, "mnli", place)
    assert send(zoo, "mnli", place).sent == ()
    pull(other, place, "mnli")
    assert pull(other, place).sent == ()


def test_a_pull_without_a_name_takes_everything(zoo: Zoo, other: Zoo, place: str) -> None:
    for held in zoo.list():
        send(zoo, held.name, place)
    pull(other, place)
    assert [held.digest for held in other.list()] == [held.digest for held in zoo.list()]


def test_a_name_with_other_weights_is_never_overwritten_silently(zoo: Zoo, other: Zoo, place: str) -> None:
    other.put(card("mnli"), weights(9))
    send(zoo, "mnli", place)
    with pytest.raises(ZooError, match="already holds 'mnli' for tiny with other weights"):
        send(other, "mnli", place)
    with pytest.raises(ZooError, match="already holds 'mnli' for tiny with other weights"):
        pull(other, place, "mnli")
    assert other.get("mnli", "tiny").digest != zoo.get("mnli", "tiny").digest
    pull(other, place, "mnli", replace=True)
    assert other.get("mnli", "tiny").digest == zoo.get("mnli", "tiny").digest
    other.put(card("mnli"), weights(9), replace=True)
    send(other, "mnli", place, replace=True)
    third = Zoo(other.root.parent / "third")
    pull(third, place)
    assert third.get("mnli", "tiny").digest == other.get("mnli", "tiny").digest


def test_parents_that_are_not_sent_are_asked_for_by_digest(zoo: Zoo, other: Zoo, place: str) -> None:
    assert send(zoo, "mnli/squad", place, parents=False).by_digest == ("mnli",)
    digest = zoo.get("mnli", "tiny").digest[:12]
    with pytest.raises(ZooError, match=f"trained on 'mnli' {digest}, which neither .* holds"):
        pull(other, place, "mnli/squad")
    assert not other.list()
    other.put(card("mnli"), weights(9))
    with pytest.raises(ZooError, match=f"trained on 'mnli' {digest}, but .* holds"):
        pull(other, place, "mnli/squad")
    other.put(card("mnli"), weights(1), replace=True)
    assert pull(other, place, "mnli/squad").sent == ("mnli/squad",)


def test_sync_brings_both_sides_to_the_same_and_names_what_differs(zoo: Zoo, other: Zoo, place: str) -> None:
    send(zoo, "mnli/squad", place)
    other.put(card("xnli"), weights(7))
    pulled, pushed = sync(other, place)
    assert (set(pulled.sent), pushed.sent, pushed.faults) == ({"mnli", "mnli/squad"}, ("xnli",), ())
    pulled, pushed = sync(zoo, place)  # its own xnli is another
    assert pulled.sent == () and pushed.sent == ()
    assert any("'xnli' for tiny with other weights" in fault for fault in pushed.faults)
    assert zoo.get("xnli", "tiny").digest != other.get("xnli", "tiny").digest


def test_a_damaged_entry_is_not_pushed(zoo: Zoo, place: str) -> None:
    path = zoo.folder(zoo.get("mnli", "tiny")) / ADAPTER
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ZooError, match="SHA-256"):
        send(zoo, "mnli/squad", place)
    assert not open_place(place).exists("tiny/mnli/card.yaml")


def flat(place: str) -> tuple[Any, list[str]]:
    fs, base = fsspec.url_to_fs(place)
    return fs, sorted(name for name in fs.find(base) if not name.endswith(".lock"))


def test_two_hundred_random_damages_are_all_refused_and_nothing_becomes_visible(
    zoo: Zoo, other: Zoo, tmp_path: Path
) -> None:
    url = "memory://damaged"
    send(zoo, "mnli", url)
    fs, names = flat(url)
    whole = {name: fs.cat_file(name) for name in names}
    chance = random.Random(6)
    for number in range(200):
        name = chance.choice(names)
        data = bytearray(whole[name])
        kind = chance.choice(["flip", "cut", "grow", "remove"])
        if kind == "flip":
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del data[chance.randrange(len(data)) :]
        elif kind == "grow":
            data += bytes(chance.randrange(1, 50))
        fs.rm(name) if kind == "remove" else fs.pipe_file(name, bytes(data))
        taker = Zoo(tmp_path / f"taker{number}")  # a new one: what was fetched whole earlier is not fetched again
        with pytest.raises(ZooError) as caught:
            pull(taker, url, "mnli")
        assert "\n" not in str(caught.value), number
        fs.pipe_file(name, whole[name])
        assert not taker.list(), (number, kind, name)
    assert pull(other, url, "mnli").sent == ("mnli",)
    fs.store.clear()


def test_a_pull_goes_on_where_it_was_cut(zoo: Zoo, other: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    held = zoo.put(*wide("cosmosqa", reduction_factor=3))  # 2.7 MB
    url = "memory://cut"
    send(zoo, "cosmosqa", url)
    first = Place.weights
    read: list[int] = []

    class Cut:
        """A connection that breaks after two pieces."""

        def __init__(self, stream: Any, pieces: int) -> None:
            self.stream, self.left = stream, pieces

        def __enter__(self) -> Cut:
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

        def seek(self, offset: int) -> None:
            read.append(offset)
            self.stream.seek(offset)

        def read(self, size: int) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
            return self.stream.read(size)

    monkeypatch.setattr(Place, "weights", lambda self, *a: Cut(first(self, *a), 2))
    with pytest.raises(ZooError, match="Connection reset by peer"):
        pull(other, url, "cosmosqa")
    assert not other.list()
    pull(other, url, "cosmosqa")
    assert read == [0, 2 << 20]
    assert other.get("cosmosqa", "tiny").digest == held.digest
    assert not (other.root / INCOMING / held.digest).exists()
    fsspec.filesystem("memory").store.clear()


def test_a_destination_that_vanishes_mid_way_keeps_what_was_complete(
    zoo: Zoo, other: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "memory://vanishing"
    fs = fsspec.filesystem("memory")
    pipe, calls = type(fs).pipe_file, []

    def failing(self: Any, path: str, value: bytes, **options: Any) -> None:
        calls.append(path)
        if len(calls) > 1:
            raise OSError(errno.ENETDOWN, "Network is down")
        pipe(self, path, value, **options)

    monkeypatch.setattr(type(fs), "pipe_file", failing)
    with pytest.raises(ZooError, match="Network is down"):
        send(zoo, "mnli/squad", url)
    monkeypatch.undo()
    assert [found.name for found, _ in open_place(url).cards()] == ["mnli"]
    send(zoo, "mnli/squad", url)
    assert pull(other, url).sent == ("mnli", "mnli/squad")
    fs.store.clear()


def test_a_full_disk_is_said_before_anything_is_fetched(
    zoo: Zoo, other: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("toolkit.zoo.share.arrival.shutil.disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(ZooError, match="MB free"):
        pull(other, str(zoo.root), "mnli")
    assert not other.list()


@pytest.mark.parametrize("where", ["entry", "shelf", "weights", "card"])
def test_a_link_in_the_source_is_refused(zoo: Zoo, other: Zoo, tmp_path: Path, where: str) -> None:
    folder = zoo.folder(zoo.get("mnli", "tiny"))
    path = {"entry": folder, "shelf": folder.parent, "weights": folder / ADAPTER, "card": folder / "card.yaml"}[where]
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ZooError, match="symbolic link"):
        pull(other, str(zoo.root), "mnli")
    assert not other.list()


@pytest.mark.parametrize(
    "member",
    ["../mnli/card.yaml", "tiny/../card.yaml", "tiny/a\x1b[2J/card.yaml", "..\\x/mnli/card.yaml", "tiny/-rf/card.yaml"],
)
def test_a_hostile_member_of_an_archive_is_refused(zoo: Zoo, other: Zoo, tmp_path: Path, member: str) -> None:
    archive = tmp_path / "zoo.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr(member, zoo.text(zoo.get("mnli", "tiny")))
    with pytest.raises(ZooError, match="refused|no adapters"):
        pull(other, f"zip://::{archive}")
    assert not (tmp_path / "mnli").exists() and not other.list()


def test_an_archive_is_read_like_a_folder(zoo: Zoo, other: Zoo, tmp_path: Path) -> None:
    archive = tmp_path / "zoo.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        for path in zoo.root.rglob("*"):
            stream.write(path, path.relative_to(zoo.root))
    assert set(pull(other, f"zip://::{archive}").sent) == {held.name for held in zoo.list()}


def test_a_card_with_a_hostile_path_is_refused(zoo: Zoo, other: Zoo) -> None:
    folder = zoo.folder(zoo.get("mnli", "tiny"))
    resealed(folder, lambda values: values["files"].update({"../../evil.safetensors": values["files"][ADAPTER]}))
    with pytest.raises(ZooError, match="refused"):
        pull(other, str(zoo.root), "mnli")
    assert not list(other.root.parent.rglob("evil*"))


def test_a_pickle_under_a_right_checksum_is_refused(zoo: Zoo, other: Zoo) -> None:
    import hashlib
    import pickle

    folder = zoo.folder(zoo.get("mnli", "tiny"))
    data = pickle.dumps({"w": 1})
    (folder / ADAPTER).write_bytes(data)
    fields = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "tensors": 1}
    resealed(folder, lambda values: values["files"].update({ADAPTER: fields}))
    with pytest.raises(ZooError, match="cannot be read as a weight file"):
        pull(other, str(zoo.root), "mnli")
    assert not other.list()
    assert not list((other.root / INCOMING).iterdir())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nosuch://bucket", "nosuch"),
        ("s3://bucket/zoo", "s3fs"),
        ("hf://alone", "expected `hf://org/repo`"),
        ("absent-folder", "no folder"),
        ("zip://::absent.zip", "absent.zip"),
    ],
)
def test_a_place_that_cannot_be_used_is_one_sentence(other: Zoo, folder: Path, url: str, expected: str) -> None:
    with pytest.raises(ZooError, match=expected) as caught:
        pull(other, url)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_answered_with_the_nearest(zoo: Zoo, other: Zoo) -> None:
    with pytest.raises(ZooError, match="Did you mean 'mnli'"):
        pull(other, str(zoo.root), "mnly")


def test_two_backbones_under_one_name_must_be_told_apart(zoo: Zoo, other: Zoo) -> None:
    zoo.put(card("mnli", backbone=replace(TINY, name="embedded", digest="cd" * 32)), weights(1))
    with pytest.raises(ZooError, match="--backbone"):
        pull(other, str(zoo.root), "mnli")
    assert pull(other, str(zoo.root), "mnli", backbone="embedded").sent == ("mnli",)


def test_a_card_that_lies_in_the_wrong_place_is_refused(zoo: Zoo, other: Zoo) -> None:
    folder = zoo.folder(zoo.get("mnli", "tiny"))
    folder.rename(folder.parent / "squad")
    with pytest.raises(ZooError, match="belongs into tiny/mnli"):
        pull(other, str(zoo.root), "squad")


def test_a_half_pushed_entry_is_invisible_or_refused(zoo: Zoo, other: Zoo) -> None:
    url = "memory://half"
    send(zoo, "mnli", url)
    fs, names = flat(url)
    fs.rm(next(name for name in names if name.endswith("card.yaml")))
    with pytest.raises(ZooError, match="no adapters"):
        pull(other, url)
    fs.store.clear()


def test_the_path_of_a_card_is_where_its_zoo_keeps_it(zoo: Zoo) -> None:
    for held in zoo.list():
        assert zoo.folder(held) == zoo.root / held.path
    assert replace(zoo.list()[0], name="a/b").path == "tiny/a+b"


def test_a_zoo_that_is_only_read_is_not_changed_by_a_pull(zoo: Zoo, other: Zoo) -> None:
    before = {path: os.stat(path).st_mtime_ns for path in zoo.root.rglob("*") if path.is_file()}
    pull(other, str(zoo.root))
    assert {path: os.stat(path).st_mtime_ns for path in zoo.root.rglob("*") if path.is_file()} == before


# -- scores that were reached after training


def reached(held: AdapterCard, language: str, value: float = 0.5) -> Kept:
    score = Score("xnli", language, "accuracy", value, n=10, composition=held.name, seed=0)
    return Kept(held.digest, score, True, "en", "eval")


def languages_of(zoo: Zoo, name: str = "mnli") -> list[str]:
    return [one.score.language for one in scores_of(zoo, zoo.get(name, "tiny"))]


def test_scores_travel_with_their_weights_and_are_joined_where_both_sides_have_some(
    zoo: Zoo, other: Zoo, place: str
) -> None:
    mnli = zoo.get("mnli", "tiny")
    add_scores(zoo, mnli, [reached(mnli, "de")])
    send(zoo, "mnli", place, readme=readme)
    pull(other, place, "mnli")
    assert languages_of(other) == ["de"]
    add_scores(other, mnli, [reached(mnli, "sw")])
    moved = send(other, "mnli", place, readme=readme)
    assert (moved.sent, moved.held) == ((), ("mnli",))  # the weights were there
    pull(zoo, place, "mnli")
    assert languages_of(zoo) == ["de", "sw"]
    with open_place(place).open("tiny/mnli/README.md") as stream:
        assert b"xnli accuracy 50.0 (de, sw)" in stream.read()
    add_scores(zoo, mnli, [reached(mnli, "ru")])
    add_scores(other, mnli, [reached(mnli, "zh")])
    sync(zoo, place)
    sync(other, place)
    sync(zoo, place)
    assert sorted(languages_of(zoo)) == sorted(languages_of(other)) == ["de", "ru", "sw", "zh"]
    zoo.verify(mnli)


@pytest.mark.parametrize("content", [b"\xff\n", b"{}\n" * 10, b"x" * 1000, b""])
def test_scores_of_a_place_that_cannot_be_read_are_left_out_and_others_than_its_own(
    zoo: Zoo, other: Zoo, tmp_path: Path, content: bytes
) -> None:
    place = tmp_path / "shared"
    send(zoo, "mnli", str(place))
    mnli = zoo.get("mnli", "tiny")
    foreign = replace(reached(mnli, "ru"), digest="cd" * 32).to_line().encode()
    own = reached(mnli, "de").to_line().encode()
    (place / "tiny" / "mnli" / "scores.jsonl").write_bytes(foreign + own + content)
    pull(other, str(place), "mnli")
    assert languages_of(other) == ["de"]


# -- one bad entry ------------------------------------------------------------------------------------------------------


def test_a_pull_of_everything_takes_what_is_sound_and_leaves_out_what_was_trained_on_the_rest(
    zoo: Zoo, other: Zoo, place: str
) -> None:
    for held in zoo.list():
        send(zoo, held.name, place)
    (zoo.folder(zoo.get("mnli", "tiny")) / "card.yaml").write_text("broken")
    source = str(zoo.root)
    moved = pull(other, source)
    assert moved.sent == ("xnli",) and len(moved.faults) == 3
    assert [one.split(" ")[0] for one in moved.faults if one.startswith("The parent")] == ["The", "The"]
    assert sum("cut short or not a card" in one for one in moved.faults) == 3  # named with its reason each time
    with pytest.raises(ZooError, match="The parent 'mnli' of 'mnli/squad' cannot be used"):
        pull(other, source, "mnli/squad")
    assert pull(other, place).faults == ()  # the place is whole


def test_a_parent_that_fails_on_the_way_takes_its_children_with_it_and_nothing_else(
    zoo: Zoo, other: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zoo.folder(zoo.get("mnli", "tiny")) / ADAPTER
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    moved = pull(other, str(zoo.root))
    assert moved.sent == ("xnli",) and "is damaged" in moved.faults[0]
    assert moved.faults[1:] == (
        "'fuse[mnli,xnli]/xquad' was left out: its parent 'mnli' cannot be used.",
        "'mnli/squad' was left out: its parent 'mnli' cannot be used.",
    )
    assert other.faults() == []


def test_a_place_that_stops_to_answer_ends_the_pull(zoo: Zoo, other: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    from toolkit.zoo.share import moving
    from toolkit.zoo.share.place import Unreachable

    asked = []

    def unreachable(*arguments: Any, **options: Any) -> bool:
        asked.append(arguments)
        raise Unreachable("gone")

    for number in range(5):
        zoo.put(card(f"lone{number}"), weights(number))
    monkeypatch.setattr(moving, "arrive", unreachable)
    with pytest.raises(ZooError, match="gone"):
        pull(other, str(zoo.root))
    assert len(asked) == 3


def test_a_name_that_is_no_folder_name_does_not_stop_the_others(zoo: Zoo, other: Zoo) -> None:
    import shutil

    folder = zoo.folder(zoo.get("mnli", "tiny"))
    shutil.copytree(folder, folder.with_name("mnli (copy)"))
    moved = pull(other, str(zoo.root))
    assert len(moved.sent) == 4 and "'tiny/mnli (copy)/card.yaml', which is refused" in moved.faults[0]


# -- what would be orphaned ---------------------------------------------------------------------------------------------


def test_what_another_entry_was_trained_on_is_replaced_only_by_force(zoo: Zoo, other: Zoo, place: str) -> None:
    other.put(card("mnli"), weights(9))
    send(other, "mnli", place)
    before = zoo.get("mnli", "tiny").digest
    for replaced in (
        lambda how: pull(zoo, place, "mnli", replace=how),
        lambda how: send(zoo, "mnli", place, replace=how),
    ):
        if zoo.get("mnli", "tiny").digest == before:
            with pytest.raises(ZooError, match="'mnli' is a parent of '.*' and 1 more, which cannot run .*--force"):
                replaced(True)
            assert zoo.get("mnli", "tiny").digest == before
            assert pull(zoo, place, replace=True).faults[0].startswith("'mnli' is a parent of")
            replaced("any")
            assert zoo.get("mnli", "tiny").digest != before


def test_a_push_does_not_orphan_what_a_place_holds(zoo: Zoo, other: Zoo, place: str) -> None:
    send(zoo, "mnli/squad", place)
    other.put(card("mnli"), weights(9))
    with pytest.raises(ZooError, match="'mnli' is a parent of 'mnli/squad', which cannot run"):
        send(other, "mnli", place, replace=True)
    assert pull(Zoo(other.root.parent / "third"), place).faults == ()
    send(other, "mnli", place, replace="any")


def test_a_child_whose_parent_comes_back_is_no_orphan(zoo: Zoo, other: Zoo) -> None:
    right = str(zoo.root)
    pull(other, right, "mnli/squad")
    other.put(card("mnli"), weights(9), replace=True)
    assert pull(other, right, "mnli", replace=True).sent == ("mnli",)
    assert other.faults() == []


def _part(place: str, name: str, *, mark: str = "", age_s: float = 0.0) -> str:
    """Write what a killed push leaves at an object store, and return its path."""
    fs, base = fsspec.url_to_fs(place)
    path = f"{base}/tiny/{name}.part-{mark}{'ab' * 6}"
    fs.makedirs(path.rpartition("/")[0], exist_ok=True)
    fs.pipe_file(path, b"half")
    fs.store[path].modified = datetime.now(UTC) - timedelta(seconds=age_s)
    fs.store[path].created = fs.store[path].modified
    return str(path)


@pytest.mark.parametrize("verb", ["push", "pull", "pull all", "sync", "gc"])
def test_what_a_killed_push_left_at_a_remote_place_is_cleared_by_the_next_that_comes_there(
    zoo: Zoo, other: Zoo, verb: str
) -> None:
    place = "memory://bucket/zoo"
    try:
        send(zoo, "mnli", place)
        where, _, began = process_mark().split("-")
        ended = subprocess.Popen(["true"])
        ended.wait()
        gone = f"{where}-{ended.pid}-{began}-"  # of this machine, and no longer there
        weights = f"mnli/{zoo.get('mnli', 'tiny').digest[:16]}/adapter.safetensors"
        left = [
            _part(place, "mnli/card.yaml", mark=gone),
            _part(place, weights, mark=gone),
            _part(place, weights, age_s=KEPT_S + 60),
        ]
        used = [
            _part(place, "mnli/README.md"),
            _part(place, "mnli/card.yaml", mark=f"{process_mark()}-"),
            _part(place, "mnli/card.yaml", mark="0a0a0a0a-1-0b0b0b0b-"),
        ]
        match verb:
            case "push":
                send(zoo, "mnli", place)
            case "pull" | "pull all":
                pull(other, place, "mnli" if verb == "pull" else None)
            case "sync":
                sync(other, place)
            case _:
                config = toolkit.configure(zoo=other.root)
                assert [row["name"] for row in toolkit.zoo_gc(config, place=place).records()] == sorted(left)
                toolkit.zoo_gc(config, place=place, remove=True)
        there = fsspec.filesystem("memory").store
        assert not [path for path in left if path in there]
        assert all(path in there for path in used)
        assert other.faults() == []
    finally:
        fsspec.filesystem("memory").store.clear()


def test_a_place_that_is_only_read_is_pulled_from_although_something_was_left_there(
    zoo: Zoo, other: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "memory://bucket/zoo"
    try:
        send(zoo, "mnli", place)
        left = _part(place, "mnli/card.yaml", age_s=KEPT_S + 60)

        def refused(*_: object) -> None:
            raise PermissionError("no rights")

        monkeypatch.setattr(type(fsspec.filesystem("memory")), "rm_file", refused)
        assert pull(other, place, "mnli").sent == ("mnli",)
        assert left in fsspec.filesystem("memory").store
    finally:
        fsspec.filesystem("memory").store.clear()
