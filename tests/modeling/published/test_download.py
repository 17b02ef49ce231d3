"""A checkpoint of the hub is downloaded once, in the few files that it needs; what fails is one sentence with its cause."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest

from tests.hub import Hub, Repo, Repositories, serve
from tests.modeling.published.checkpoints import LAYOUTS, Layout, files_of, publish
from toolkit.errors import SourceError, ToolkitError
from toolkit.hub import is_hub_reachable, restore_hub
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.published.download import download_checkpoint
from toolkit.modeling.published.kept import lacks

REPO = "team/encoder"


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None, raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    huggingface_hub.utils.reset_sessions()
    is_hub_reachable.cache_clear()
    yield
    is_hub_reachable.cache_clear()
    huggingface_hub.utils.reset_sessions()


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(models=Repositories({REPO: Repo({"main": files_of(publish(tmp_path / "published"))})}))


@pytest.fixture
def address(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serve(hub) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield address


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def now() -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        is_hub_reachable.cache_clear()

    return now


def download(revision: str | None = None) -> Path:
    return download_checkpoint(REPO, REPO, revision)


def refused(said: str, revision: str | None = None) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        download(revision)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("is_tokenizer_fast", [True, False])
def test_each_layout_is_downloaded_in_what_it_needs_and_read_offline(
    hub: Hub, address: str, tmp_path: Path, offline: Callable[[], None], layout: Layout, is_tokenizer_fast: bool
) -> None:
    folder = publish(tmp_path / "other", layout, is_tokenizer_fast=is_tokenizer_fast)
    hub.models[REPO].revisions["main"] = files_of(folder) | {"tf_model.h5": b"x", "own.py": b"raise SystemExit"}
    assert lacks(REPO) == "config.json"
    load_backbone(REPO, precision="fp32")
    weights = {name for name in files_of(folder) if name.startswith(("model", "pytorch_model"))}
    tokenizer = "tokenizer.json" if is_tokenizer_fast else "sentencepiece.bpe.model"
    assert set(hub.sent) == {"config.json", tokenizer, *weights} and lacks(REPO) is None
    hub.sent.clear()
    hub.asked.clear()
    download()
    assert not hub.sent and hub.asked == [f"HEAD /{REPO}/resolve/main/config.json"]
    offline()
    load_backbone(REPO, precision="fp32")


def test_a_model_of_another_family_is_refused_before_its_weights_are_fetched(hub: Hub, address: str) -> None:
    hub.models[REPO].main["config.json"] = b'{"model_type": "bert"}'
    with pytest.raises(ToolkitError, match="is a model of type 'bert'"):
        download()
    assert set(hub.sent) == {"config.json"}


def test_a_cut_download_says_how_far_it_came_and_continues_there(
    hub: Hub, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 2**16)
    size = len(hub.models[REPO].main["model.safetensors"])
    hub.cut, hub.is_always_cut = 2**21, True  # the weights alone are longer
    refused(
        r"download of model.safetensors of team/encoder at .* was cut off \(2 MiB of it arrived\); the same command"
    )
    assert lacks(REPO) == "model.safetensors"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    is_hub_reachable.cache_clear()
    refused(r"Only a part of backbone .* was downloaded: model.safetensors is missing \(2 MiB of it arrived\)")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    restore_hub()
    is_hub_reachable.cache_clear()
    hub.cut, hub.is_always_cut = None, False
    hub.sent.clear()
    download()
    assert hub.ranges == [f"bytes={2**21}-"] and hub.sent == {"model.safetensors": size - 2**21}
    assert lacks(REPO) is None


def test_what_the_hub_does_not_have_is_named(hub: Hub, address: str, tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"Backbone 'nobody/none': the hub has no model nobody/none, or it is private"
    ):
        download_checkpoint("nobody/none", "nobody/none", None)
    refused("has no revision 'v9'; expected a branch, tag or commit", "v9")
    for lacking, said in (
        ("config.json", "has no config.json"),
        ("model.safetensors", "has none of model.safetensors"),
    ):
        held = hub.models[REPO].main.pop(lacking)
        refused(said)
        hub.models[REPO].main[lacking] = held
    del hub.models[REPO].main["tokenizer.json"], hub.models[REPO].main["sentencepiece.bpe.model"]
    refused("has none of tokenizer.json, sentencepiece.bpe.model")


def test_a_hub_that_refuses_is_told_apart(hub: Hub, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.models[REPO].is_gated = True
    refused("is gated; accept its terms at its page")
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    refused("refuses the token for team/encoder .*has expired")
    monkeypatch.delenv("HF_TOKEN")
    hub.models[REPO].is_gated = False
    hub.limited = -1
    refused("limits the requests from here .*the same command continues")
    hub.limited, hub.is_down = 0, True
    refused("answers with status 500 for config.json")


_FAULT = "The hub answers with status {status} for {file} of team/encoder.*the same command continues"
_LIMIT = r"The hub limits the requests from here \(status 429\) and sends no {file} of team/encoder"
_ACCESS = r"The hub refuses access to {file} of team/encoder \(status {status}\); log in with"


@pytest.mark.parametrize(
    ("file", "status", "said"),
    [
        ("config.json", 503, _FAULT),
        ("tokenizer.json", 503, _FAULT),
        ("tokenizer.json", 500, _FAULT),
        ("tokenizer.json", 429, _LIMIT),
        ("tokenizer.json", 401, _ACCESS),
        ("config.json", 403, _ACCESS),
        ("sentencepiece.bpe.model", 503, _FAULT),
        ("model.safetensors.index.json", 503, _FAULT),
        ("model.safetensors.index.json", 429, _LIMIT),
        ("model-00002", 502, _FAULT),
    ],
)
def test_a_file_that_the_hub_refuses_is_one_sentence(
    hub: Hub, address: str, tmp_path: Path, file: str, status: int, said: str
) -> None:
    hub.models[REPO].revisions["main"] = files_of(publish(tmp_path / "other", "sharded"))
    if file.startswith("sentencepiece"):
        del hub.models[REPO].main["tokenizer.json"]
    file = next(each for each in hub.models[REPO].main if each.startswith(file))
    hub.statuses[file] = status
    refused(said.format(file=file, status=status))
    hub.statuses.clear()
    download()


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_file_that_the_hub_does_not_send_in_time_is_one_sentence(
    hub: Hub, address: str, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_ETAG_TIMEOUT", 0.1)
    hub.stalled.add(file)
    refused(f"hub did not send {file} of team/encoder.* in time; .*the same command continues")


def test_a_hub_that_fails_later_leaves_what_is_whole_in_use(hub: Hub, address: str) -> None:
    folder = download()
    hub.is_down = True
    assert download() == folder
    hub.is_down, hub.limited = False, -1
    assert download() == folder


def test_all_files_are_of_one_commit(hub: Hub, address: str) -> None:
    folder = download()
    hub.models[REPO].revisions["main"] = {**hub.models[REPO].main, "README.md": b"newer"}
    assert download("main") != folder


def test_a_full_disk_and_a_cache_that_cannot_be_written_are_one_sentence(
    hub: Hub, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.file_download.http_get", full)
        refused(r"disk of the hub's cache .* is full; free space or set HF_HOME: the same command continues")

    def closed(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", closed)
    refused(r"cache .* cannot be written \(Permission denied\); expected HF_HOME to name a folder that can")


def test_a_limit_on_the_size_of_files_is_not_taken_for_a_hub_that_cannot_be_reached(hub: Hub, address: str) -> None:
    held, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, held[1]))
        refused(r"Files of the hub's cache .* may not be so large .*; raise `ulimit -f`: the same command continues")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, held)
        signal.signal(signal.SIGXFSZ, before)
    download()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (errno.EDQUOT, "is full"),
        (errno.EROFS, r"cannot be written \(Read-only"),
        (errno.EIO, r"cannot be written \(Input"),
    ],
)
def test_a_cache_that_takes_no_file_is_not_taken_for_a_hub_that_cannot_be_reached(
    hub: Hub, address: str, monkeypatch: pytest.MonkeyPatch, fault: int, said: str
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr("huggingface_hub.file_download.http_get", broken)
    refused(f"hub's cache .* {said}")


def test_what_arrived_damaged_is_removed_before_it_is_downloaded_again(hub: Hub, address: str) -> None:
    hub.models[REPO].main["tokenizer.json"] = b'{"version": "1.0", "trunc'
    with pytest.raises(
        SourceError, match=r"tokenizer.json cannot be read .*; remove (.*models--team--encoder), and the same"
    ):
        load_backbone(REPO, precision="fp32")


@pytest.mark.parametrize("name", ["a/b/c", "a b/c", "../x/y", "a--b/c", "x/" + "y" * 100])
def test_a_name_that_cannot_be_an_id_is_refused(address: str, name: str) -> None:
    with pytest.raises(ToolkitError) as caught:
        load_backbone(name, precision="fp32")
    assert "\n" not in str(caught.value)
