"""XLM-R as it is published goes through every journey, from the hub and from a folder, by commands alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests.hub import Hub, Repo, Repositories, serve
from tests.modeling.published.checkpoints import files_of, publish
from tests.recipes.small import FUSED, SETTINGS
from toolkit.hub import is_hub_reachable

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("folder")]
LARGE = "FacebookAI/xlm-roberta-large"
Run = Callable[..., str]
SWEEP = """settings:
  backbone: {{name: {backbone}}}
  train: {{limit: 24, epochs: 1, batch_size: 8, eval_limit: 8}}
  eval: {{limit: 8}}
axes: {{intermediates: [micro-nli], targets: [micro-choice]}}
languages: {{rest: [en, de]}}
"""


def run(*words: str, backbone: str | None = None, sets: bool = True) -> str:
    more = [part for one in SETTINGS for part in ("--set", one)] if sets else []
    more += ["--backbone", backbone] if backbone else []
    found = CliRunner().invoke(cli.main, [*words, *more])
    assert found.exit_code == 0, f"{words}: {found.output} {found.exception!r}"
    return found.output


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    files = files_of(publish(tmp_path / "published"))
    shutil.rmtree(tmp_path / "published")
    # What the real repository has too, and nobody needs.
    others = dict.fromkeys(
        ("tf_model.h5", "flax_model.msgpack", "pytorch_model.bin", "onnx/model.onnx"), b"\x00" * 1000
    )
    return Hub(models=Repositories({LARGE: Repo({"main": files | others})}))


@pytest.fixture
def address(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import huggingface_hub

    with serve(hub) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        huggingface_hub.utils.reset_sessions()
        is_hub_reachable.cache_clear()
        yield address
    is_hub_reachable.cache_clear()
    huggingface_hub.utils.reset_sessions()


def every_journey(backbone: str | None) -> None:
    """Run each journey; `backbone` is what the user names, None the default."""

    def do(*words: str) -> str:
        return run(*words, backbone=backbone)

    do("train", "micro-nli")
    do("train", "micro-qa")
    do("fuse", "micro-nli", "micro-qa", "--target", "micro-choice")
    do("eval", FUSED, "--task", "micro-choice", "--languages", "en,de")
    (scores,) = Path("runs/eval").glob("*/micro-choice/scores.json")
    assert {one["language"] for one in json.loads(scores.read_text())} == {"en", "de"}
    do("eval", "micro-nli", "--task", "micro-nli", "--languages", "en,de")
    do("retrieve", "micro-nli", "--task", "micro-bitext", "--languages", "de")
    for code in ("en", "de"):
        Path(f"{code}.txt").write_text("".join(f"{code} sentence {i}\n" for i in range(20)))
    do("mine", "en.txt", "de.txt", "--out", "pairs.tsv")
    assert Path("pairs.tsv").read_text().count("\t") >= 4
    do("similarity", "micro-nli", "micro-qa", "--by", "text-embedding,cka")
    assert "micro-qa" in do("rank", "micro-choice", "micro-nli", "micro-qa", "--by", "text-embedding,logme")
    do("train", "micro-choice")
    do("compare", "micro-choice", FUSED, "--task", "micro-choice", "--languages", "en")
    Path("grid.yaml").write_text(SWEEP.format(backbone=backbone or "xlm-roberta-large"))
    run("sweep", "grid.yaml", "--set", "tracking.enabled=no", sets=False)
    assert "micro-choice" in run("report", "sweeps/grid", "--resamples", "100", sets=False)
    run("zoo", "push", FUSED, "place", sets=False)
    run("zoo", "pull", "place", "micro-nli", "--zoo", "other", sets=False)
    run("zoo", "verify", "--zoo", "other", sets=False)
    run("zoo", "export", "micro-nli", "--out", "exported", sets=False)
    assert list(Path("exported").rglob("adapter_config.json"))


def test_from_the_hub_by_the_default_name(hub: Hub, address: str) -> None:
    every_journey(None)
    assert set(hub.sent) == {"config.json", "tokenizer.json", "model.safetensors"}, "only what is needed, once"
    assert f"backbone {'xlm-roberta-large'}: in the hub cache" in run("doctor", sets=False)


def test_from_a_folder(tmp_path: Path) -> None:
    publish(tmp_path / "large")
    every_journey("large")
