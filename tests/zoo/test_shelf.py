"""One encoder has one shelf, by whatever name it is asked for: its short name, its hub id, a folder with the same weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.modeling.published.checkpoints import publish
from tests.zoo.cards import card, weights
from toolkit.errors import ToolkitError
from toolkit.modeling.identity import identity
from toolkit.modeling.published import digests
from toolkit.zoo import Backbone, Zoo, find_shelf
from toolkit.zoo.share.share import pull

LARGE, HUB = "xlm-roberta-large", "FacebookAI/xlm-roberta-large"
COMMIT = "ab" * 20


@pytest.fixture(autouse=True)
def _own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "SETTLED_S", -3600.0)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return publish(tmp_path / "model")


def downloaded(model: Path, tmp_path: Path, repo: str = HUB) -> Path:
    """Put a checkpoint into the hub's cache, as its library does."""
    home = tmp_path / "hub" / f"models--{repo.replace('/', '--')}"
    shutil.copytree(model, home / "snapshots" / COMMIT)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    return home / "snapshots" / COMMIT


def filed(zoo: Zoo, backbone: str, name: str = "mnli", *, kind: str = "seq_bn", digest: str | None = None) -> str:
    """Store an entry that was trained on a backbone; returns the folder of its shelf."""
    shelf = find_shelf(zoo.root, backbone, kind)
    on = Backbone(shelf.name, digest or identity(backbone) or "cd" * 32, 8, 2)
    return zoo.put(replace(card(name), backbone=on), weights()).shelf


@pytest.mark.parametrize("first", [LARGE, HUB])
@pytest.mark.parametrize("second", [LARGE, HUB])
def test_the_short_name_and_the_hub_id_are_one_shelf(tmp_path: Path, first: str, second: str) -> None:
    zoo = Zoo(tmp_path / "zoo")
    assert filed(zoo, first) == LARGE
    assert zoo.holds("mnli", find_shelf(zoo.root, second)) and zoo.holds("mnli", second)
    assert filed(zoo, second, "squad") == LARGE


def test_a_folder_and_a_download_with_the_same_weights_are_one_shelf(tmp_path: Path, model: Path) -> None:
    identity(str(downloaded(model, tmp_path)))
    zoo = Zoo(tmp_path / "zoo")
    home = filed(zoo, str(model))
    assert home == f"model-{identity(str(model))[:8]}"
    for asked in (LARGE, HUB, str(model), str(shutil.copytree(model, tmp_path / "other name"))):
        assert zoo.holds("mnli", find_shelf(zoo.root, asked)), asked
        assert filed(zoo, asked, "squad") == home
    assert [one.name for one in zoo.list()] == ["mnli", "squad"]


def test_a_folder_is_filed_where_the_hub_id_was(tmp_path: Path, model: Path) -> None:
    identity(str(downloaded(model, tmp_path)))
    zoo = Zoo(tmp_path / "zoo")
    assert filed(zoo, HUB) == LARGE == filed(zoo, str(model), "squad")


def test_other_weights_under_one_name_are_two_shelves(tmp_path: Path, model: Path) -> None:
    zoo = Zoo(tmp_path / "zoo")
    filed(zoo, str(model))
    other = publish(tmp_path / "b" / "model", num_hidden_layers=1)
    assert identity(str(other)) != identity(str(model))
    assert not zoo.holds("mnli", find_shelf(zoo.root, str(other)))


def test_whole_encoders_have_a_shelf_of_their_own(tmp_path: Path, model: Path) -> None:
    zoo = Zoo(tmp_path / "zoo")
    filed(zoo, str(model), kind="full")
    copy = str(shutil.copytree(model, tmp_path / "copy"))
    assert not zoo.holds("mnli", find_shelf(zoo.root, copy))
    assert zoo.holds("mnli", find_shelf(zoo.root, copy, "full"))


def test_an_old_zoo_with_a_shelf_for_each_spelling_opens_by_either(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path / "zoo")
    for name, backbone in (("mnli", LARGE), ("squad", HUB)):
        zoo.put(replace(card(name), backbone=Backbone(backbone, "cd" * 32, 8, 2)), weights())
    for asked in (LARGE, HUB):
        shelf = find_shelf(zoo.root, asked)
        assert zoo.get("mnli", shelf).backbone.name == LARGE and zoo.get("squad", shelf).backbone.name == HUB
        assert len(zoo.list(shelf)) == 2


@pytest.mark.parametrize("by", ["the folder", "a copy", "the hub id", "the short name"])
def test_pull_finds_what_was_trained_on_the_same_weights(tmp_path: Path, model: Path, by: str) -> None:
    there, here = Zoo(tmp_path / "there"), Zoo(tmp_path / "here")
    filed(there, str(model))
    there.put(replace(card("squad"), backbone=Backbone("tiny", "ee" * 32, 8, 2)), weights())
    copy = str(shutil.copytree(model, tmp_path / "copy"))
    if by.startswith("the hub") or by.startswith("the short"):
        identity(str(downloaded(model, tmp_path)))
        filed(here, LARGE, "csqa")
    asked = {"the folder": str(model), "a copy": copy, "the hub id": HUB, "the short name": LARGE}[by]
    assert pull(here, str(there.root), "mnli", backbone=asked).sent == ("mnli",)
    assert here.holds("mnli", find_shelf(here.root, asked))
    assert pull(Zoo(tmp_path / "all"), str(there.root), backbone=asked).sent == ("mnli",)


def test_pull_names_the_backbones_that_hold_the_name(tmp_path: Path, model: Path) -> None:
    there = Zoo(tmp_path / "there")
    filed(there, "tiny", digest="ee" * 32)
    with pytest.raises(ToolkitError, match=rf"holds 'mnli' for tiny, not for {model}"):
        pull(Zoo(tmp_path / "here"), str(there.root), "mnli", backbone=str(model))


def test_a_folder_that_is_not_a_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    there = Zoo(tmp_path / "there")
    filed(there, "tiny", digest="ee" * 32)
    with pytest.raises(ToolkitError, match=r"holds no config\.json"):
        pull(Zoo(tmp_path / "here"), str(there.root), "mnli", backbone=str(tmp_path / "empty"))
    assert find_shelf(tmp_path / "here", str(tmp_path / "empty")) == "./empty"


def test_a_shelf_with_damaged_cards_is_passed_over(tmp_path: Path, model: Path) -> None:
    zoo = Zoo(tmp_path / "zoo")
    home = filed(zoo, str(model))
    (zoo.root / home / "mnli" / "card.yaml").write_text("{")
    found = find_shelf(zoo.root, str(shutil.copytree(model, tmp_path / "copy")))
    assert not found.kin and found == f"copy-{found.digest[:8]}"


def test_pages_name_a_folder_by_what_a_user_has_to_replace(tmp_path: Path, model: Path) -> None:
    from toolkit.zoo.adapterhub.write import _encoder
    from toolkit.zoo.readme import readme

    zoo = Zoo(tmp_path / "zoo")
    filed(zoo, str(model))
    held = zoo.list()[0]
    assert "--backbone FOLDER/model" in readme(held) and "--backbone ./model" not in readme(held)
    assert _encoder(held) == '"FOLDER/model"'
    known = replace(held, backbone=replace(held.backbone, revision=f"{HUB}@{COMMIT}"))
    assert _encoder(known) == f'"{HUB}", revision="{COMMIT}"'
