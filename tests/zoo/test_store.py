"""A zoo holds whole entries: put, got, replaced and removed at once, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import PROJECT, zygote
from tests.waiting import LIMIT_S
from tests.zoo.cards import ADAPTER, SHAPE, TINY, card, names_under, weights
from toolkit.composition import CompositionError
from toolkit.errors import ToolkitError, ZooError
from toolkit.zoo import AdapterCard, Parent, Zoo, backbone_slug, entry, files, folders, shelf_name


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    return Zoo(tmp_path / "zoo")


def in_another_process(code: str, *arguments: object) -> zygote.Popen:
    """Run code in a process that has the helpers of this room at hand."""
    head = (
        "import os, resource, signal, sys\nfrom pathlib import Path\nfrom tests.zoo.cards import *\n"
        "from toolkit.zoo import Zoo, entry, files\nfrom toolkit.errors import ZooError\n"
    )
    return zygote.Popen(
        [sys.executable, "-c", head + code, *map(str, arguments)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_is_put_comes_back_to_the_last_bit(zoo: Zoo) -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 64, dtype=np.uint32).view(np.float32)
    arrays = {
        "bits": bits[np.isfinite(bits)],  # denormals and negative zeros among them
        "transposed": np.arange(12, dtype=np.float32).reshape(3, 4).T,
        "every second": np.arange(12, dtype=np.float32)[::2],
        "scalar": np.array(1.5, dtype=np.float32),
        "empty": np.zeros((0, 4), dtype=np.float32),
        "big end first": np.arange(3, dtype=">f4"),
    }
    held = zoo.put(
        card(kind="full", recipe={"adapter": {**SHAPE, "kind": "full"}}), {ADAPTER: arrays}
    )  # of a whole encoder any shape is kept
    found = Zoo(zoo.root).tensors(held, ADAPTER)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes(), name
    found["bits"][:] = 0  # their own memory, not the file's
    assert zoo.tensors(held, ADAPTER)["bits"].tobytes() == arrays["bits"].tobytes()


def test_the_card_comes_back_as_put_returned_it(zoo: Zoo) -> None:
    held = zoo.put(card(), weights())
    assert zoo.get("mnli", "tiny") == held
    assert zoo.get(" mnli ", "tiny") == held
    assert held.to_dict() == {**card().to_dict(), "files": held.to_dict()["files"], "digest": held.digest}
    assert {name: file.tensors for name, file in held.files.items()} == {ADAPTER: 8, "head.mnli.safetensors": 4}


def test_the_layout_is_backbone_then_composition(zoo: Zoo) -> None:
    zoo.put(card("fuse[mnli,squad]/xquad"), weights())
    inside = "tiny/fuse=mnli,squad=+xquad"
    assert names_under(zoo.root) == [
        "tiny",
        inside,
        f"{inside}/adapter.safetensors",
        f"{inside}/card.yaml",
        f"{inside}/head.mnli.safetensors",
    ]


def test_the_same_weights_have_the_same_digest_in_another_zoo(zoo: Zoo, tmp_path: Path) -> None:
    first = zoo.put(card(), weights())
    second = Zoo(tmp_path / "other").put(card(seconds=99.0, licence="other"), weights())
    assert first.digest == second.digest
    assert Zoo(tmp_path / "third").put(card(), weights(1)).digest != first.digest


def test_an_empty_zoo_holds_nothing(zoo: Zoo) -> None:
    assert zoo.list() == []
    assert not zoo.holds("mnli", "tiny")
    assert zoo.faults() == []
    assert not zoo.root.exists()


def test_cards_are_listed_by_backbone_and_name(zoo: Zoo) -> None:
    other = replace(TINY, name="org/base", digest="cd" * 32)
    for held in (card("squad"), card("mnli"), card("mnli", backbone=other)):
        zoo.put(held, weights())
    (zoo.root / "README.md").touch()
    assert [(held.backbone.name, held.name) for held in zoo.list()] == [
        ("org/base", "mnli"),
        ("tiny", "mnli"),
        ("tiny", "squad"),
    ]
    assert [held.name for held in zoo.list("org/base")] == ["mnli"]
    assert [held.name for held in zoo.list("org--base")] == ["mnli"]
    assert zoo.list("elsewhere") == []


def test_a_missing_entry_is_answered_with_the_nearest_name_or_where_it_is(zoo: Zoo) -> None:
    with pytest.raises(ZooError, match="is empty; `xstilts train mnli --backbone"):
        zoo.get("mnli", "tiny")
    zoo.put(card(), weights())
    with pytest.raises(ZooError, match=r"No adapter named 'mnil'\. Did you mean 'mnli'\?"):
        zoo.get("mnil", "tiny")
    with pytest.raises(ZooError, match="holds 'mnli' for tiny, not for embedded"):
        zoo.get("mnli", "embedded")
    with pytest.raises(CompositionError):
        zoo.get("../mnli", "tiny")


def test_the_command_that_makes_a_missing_entry_is_whole(zoo: Zoo) -> None:
    zoo.put(card("mnli/calm", recipe={"trained_as": "mnli/squad", "adapter": SHAPE}), weights(1))
    with pytest.raises(ZooError, match="train mnli/squad --backbone embedded --as calm --zoo"):
        zoo.get("mnli/calm", "embedded")
    zoo.put(card("mnli"), weights(0))
    with pytest.raises(ZooError, match="train mnli --backbone embedded --set adapter.kind=full --zoo"):
        zoo.get("mnli", "embedded+full")


def test_a_local_backbone_is_filed_by_its_last_part_and_digest(zoo: Zoo, folder: Path) -> None:
    (folder / "my model").mkdir()
    name = shelf_name(str(folder / "my model"))
    local = replace(TINY, name=name)
    held = zoo.put(card(backbone=local), weights())
    assert [path.name for path in files.subfolders(zoo.root)] == ["my_model-abababab"]
    assert zoo.get("mnli", name) == held
    assert zoo.get("mnli", str(folder / "my model")) == held
    assert zoo.get("mnli", "my_model-abababab") == held
    assert not zoo.holds("squad", name)
    assert not zoo.holds("mnli", "./another")
    zoo.put(card(backbone=replace(local, digest="cd" * 32)), weights())
    with pytest.raises(ZooError, match="several backbones"):
        zoo.get("mnli", name)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("xlm-roberta-large", "xlm-roberta-large"),
        ("xlm-roberta-large+full", "xlm-roberta-large+full"),
        ("FacebookAI/xlm-roberta-base", "FacebookAI--xlm-roberta-base"),
        ("/data/models/x", "x-01234567"),
        ("~/x", "x-01234567"),
        ("./org/x/", "x-01234567"),
        ("a\\b", "b-01234567"),
        ("weird name; rm", "weird_name__rm"),
    ],
)
def test_the_slug_of_a_backbone_is_one_safe_folder_name(name: str, slug: str) -> None:
    assert backbone_slug(name, "0123456789") == slug
    assert backbone_slug(slug) == slug


def test_weights_that_are_not_finite_or_not_there_are_refused(zoo: Zoo) -> None:
    broken = weights()
    broken[ADAPTER]["layer.1.adapter_up.weight"][3, 1] = np.nan
    with pytest.raises(
        ZooError, match=r"holds NaN or infinite numbers \('layer.1.adapter_up.weight'\); nothing was stored .*lower"
    ):
        zoo.put(card(), broken)
    with pytest.raises(ZooError, match="has no weights"):
        zoo.put(card(), {})
    with pytest.raises(ZooError, match="has no tensors"):
        zoo.put(card(), {ADAPTER: {}})
    with pytest.raises(ZooError, match="is refused"):
        zoo.put(card(), {"../adapter.safetensors": weights()[ADAPTER]})
    assert not zoo.root.exists()


def test_a_card_that_could_not_be_read_again_is_never_stored(zoo: Zoo) -> None:
    with pytest.raises(ZooError, match="expected 'seq_bn' or 'seq_bn_inv' or 'full'"):
        zoo.put(card(kind="lora", recipe={"adapter": {**SHAPE, "kind": "lora"}}), weights())
    assert names_under(zoo.root) == ["tiny"]


def test_a_taken_name_is_never_overwritten_silently(zoo: Zoo) -> None:
    first = zoo.put(card(), weights(0))
    assert zoo.put(card(licence="other"), weights(0)) == first
    with pytest.raises(
        ZooError, match="already holds 'mnli' for tiny with other .*zoo remove mnli --backbone tiny --zoo .*--replace"
    ):
        zoo.put(card(), weights(1))
    assert zoo.get("mnli", "tiny") == first
    second = zoo.put(card(), weights(1), replace=True)
    assert zoo.get("mnli", "tiny") == second != first
    zoo.verify(second)
    assert [name for name in names_under(zoo.root) if "/." in name] == []


def test_a_card_is_updated_without_its_weights(zoo: Zoo) -> None:
    held = zoo.put(card(), weights())
    new = zoo.update(replace(held, licence="Apache-2.0"))
    assert zoo.get("mnli", "tiny") == new == replace(held, licence="Apache-2.0")
    with pytest.raises(ZooError, match="other weights"):
        zoo.update(replace(held, digest="0" * 64))
    with pytest.raises(ZooError, match="No adapter named 'squad'"):
        zoo.update(replace(held, name="squad"))


def test_a_parent_is_removed_only_by_force(zoo: Zoo) -> None:
    parent = zoo.put(card(), weights())
    zoo.put(card("mnli/squad", parents=(Parent("mnli", parent.digest),)), weights(1))
    assert zoo.children("mnli", "tiny") == ["mnli/squad"]
    with pytest.raises(ZooError, match="is a parent of 'mnli/squad'"):
        zoo.remove("mnli", "tiny")
    assert zoo.holds("mnli", "tiny")
    zoo.remove("mnli", "tiny", force=True)
    assert [held.name for held in zoo.list()] == ["mnli/squad"]
    zoo.remove("mnli/squad", "tiny")
    assert names_under(zoo.root) == ["tiny"]
    with pytest.raises(ZooError, match="No adapter named 'mnli'"):
        zoo.remove("mnli", "tiny")


# ---------------------------------------------------------------- interrupted


@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), MemoryError()]
)
@pytest.mark.parametrize("where", ["write_text", "sync", "sha256"])
def test_a_put_that_fails_half_way_leaves_nothing_visible(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, where: str, fault: BaseException
) -> None:
    def fail(*_: Any) -> None:
        raise fault

    before = zoo.put(card("squad"), weights())
    seen = names_under(zoo.root)
    with monkeypatch.context() as patched:
        patched.setattr(entry, where, fail)
        with pytest.raises((ZooError, KeyboardInterrupt, MemoryError)) as caught:
            zoo.put(card(), weights())
    if isinstance(fault, OSError):
        assert str(caught.value).startswith(
            f"Cannot write to {zoo.root}/tiny: the disk or its quota is full; free some"
        )
    assert names_under(zoo.root) == seen
    assert zoo.list() == [before]
    assert zoo.put(card(), weights()).name == "mnli"


@pytest.mark.parametrize("nth", [1, 2])
def test_a_replacement_that_fails_between_its_renames_keeps_the_old_entry(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    old = zoo.put(card(), weights(0))
    calls = []
    real = os.rename

    def rename(source: Any, target: Any) -> None:
        calls.append(source)
        if len(calls) == nth:
            raise OSError(errno.EIO, "Input/output error")
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", rename)
        with pytest.raises(ZooError, match="Input/output error"):
            zoo.put(card(), weights(1), replace=True)
    assert zoo.list() == [old]
    zoo.verify(old)


KILLED = """
real, calls = os.rename, []
def rename(source, target):
    calls.append(source)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target)
os.rename = rename
Zoo(Path(sys.argv[1])).put(card(), weights(1), replace=True)
"""


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("look", [Zoo.list, lambda zoo: [zoo.get("mnli", "tiny")]], ids=["list", "get"])
def test_a_writer_killed_while_replacing_leaves_the_old_entry(
    zoo: Zoo, nth: int, look: Callable[[Zoo], list[AdapterCard]]
) -> None:
    old = zoo.put(card(), weights(0))
    process = in_another_process(KILLED, zoo.root, nth)
    _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == -signal.SIGKILL, said
    assert any(name.startswith("tiny/.new-") for name in names_under(zoo.root))
    assert look(zoo) == [old]
    assert zoo.holds("mnli", "tiny")
    zoo.verify(old)
    zoo.put(card("squad"), weights())  # the next writer clears what is left
    assert [name for name in names_under(zoo.root) if "/." in name] == []


FULL = """
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    Zoo(Path(sys.argv[1])).put(*wide("mnli", reduction_factor=100))
except ZooError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_is_one_sentence(zoo: Zoo) -> None:
    process = in_another_process(FULL, zoo.root)
    said, fault = process.communicate(timeout=LIMIT_S)
    assert "the disk or its quota is full; free some space" in said, fault
    assert names_under(zoo.root) == ["tiny"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_an_unwritable_folder_is_one_sentence(zoo: Zoo, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ZooError, match=r"it is not writable; make it writable or name another zoo \(`--set zoo=DIR`\)"):
        zoo.put(card(), weights())


def test_a_file_in_the_place_of_the_zoo_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "zoo").write_text("not a folder")
    for act in (lambda zoo: zoo.put(card(), weights()), lambda zoo: zoo.list()):
        with pytest.raises(ZooError, match=r"Not a directory|File exists"):
            act(Zoo(tmp_path / "zoo"))


# ---------------------------------------------------------------- several at once

PUT = """
for _ in range(5):
    try:
        print(Zoo(Path(sys.argv[1])).put(card(), weights(int(sys.argv[2])), replace=sys.argv[3] == "yes").digest)
    except ZooError as error:
        print("refused" if "already holds" in str(error) else error)
"""


@pytest.mark.parametrize("is_replacing", ["no", "yes"])
def test_two_processes_putting_the_same_name_leave_one_whole_entry(zoo: Zoo, is_replacing: str) -> None:
    processes = [in_another_process(PUT, zoo.root, seed, is_replacing) for seed in (1, 2)]
    seen = set()
    while any(process.poll() is None for process in processes):
        if zoo.holds("mnli", "tiny"):  # a reader in between never sees half an entry, and never none once there was one
            seen.add(zoo.get("mnli", "tiny").digest)
    said = [process.communicate() for process in processes]
    digests = {line for out, _ in said for line in out.split() if line != "refused"}
    assert [fault for _, fault in said if fault] == []
    held = zoo.get("mnli", "tiny")
    zoo.verify(held)
    assert held.digest in digests
    assert seen <= digests
    if is_replacing == "no":
        assert digests == {held.digest}
        assert sorted({out for out, _ in said}) == sorted({f"{held.digest}\n" * 5, "refused\n" * 5})
    assert [name for name in names_under(zoo.root) if "/." in name] == []


def test_writers_of_other_names_lose_nothing(zoo: Zoo) -> None:
    names = [f"task{i}" for i in range(12)]
    threads = [threading.Thread(target=zoo.put, args=(card(name), weights(i))) for i, name in enumerate(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held.name for held in zoo.list()) == sorted(names)
    assert zoo.faults() == []


def test_a_lock_that_another_writer_keeps_is_one_sentence(tmp_path: Path) -> None:
    refused = pytest.raises(ZooError, match="Another process has been writing")
    with files.locked(tmp_path), refused, files.locked(tmp_path, timeout_s=0.05):
        raise AssertionError("two writers at once")
    with files.locked(tmp_path, timeout_s=0.05):
        pass


def test_every_fault_is_of_the_kind_that_users_are_shown() -> None:
    assert issubclass(ZooError, ToolkitError)


@pytest.mark.parametrize("look", ["list", "get"])
def test_an_entry_read_while_it_is_out_of_its_place_is_read_again(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    held = zoo.put(card("a"), weights())
    home, aside = zoo.folder(held), zoo.folder(held).parent / f".old-{zoo.folder(held).name}"
    real, reads = folders.read_card, []

    def first_out_of_place(folder: Path) -> AdapterCard:
        reads.append(folder)
        if len(reads) > 1:
            return real(folder)
        # What a reader meets between a writer's two renames; when it looks why, the new entry is there.
        home.rename(aside)
        try:
            return real(folder)
        finally:
            aside.rename(home)

    monkeypatch.setattr(folders, "read_card", first_out_of_place)
    if look == "list":
        damaged: list[str] = []
        assert [one.digest for one in zoo.list(damaged=damaged)] == [held.digest]
        assert damaged == []
    else:
        assert zoo.get("a", TINY.name).digest == held.digest
    assert len(reads) == 2


def test_what_a_killed_removal_has_left_goes_with_the_next_try(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path)
    held = zoo.put(card("mnli"), weights(1))
    folder = zoo.folder(held)
    folder.rename(folder.with_name(".new-0a1b2c3d4e5f6a7b"))
    with pytest.raises(ToolkitError, match="mnli"):
        zoo.remove("mnli", "tiny")
    assert {path.name for path in folder.parent.iterdir()} <= {".lock"}
