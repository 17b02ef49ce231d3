"""One list of checks, at every door: what one of them refuses, all of them refuse."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file

from tests.zoo.cards import ADAPTER, TINY, card, resealed, weights
from toolkit.errors import ZooError
from toolkit.zoo import AdapterCard, Head, Parent, Zoo
from toolkit.zoo.card import CARD_FILE
from toolkit.zoo.lineage import circles
from toolkit.zoo.lock import make_lock
from toolkit.zoo.share.share import pull, push, sync

HEAD = "head.mnli.safetensors"
RECIPE = {"adapter": {"kind": "seq_bn", "reduction_factor": 4, "non_linearity": "relu"}}
H, R, L = TINY.hidden_size, 2, TINY.layers


def bottleneck(layers: tuple[int, ...] = (0, 1), width: int = R) -> dict[str, np.ndarray]:
    forms = {
        "adapter_down.0.weight": (width, H),
        "adapter_down.0.bias": (width,),
        "adapter_up.weight": (H, width),
        "adapter_up.bias": (H,),
    }
    return {f"layer.{n}.{name}": np.ones(form, np.float32) for n in layers for name, form in forms.items()}


def classifier(classes: int = 3) -> dict[str, np.ndarray]:
    forms = {"dense.weight": (H, H), "dense.bias": (H,), "out.weight": (classes, H), "out.bias": (classes,)}
    return {name: np.ones(form, np.float32) for name, form in forms.items()}


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    zoo = Zoo(tmp_path / "zoo")
    zoo.put(card("mnli", recipe=RECIPE), {ADAPTER: bottleneck(), HEAD: classifier()})
    zoo.put(card("squad"), weights(1))
    return zoo


def rewrite(zoo: Zoo, file: str, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> AdapterCard:
    """Change a weight file, and let the card vouch for it, as a stranger would."""
    home = zoo.root / "tiny" / "mnli"
    tensors = change(load_file(home / file))
    save_file(tensors, home / file)
    data = (home / file).read_bytes()
    held = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "tensors": len(tensors)}
    resealed(home, lambda values: values["files"].update({file: held}))
    return zoo.get("mnli", "tiny")


def said(work: Callable[[], Any]) -> str:
    with pytest.raises(ZooError) as caught:
        work()
    return str(caught.value)


def each(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    return lambda tensors: {name: change(array) for name, array in tensors.items()}


def one(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    def changed(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = {**tensors, name: change(tensors.get(name, np.zeros(1, np.float32)))}
        return {key: array for key, array in found.items() if array is not None}

    return changed


def with_a(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def changed(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array.flat[-1] = value
        return array

    return changed


UP = "layer.1.adapter_up.weight"
DAMAGES = [
    (ADAPTER, one(UP, with_a(np.nan)), f"holds NaN or infinite numbers ('{UP}')"),
    (HEAD, one("out.bias", with_a(-np.inf)), "holds NaN or infinite numbers ('out.bias')"),
    (ADAPTER, each(lambda array: array.astype(np.int32)), "numbers of the type int32"),
    (ADAPTER, each(lambda array: array.astype(np.float64)), "numbers of the type float64"),
    (ADAPTER, one(UP, lambda array: array.astype(np.float16)), "numbers of the type float16"),
    (HEAD, one("out.weight", lambda array: array > 0), "numbers of the type bool"),
    (ADAPTER, one(UP, lambda array: np.ascontiguousarray(array.T)), "with shape (2, 8), expected (8, 2)"),
    (ADAPTER, lambda _: bottleneck(width=4), "with shape (4,), expected (2,)"),
    (ADAPTER, lambda _: bottleneck((0,)), "has the layers 0, its card says 0, 1"),
    (ADAPTER, lambda _: bottleneck((0, 1, 2)), "has the layers 0 to 2, its card says 0, 1"),
    (ADAPTER, one(UP, lambda _: None), f"lacks '{UP}'"),
    (ADAPTER, one("layer.1.more", lambda array: array), "holds 'layer.1.more', which the circuit has no place for"),
    (ADAPTER, one("more", lambda array: array), "holds 'more', which is of no layer"),
    (HEAD, lambda _: classifier(6), "with shape (6,), expected (3,)"),
]


@pytest.mark.parametrize(("file", "change", "expected"), DAMAGES)
def test_damaged_weights_under_a_fitting_checksum_are_refused_at_every_door(
    zoo: Zoo, tmp_path: Path, file: str, change: Any, expected: str
) -> None:
    held = rewrite(zoo, file, change)
    place = str(tmp_path / "place")
    doors = {
        "read": lambda: zoo.tensors(held, file),
        "verify": lambda: zoo.verify(held),
        "push": lambda: push(zoo, held, place),
        "push to a store": lambda: push(zoo, held, f"file://{place}"),
        "push alone": lambda: push(zoo, held, place, parents=False),
        "pull": lambda: pull(Zoo(tmp_path / "other"), str(zoo.root), "mnli"),
        "lock": lambda: make_lock(zoo, "mnli", "tiny"),
    }
    assert {name: expected in said(door) for name, door in doors.items()} == dict.fromkeys(doors, True)
    taken = pull(Zoo(tmp_path / "all"), str(zoo.root))
    sent = sync(zoo, place)[1]
    for moved in (taken, sent):
        assert moved.sent == ("squad",) and expected in moved.faults[0] and len(moved.faults) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda values: values["recipe"]["adapter"].pop("reduction_factor"),
            "lacks the setting 'adapter.reduction_factor'",
        ),
        (lambda values: values["recipe"]["adapter"].pop("non_linearity"), "lacks the setting 'adapter.non_linearity'"),
        (lambda values: values["recipe"]["adapter"].pop("kind"), "lacks the setting 'adapter.kind'"),
        (lambda values: values["recipe"].pop("adapter"), "lacks the setting 'adapter.kind'"),
        (lambda values: values["recipe"].update(adapter="seq_bn"), "lacks the setting 'adapter.kind'"),
        (lambda values: values["recipe"]["adapter"].update(non_linearity="cubic"), "uses the activation 'cubic'"),
        (lambda values: values["recipe"]["adapter"].update(kind="full"), "is of the kind 'seq_bn', but of 'full'"),
        (lambda values: values["heads"]["mnli"].update(kind="poem"), "is of the kind 'poem'; this release knows pair,"),
        (lambda values: values["heads"]["mnli"].update(kind="retrieval", pooling="loud"), "pools by 'loud'"),
    ],
)
def test_a_card_that_lacks_what_training_and_evaluation_need_is_refused_at_every_door(
    zoo: Zoo, tmp_path: Path, change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    resealed(zoo.root / "tiny" / "mnli", change)
    held = zoo.get("mnli", "tiny")
    place = str(tmp_path / "place")
    doors = {
        "read": lambda: zoo.tensors(held, ADAPTER),
        "verify": lambda: zoo.verify(held),
        "push": lambda: push(zoo, held, place),
        "push alone": lambda: push(zoo, held, place, parents=False),
        "pull": lambda: pull(Zoo(tmp_path / "other"), str(zoo.root), "mnli"),
        "lock": lambda: make_lock(zoo, "mnli", "tiny"),
        "put": lambda: Zoo(tmp_path / "new").put(held, {ADAPTER: bottleneck()}),
    }
    assert {name: expected in said(door) for name, door in doors.items()} == dict.fromkeys(doors, True)
    for moved in (pull(Zoo(tmp_path / "all"), str(zoo.root)), sync(zoo, place)[1]):
        assert moved.sent == ("squad",) and expected in moved.faults[0] and len(moved.faults) == 1


@pytest.mark.parametrize(("file", "change", "expected"), DAMAGES)
def test_what_is_refused_when_read_is_never_stored(tmp_path: Path, file: str, change: Any, expected: str) -> None:
    files = {ADAPTER: bottleneck(), HEAD: classifier()}
    zoo = Zoo(tmp_path / "zoo")
    assert expected in said(lambda: zoo.put(card("mnli", recipe=RECIPE), {**files, file: change(files[file])}))
    assert not zoo.root.exists()


def test_an_entry_without_the_file_of_its_own_part_is_not_sound(zoo: Zoo) -> None:
    held = zoo.put(card("qqp", recipe=RECIPE, heads={}), {"below.adapter.mnli.safetensors": bottleneck()})
    assert "has no adapter.safetensors" in said(lambda: zoo.verify(held))


@pytest.mark.parametrize(
    ("head", "tensors"),
    [
        (Head("span"), {"out.weight": (2, H), "out.bias": (2,)}),
        (Head("choice"), {"dense.weight": (H, H), "dense.bias": (H,), "out.weight": (1, H), "out.bias": (1,)}),
        (Head("tags", ("a", "b")), {"out.weight": (2, H), "out.bias": (2,)}),
        (Head("retrieval", pooling="cls"), {"log_scale": (1,)}),
    ],
)
def test_each_kind_of_head_has_its_own_form(tmp_path: Path, head: Head, tensors: dict[str, Any]) -> None:
    arrays = {name: np.ones(form, np.float32) for name, form in tensors.items()}
    zoo = Zoo(tmp_path / "zoo")
    held = zoo.put(card(recipe=RECIPE, heads={"mnli": head}), {ADAPTER: bottleneck(), HEAD: arrays})
    zoo.verify(held)
    with pytest.raises(ZooError, match="lacks"):
        zoo.put(
            card("qqp", recipe=RECIPE, heads={"mnli": head}),
            {ADAPTER: bottleneck(), HEAD: {"other": arrays[min(arrays)]}},
        )


CARDS = [
    ({"parents": [{"name": "mnli", "digest": "0" * 64}]}, "names itself as a parent"),
    ({"licence": "MIT\u202egnp.exe"}, "control characters"),
    ({"versions": {"\u2066torch": "2"}}, "control characters"),
    ({"tasks": ["mnli\U000e0041"]}, "control characters"),
    ({"heads": {"../x": {"kind": "pair", "labels": []}}}, "does not have a name"),
    ({"heads": {"mnli": {"kind": "pair", "labels": ["a", "a"]}}}, "each label once"),
    ({"seconds": float("nan")}, "a number of seconds"),
    ({"seconds": -1}, "a number of seconds"),
    ({"recipe": {"adapter": {"reduction_factor": 0}}}, "a shape of the adapter that can be"),
    ({"recipe": {"adapter": {"reduction_factor": "x"}}}, "a shape of the adapter that can be"),
    ({"recipe": {"adapter": {"leave_out_lower": 1.5}}}, "a shape of the adapter that can be"),
    ({"recipe": {"trained_as": "../../x"}}, "a shape of the adapter that can be"),
    ({"recipe": {"processes": "many"}}, "with counts and a shape"),
    ({"recipe": {"processes": 0}}, "with counts and a shape"),
    ({"recipe": {"train": {"accumulate": [2]}}}, "with counts and a shape"),
    ({"recipe": {"train": {"accumulate": "x"}}}, "with counts and a shape"),
    ({"backbone": {"name": "tiny", "digest": "ab" * 32, "hidden_size": 8, "layers": 10**12}}, "hidden_size and layers"),
]


@pytest.mark.parametrize(("change", "expected"), CARDS)
def test_a_card_that_cannot_be_is_refused_and_the_others_are_used(
    zoo: Zoo, tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    resealed(zoo.root / "tiny" / "mnli", lambda values: values.update(change))
    assert expected in said(lambda: zoo.get("mnli", "tiny"))
    damaged: list[str] = []
    assert [held.name for held in zoo.list(damaged=damaged)] == ["squad"] and expected in damaged[0]
    assert expected in "".join(zoo.faults())
    moved = pull(Zoo(tmp_path / "other"), str(zoo.root))
    assert moved.sent == ("squad",) and expected in moved.faults[0]


def test_text_of_scripts_that_need_marks_is_no_damage(zoo: Zoo) -> None:
    text = "می\u200cخواهم \u200f\u200e"
    assert zoo.put(card("qqp", licence=text), weights()).licence == text


# -- lineage ---------------------------------------------------------------------------------------------------------


def circled(zoo: Zoo, *names: str) -> None:
    """Let each entry name the next as its parent, the last the first."""
    held = {name: zoo.put(card(name), weights()) for name in names}
    for name, parent in zip(names, (*names[1:], names[0]), strict=True):
        named = [{"name": parent, "digest": held[parent].digest}]
        resealed(zoo.folder(held[name]), lambda values, named=named: values.update(parents=named))


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c"), ("a", "a/b", "c", "d")])
def test_entries_that_name_each_other_are_refused_at_every_door(
    zoo: Zoo, tmp_path: Path, names: tuple[str, ...]
) -> None:
    circled(zoo, *names)
    damaged: list[str] = []
    assert [held.name for held in zoo.list(damaged=damaged)] == ["mnli", "squad"] and len(damaged) == len(names)
    held = zoo.get("a", "tiny")
    child = zoo.put(card("a/z", parents=(Parent("a", held.digest),)), weights(2))
    for door in (
        lambda: zoo.verify(held),
        lambda: zoo.check_ancestors(held),
        lambda: zoo.check_ancestors(child),
        lambda: push(zoo, held, str(tmp_path / "place")),
        lambda: pull(Zoo(tmp_path / "other"), str(zoo.root), "a"),
        lambda: make_lock(zoo, "a", "tiny"),
    ):
        assert "name each other as parents" in said(door)
    moved = pull(Zoo(tmp_path / "all"), str(zoo.root))
    assert set(moved.sent) == {"mnli", "squad"} and len(moved.faults) == len(names) + 1


def test_only_what_is_in_a_circle_is_a_fault() -> None:
    def made(name: str, *parents: str) -> AdapterCard:
        return card(name, parents=tuple(Parent(one, "0" * 64) for one in parents))

    ring = [made("a", "top", "c"), made("b", "a"), made("c", "b")]
    rest = [made("top"), made("below", "c", "top", "top"), made("lone"), made("child", "gone", "lone")]
    assert set(circles([*rest, *ring])) == {"tiny/a", "tiny/b", "tiny/c"}
    assert circles(rest) == {}


def test_a_parent_of_another_backbone_is_refused(zoo: Zoo) -> None:
    parent = zoo.get("squad", "tiny")
    child = zoo.put(card("squad/x", parents=(Parent("squad", parent.digest),)), weights(3))
    zoo.verify(child)
    other = zoo.put(card("squad", backbone=replace(TINY, digest="cd" * 32)), weights(1), replace=True)
    resealed(zoo.folder(child), lambda values: values.update(parents=[{"name": "squad", "digest": other.digest}]))
    held = zoo.get("squad/x", "tiny")
    for door in (
        lambda: zoo.verify(held),
        lambda: zoo.check_ancestors(held),
        lambda: make_lock(zoo, "squad/x", "tiny"),
    ):
        assert "its parent 'squad' is of tiny cdcdcdcdcdcd" in said(door)


def test_a_lock_of_another_backbone_is_refused_by_pull_as_by_eval(zoo: Zoo, tmp_path: Path) -> None:
    lock = make_lock(zoo, "squad", "tiny")
    other = Zoo(tmp_path / "other")
    changed = replace(lock, backbone=replace(lock.backbone, digest="cd" * 32))
    assert "pins the backbone tiny cdcdcdcdcdcd" in said(lambda: pull(other, str(zoo.root), lock=changed))
    assert not other.list()
    assert pull(other, str(zoo.root), lock=lock).sent == ("squad",)


def test_a_card_with_thousands_of_missing_parents_is_checked_at_once_and_lists_few(zoo: Zoo) -> None:
    parents = [{"name": f"p{n}", "digest": f"{n:064x}"} for n in range(2000)]
    resealed(zoo.root / "tiny" / "squad", lambda values: values.update(parents=parents))
    found = said(lambda: zoo.verify(zoo.get("squad", "tiny")))
    assert found.count("cannot be used") == 20 and "And 1980 more." in found


def test_a_card_is_yaml_that_other_readers_take(zoo: Zoo) -> None:
    assert yaml.safe_load((zoo.root / "tiny" / "squad" / CARD_FILE).read_text())["name"] == "squad"
