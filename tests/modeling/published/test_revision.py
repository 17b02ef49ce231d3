"""A hub that moves changes nothing: the commit of the entries, a pin, or what is here is used, and what is downloaded is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub import Hub
from tests.modeling.published.checkpoints import files_of, publish
from tests.modeling.published.test_download import REPO, _empty_cache, address, hub, offline  # noqa: F401 - fixtures
from toolkit.errors import SourceError, ToolkitError
from toolkit.face.backbones import backbones_pin, backbones_verify
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.published import digests, revision
from toolkit.modeling.published.download import download_checkpoint
from toolkit.modeling.published.revision import Made

WEIGHTS = "model.safetensors"


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "xstilts"))
    monkeypatch.setenv("XSTILTS_PINS", "")
    monkeypatch.setattr(digests, "SETTLED_S", -3600.0)
    monkeypatch.chdir(tmp_path)
    revision._shipped.cache_clear()


def move(hub: Hub, tmp_path: Path, name: str = "newer") -> str:  # noqa: F811
    """Put other weights on the main branch, as an author does; the old commit stays. Returns the new commit."""
    repo = hub.models[REPO]
    repo.revisions[f"before {name}"] = repo.main
    other = files_of(publish(tmp_path / name))
    data = bytearray(other[WEIGHTS])
    data[-4:] = b"\0\0\0\x3f"
    repo.revisions["main"] = {**other, WEIGHTS: bytes(data)}
    return repo.commit()


def fetch(**options: object) -> tuple[Path, list[str]]:
    said: list[str] = []
    return download_checkpoint(REPO, REPO, options.pop("asked", None), say=said.append, **options), said  # type: ignore[arg-type]


def test_a_first_download_says_what_it_downloads(hub: Hub, address: str) -> None:  # noqa: F811
    folder, said = fetch()
    assert said == [
        f"Downloading {REPO} at commit {folder.name[:12]}: 4.8 MiB ({len(hub.models[REPO].main[WEIGHTS]):,} bytes)."
    ]


def test_a_hub_that_moved_is_one_sentence_and_no_download(hub: Hub, address: str, tmp_path: Path) -> None:  # noqa: F811
    before, _ = fetch()
    newer = move(hub, tmp_path)
    hub.sent.clear()
    folder, said = fetch()
    assert folder == before and not hub.sent
    assert said == [
        f"The hub has other weights of {REPO} by now (commit {newer[:12]}); those that are here are used (commit "
        f"{before.name[:12]}). `xstilts backbones pin {REPO}` keeps to them, `--set backbone.revision=main` downloads the others."
    ]
    taken, said = fetch(asked="main")
    assert taken.name == newer and hub.sent[WEIGHTS] and said[0].startswith("Downloading")


def test_a_commit_of_a_page_alone_is_not_worth_a_word(hub: Hub, address: str) -> None:  # noqa: F811
    before, _ = fetch()
    hub.models[REPO].revisions["main"] = {**hub.models[REPO].main, "README.md": b"newer"}
    assert fetch() == (before, [])


def test_the_commit_of_the_entries_is_loaded(hub: Hub, address: str, tmp_path: Path) -> None:  # noqa: F811
    old = hub.models[REPO].commit()
    newer = move(hub, tmp_path)
    assert fetch()[0].name == newer
    folder, said = fetch(made=[Made("mnli", "ab" * 32, f"{REPO}@{old}")])
    assert folder.name == old
    assert said[0].startswith(f"Downloading {REPO} at commit {old[:12]} (on which 'mnli' was trained): 4.8 MiB")
    assert fetch(made=[Made("mnli", "ab" * 32, f"another/model@{old}")])[0].name == newer
    assert fetch(made=[Made("mnli", "ab" * 32)])[0].name == newer


def test_the_same_weights_under_another_commit_are_not_downloaded_again(hub: Hub, address: str) -> None:  # noqa: F811
    backbone = load_backbone(REPO, precision="fp32")
    assert backbone.revision == f"{REPO}@{hub.models[REPO].commit()}"
    hub.sent.clear()
    folder, said = fetch(made=[Made("mnli", backbone.digest, f"{REPO}@{'0' * 40}")])
    assert backbone.revision == f"{REPO}@{folder.name}" and not hub.sent and not said


def test_a_commit_that_the_hub_lost_names_the_entry(hub: Hub, address: str) -> None:  # noqa: F811
    with pytest.raises(SourceError, match=rf"has no revision '{'0' * 40}' \(on which 'mnli' was trained\)"):
        fetch(made=[Made("mnli", "ab" * 32, f"{REPO}@{'0' * 40}")])


def test_a_pin_is_obeyed_and_asks_nothing(hub: Hub, address: str, tmp_path: Path) -> None:  # noqa: F811
    old = hub.models[REPO].commit()
    assert f"{REPO}: {old}" in backbones_pin([REPO]).text
    assert (tmp_path / "configs" / "pins.yaml").read_text().endswith(f"models/{REPO}: '{old}'\n")
    move(hub, tmp_path)
    assert fetch()[0].name == old
    hub.asked.clear()
    assert fetch() == (fetch()[0], []) and not hub.asked


def test_what_is_here_is_pinned_although_the_hub_moved(hub: Hub, address: str, tmp_path: Path) -> None:  # noqa: F811
    before, _ = fetch()
    move(hub, tmp_path)
    backbones_pin([REPO])
    assert fetch() == (before, [])


def test_the_commit_that_is_shipped_is_for_a_first_download_alone(
    hub: Hub,  # noqa: F811
    address: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = hub.models[REPO].commit()
    move(hub, tmp_path)
    monkeypatch.setattr(revision, "_shipped", lambda: {f"models/{REPO}": "0" * 40})
    hub.cut, hub.is_always_cut = 20_000, True  # the tokenizer is longer
    with pytest.raises(SourceError, match=r"download of tokenizer\.json of .* was cut off"):
        fetch()  # and not: the hub has none, because it lacks the commit
    hub.cut, hub.is_always_cut = None, False
    folder, said = fetch()
    assert folder.name == hub.models[REPO].commit()
    assert said[0].endswith("It is the one that this release is pinned to; the newest is used.")
    monkeypatch.setattr(revision, "_shipped", lambda: {f"models/{REPO}": old})
    assert fetch()[0] == folder


def test_without_a_network_the_missing_commit_is_named(
    hub: Hub,  # noqa: F811
    address: str,  # noqa: F811
    offline,  # noqa: F811
) -> None:
    fetch()
    offline()
    said = rf"Backbone '{REPO}' at revision {'0' * 40} \(on which 'mnli' was trained\) is neither a folder nor in the local cache"
    with pytest.raises(SourceError, match=said):
        fetch(made=[Made("mnli", "ab" * 32, f"{REPO}@{'0' * 40}")])
    assert fetch()[1] == []


def test_another_program_that_asked_for_a_newer_configuration_takes_nothing_away(
    hub: Hub,  # noqa: F811
    address: str,  # noqa: F811
    tmp_path: Path,
    offline,  # noqa: F811
) -> None:
    from huggingface_hub import hf_hub_download

    before, _ = fetch()
    move(hub, tmp_path)
    hf_hub_download(REPO, "config.json", endpoint=address)
    offline()
    assert fetch() == (before, [])


@pytest.mark.parametrize("name", ["embedded", "tiny", "a folder"])
def test_what_is_not_of_the_hub_cannot_be_pinned(tmp_path: Path, name: str) -> None:
    (tmp_path / "a folder").mkdir()
    with pytest.raises(ToolkitError, match="is not a model of the hub, so it cannot move"):
        backbones_pin([name])


def test_nothing_is_pinned_that_is_not_known(offline) -> None:  # noqa: F811
    offline()
    with pytest.raises(ToolkitError, match=r"Nothing of team/encoder is on this machine"):
        backbones_pin([REPO])


def test_a_disk_that_is_too_small_is_found_before_the_weights(
    hub: Hub,  # noqa: F811
    address: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("toolkit.space.free_bytes", lambda folder: 1000)
    with pytest.raises(
        ToolkitError, match=r"has 1000 bytes free, but .* are needed for the weights of team/encoder; .* HF_HOME"
    ):
        fetch()
    assert WEIGHTS not in hub.sent


def test_verify_reads_the_files_again(hub: Hub, address: str) -> None:  # noqa: F811
    folder, _ = fetch()
    assert "not noted before; 1 as the hub's checksums say" in backbones_verify(REPO).text
    assert "as noted; 1 as" in backbones_verify(REPO).text
    blob = (folder / WEIGHTS).resolve()
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    with pytest.raises(
        SourceError, match=r"is damaged: its SHA-256 is .*; remove .*, and download the checkpoint again"
    ):
        backbones_verify(REPO)


def test_verify_finds_a_note_that_is_not_of_these_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = publish(tmp_path / "model")
    assert "not noted before" in backbones_verify(str(folder)).text
    monkeypatch.setattr("toolkit.modeling.published.check.known_digest", lambda folder: "0" * 64)
    with pytest.raises(SourceError, match="the disk gives other bytes than before"):
        backbones_verify(str(folder))


def test_verify_of_what_is_not_here_is_one_sentence(offline) -> None:  # noqa: F811
    offline()
    with pytest.raises(ToolkitError, match="is not on this machine, whole"):
        backbones_verify(REPO)
