"""What is damaged, hostile or made for something else is refused in a sentence, before a tensor is handed out."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.zoo.cards import ADAPTER, SHAPE, TINY, card, layers, resealed, weights
from toolkit.errors import ZooError
from toolkit.zoo import AdapterCard, Backbone, CardFile, Parent, Zoo, check_backbone, digest_of, gate, streamed
from toolkit.zoo.card import CARD_FILE, MAX_CARD_BYTES
from toolkit.zoo.verify import entry_faults

SHAPES: dict[str, Any] = dict(layers(TINY))
UP, DOWN = "layer.1.adapter_up.weight", "layer.1.adapter_down.0.weight"


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    zoo = Zoo(tmp_path / "zoo")
    zoo.put(card(), weights())
    return zoo


@pytest.fixture
def home(zoo: Zoo) -> Path:
    return zoo.root / "tiny" / "mnli"


def refused(zoo: Zoo, file: str = ADAPTER, expected: Any = SHAPES) -> str:
    with pytest.raises(ZooError) as caught:
        zoo.tensors(zoo.get("mnli", "tiny"), file, expected=expected)
    return str(caught.value)


def put_raw(home: Path, data: bytes) -> None:
    """Replace the weights by other bytes that the card vouches for, as a stranger could."""
    (home / ADAPTER).write_bytes(data)

    def vouch(values: dict[str, Any]) -> None:
        values["files"][ADAPTER] |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}

    resealed(home, vouch)


def test_a_sound_entry_passes(zoo: Zoo) -> None:
    held = zoo.get("mnli", "tiny")
    zoo.verify(held)
    assert zoo.faults() == []
    assert set(zoo.tensors(held, ADAPTER, expected=SHAPES)) == set(SHAPES)


def test_every_flipped_byte_of_the_weights_is_refused(zoo: Zoo, home: Path) -> None:
    held = zoo.get("mnli", "tiny")
    data = bytearray((home / ADAPTER).read_bytes())
    for place in range(len(data)):
        data[place] ^= 0x10
        (home / ADAPTER).write_bytes(data)
        with pytest.raises(ZooError, match=r"adapter\.safetensors of 'mnli' is damaged: its SHA-256 is"):
            zoo.tensors(held, ADAPTER)
        data[place] ^= 0x10
    (home / ADAPTER).write_bytes(data)
    zoo.verify(held)


def test_every_flipped_byte_of_the_card_is_refused(zoo: Zoo, home: Path) -> None:
    data = bytearray((home / CARD_FILE).read_bytes())
    for place in range(0, len(data), 5):
        data[place] ^= 0x80
        (home / CARD_FILE).write_bytes(data)
        with pytest.raises(ZooError):
            zoo.get("mnli", "tiny")
        data[place] ^= 0x80


def test_cut_or_grown_weights_are_refused(zoo: Zoo, home: Path) -> None:
    data = (home / ADAPTER).read_bytes()
    for other in (b"", data[:-1], data + b"\0"):
        (home / ADAPTER).write_bytes(other)
        assert f"has {len(other)} bytes, its card says {len(data)}" in refused(zoo)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"gone": (2, 2)}, "lacks 'gone'; nothing was loaded"),
        ({UP: None}, f"holds '{UP}', which the circuit has no place for; nothing was loaded"),
        ({UP: (8, 3)}, f"holds '{UP}' with shape (8, 2), expected (8, 3); nothing was loaded"),
        ({UP: (16,)}, f"holds '{UP}' with shape (8, 2), expected (16,)"),
        ({UP: None, "over": (8, 2)}, f"lacks 'over' and holds '{UP}', which"),
        ({f"t{i}": (1,) for i in range(9)}, "lacks 't0', 't1', 't2' and 6 more"),
    ],
)
def test_a_missing_surplus_or_misshapen_tensor_is_refused(zoo: Zoo, change: dict[str, Any], expected: str) -> None:
    shapes = {name: shape for name, shape in {**SHAPES, **change}.items() if shape is not None}
    assert expected in refused(zoo, expected=shapes)


def test_a_tensor_that_was_taken_out_or_slipped_in_is_refused_although_the_checksum_was_made_to_fit(
    zoo: Zoo, home: Path, tmp_path: Path
) -> None:
    whole = weights()[ADAPTER]
    for tensors, count in (({DOWN: whole[DOWN]}, 1), ({**whole, "more": whole[DOWN]}, 9)):
        save_file(tensors, tmp_path / "x")
        put_raw(home, (tmp_path / "x").read_bytes())
        assert f"holds {count} tensors, its card says 8" in refused(zoo, expected=None)
        resealed(home, lambda values, count=count: values["files"][ADAPTER].update(tensors=count))  # type: ignore[misc]
        assert "lacks 'layer." in refused(zoo) or "holds 'more'" in refused(zoo)
        resealed(home, lambda values: values["files"][ADAPTER].update(tensors=8))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95 a pickle",
        b"\xff" * 64,
        struct.pack("<Q", 2) + b"{}" + b"surplus",
        struct.pack("<Q", 10**15) + b"{}",
        struct.pack("<Q", 74) + b'{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'.ljust(74) + b"\0\0",
        struct.pack("<Q", 74) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}'.ljust(74) + b"\0" * 4,
    ],
    ids=["empty", "pickle", "noise", "surplus", "huge header", "bfloat16", "short"],
)
def test_what_is_no_weight_file_is_refused_although_its_checksum_fits(zoo: Zoo, home: Path, data: bytes) -> None:
    put_raw(home, data)
    said = refused(zoo)
    assert "adapter.safetensors of 'mnli'" in said
    assert "\n" not in said


def test_a_missing_file_and_an_unknown_one_are_refused(zoo: Zoo, home: Path) -> None:
    assert "'mnli' has no fusion.safetensors; it holds adapter.safetensors, head.mnli" in refused(
        zoo, "fusion.safetensors"
    )
    (home / ADAPTER).unlink()
    assert "adapter.safetensors of 'mnli' is missing" in refused(zoo)


@pytest.mark.parametrize("hostile", ["../../secret.safetensors", "/etc/passwd", "head.x/../../y.safetensors", "x.bin"])
def test_a_hostile_file_name_in_a_card_is_refused(zoo: Zoo, home: Path, hostile: str) -> None:
    def rename(values: dict[str, Any]) -> None:
        values["files"] = {hostile: values["files"][ADAPTER]}

    resealed(home, rename)
    with pytest.raises(ZooError, match=r"The file name .* is refused"):
        zoo.get("mnli", "tiny")


@pytest.mark.parametrize("name", [ADAPTER, CARD_FILE])
def test_a_link_in_the_place_of_a_file_is_refused(zoo: Zoo, home: Path, tmp_path: Path, name: str) -> None:
    shutil.move(home / name, tmp_path / "outside")
    (home / name).symlink_to(tmp_path / "outside")
    assert "is a symbolic link" in refused(zoo)
    assert len(zoo.faults()) == 1


@pytest.mark.parametrize("where", ["tiny/mnli", "tiny"])
def test_a_link_in_the_place_of_a_folder_is_refused(zoo: Zoo, tmp_path: Path, where: str) -> None:
    held = zoo.get("mnli", "tiny")
    shutil.move(zoo.root / where, tmp_path / "outside")
    (zoo.root / where).symlink_to(tmp_path / "outside")
    for act in (
        lambda: zoo.get("mnli", "tiny"),
        lambda: zoo.list(),
        lambda: zoo.verify(held),
        lambda: zoo.tensors(held, ADAPTER),
        lambda: zoo.put(card("squad" if where == "tiny" else "mnli"), weights()),
    ):
        with pytest.raises(ZooError, match="is a symbolic link"):
            act()
    damaged: list[str] = []
    assert zoo.list(damaged=damaged) == []
    assert len(damaged) == 1


def test_a_linked_entry_is_removed_without_what_it_points_to(zoo: Zoo, home: Path, tmp_path: Path) -> None:
    shutil.move(home, tmp_path / "outside")
    home.symlink_to(tmp_path / "outside")
    zoo.put(card(), weights(1), replace=True)
    zoo.verify(zoo.get("mnli", "tiny"))
    assert (tmp_path / "outside" / ADAPTER).is_file()


def test_a_zoo_behind_a_link_is_the_users_own_choice(zoo: Zoo, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(zoo.root)
    assert Zoo(tmp_path / "link").get("mnli", "tiny").name == "mnli"


@pytest.mark.parametrize("name", [ADAPTER, CARD_FILE])
def test_a_pipe_or_folder_in_the_place_of_a_file_is_refused_without_waiting(zoo: Zoo, home: Path, name: str) -> None:
    (home / name).unlink()
    os.mkfifo(home / name)
    assert "is not a regular file" in refused(zoo)
    (home / name).unlink()
    (home / name).mkdir()
    assert "is not a regular file" in refused(zoo)


def test_a_huge_card_is_refused_unread(zoo: Zoo, home: Path) -> None:
    with (home / CARD_FILE).open("r+b") as stream:
        stream.truncate(100_000_000_000)  # a hole: it takes no room on the disk
    with pytest.raises(ZooError, match=f"more than {MAX_CARD_BYTES:,} bytes"):
        zoo.get("mnli", "tiny")


@pytest.mark.parametrize(
    "text", ["[" * 1_000_000, "", "\xff", "name: mnli"], ids=["deep", "empty", "not utf-8", "short"]
)
def test_a_card_that_is_none_is_refused_with_its_path(zoo: Zoo, home: Path, text: str) -> None:
    (home / CARD_FILE).write_text(text, encoding="latin-1")
    with pytest.raises(ZooError, match=r"card\.yaml: The card") as caught:
        zoo.get("mnli", "tiny")
    assert len(str(caught.value)) < 500


def test_one_damaged_entry_does_not_hide_the_others_and_can_be_removed(zoo: Zoo, home: Path) -> None:
    sound = zoo.put(card("squad"), weights())
    (home / CARD_FILE).write_text("name: mnli")
    damaged: list[str] = []
    assert zoo.list(damaged=damaged) == [sound]
    assert len(damaged) == 1
    with pytest.raises(ZooError):
        zoo.list()
    assert zoo.holds("mnli", "tiny")  # damaged, not absent: get says why, and nothing is trained over it
    zoo.remove("mnli", "tiny")
    assert zoo.faults() == []


def test_a_half_pushed_entry_is_refused(zoo: Zoo, home: Path) -> None:
    (home / CARD_FILE).unlink()
    with pytest.raises(ZooError, match="The card of 'mnli' is missing"):
        zoo.get("mnli", "tiny")


def test_an_entry_in_the_wrong_folder_is_refused(zoo: Zoo, home: Path) -> None:
    home.rename(home.with_name("squad"))
    with pytest.raises(ZooError, match="The card is of 'mnli' for tiny, which belongs into"):
        zoo.get("squad", "tiny")
    home.with_name("squad").rename(home)
    home.parent.rename(zoo.root / "embedded")
    with pytest.raises(ZooError, match="which belongs into"):
        zoo.get("mnli", "embedded")


def test_verify_reports_everything_at_once(zoo: Zoo, home: Path) -> None:
    gone = Parent("squad", "0" * 64)
    other = Parent("qqp", "0" * 64)
    zoo.put(card("qqp"), weights(2))
    held = zoo.put(card(parents=(gone, other)), weights(1), replace=True)
    (home / ADAPTER).unlink()
    (home / "stray.bin").touch()
    with pytest.raises(ZooError, match="'mnli' has 4 faults:") as caught:
        zoo.verify(held)
    said = str(caught.value)
    assert "adapter.safetensors of 'mnli' is missing" in said
    assert "holds 'stray.bin', which its card does not name" in said
    assert "The parent 'squad' of 'mnli' cannot be used" in said
    assert "was trained on 'qqp' 000000000000, but the zoo holds" in said
    assert len(zoo.faults()) == 4


def test_a_weight_file_exchanged_while_it_is_read_is_refused(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors

    real = safetensors.safe_open

    def exchange(path: Path, **options: Any) -> Any:
        save_file({name: array + 1 for name, array in weights()[ADAPTER].items()}, home / "other")
        os.replace(home / "other", path)
        return real(path, **options)

    monkeypatch.setattr(safetensors, "safe_open", exchange)
    assert "was replaced while it was read" in refused(zoo)


# ---------------------------------------------------------------- another backbone


def test_another_backbone_is_refused_with_both_names_and_widths() -> None:
    base = Backbone("xlm-roberta-base", "ab" * 32, 768, 12)
    with pytest.raises(ZooError) as caught:
        check_backbone(AdapterCard("mnli", base, "seq_bn"), "xlm-roberta-large", "cd" * 32, 1024)
    assert str(caught.value) == (
        "Adapter 'mnli' was trained on xlm-roberta-base (H=768); this backbone is xlm-roberta-large (H=1024)."
    )


def test_another_revision_of_the_same_backbone_is_refused() -> None:
    with pytest.raises(ZooError, match="with the weights abababababab; this tiny has others, cdcdcdcdcdcd"):
        check_backbone(card(), "tiny", "cd" * 32, 8)


def test_the_same_weights_under_another_name_are_the_same_backbone() -> None:
    check_backbone(card(), "./a/folder", TINY.digest, 8)
    with pytest.raises(ZooError):
        check_backbone(card(), "./a/folder", "cd" * 32, 8)


def test_a_digest_that_does_not_match_is_refused(zoo: Zoo, home: Path) -> None:
    text = (home / CARD_FILE).read_text()
    held = AdapterCard.from_text(text)
    forged = replace(held, digest="0" * 64)
    (home / CARD_FILE).write_text(forged.to_text())
    with pytest.raises(ZooError, match="does not agree with its own digest 000000000000"):
        zoo.get("mnli", "tiny")
    assert digest_of(held) == held.digest


def test_weights_of_one_entry_do_not_pass_for_anothers(zoo: Zoo, home: Path) -> None:
    zoo.put(card("squad"), {ADAPTER: {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}})
    shutil.copy(home.with_name("squad") / ADAPTER, home / ADAPTER)
    assert "is damaged" in refused(zoo)


def test_a_file_is_checked_in_pieces_and_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = np.ones((512, 1024), np.float32)  # 2 MiB
    zoo, home = Zoo(tmp_path / "whole"), tmp_path / "whole" / "tiny" / "mnli"
    held = zoo.put(
        card("mnli", kind="full", recipe={"adapter": {**SHAPE, "kind": "full"}}), {ADAPTER: {"a": big, "b": big[0]}}
    )
    for module in (gate, streamed):
        monkeypatch.setattr(module, "PIECE", 1 << 12)
    assert entry_faults(home, held) == []
    tracemalloc.start()
    try:
        assert entry_faults(home, held) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < big.nbytes / 2
    big[-1, -1] = np.inf
    save_file({"a": big, "b": big[0]}, tmp_path / "x")
    data = (tmp_path / "x").read_bytes()
    (home / ADAPTER).write_bytes(data)
    found = CardFile(hashlib.sha256(data).hexdigest(), len(data), 2)
    other = replace(held, files={ADAPTER: found})
    assert "holds NaN or infinite numbers ('a')" in entry_faults(home, other)[0]
