"""Every protocol against an independent implementation: on generated rows in every run, on real ones with --run-slow."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

import toolkit
from tests.recipes import independent
from tests.recipes.score.test_mining import bucc
from tests.recipes.small import tiny_config
from toolkit.composition import parse
from toolkit.features import sentence_features
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import embed_all
from toolkit.recipes.score.publish import Scored
from toolkit.tasks import BitextRow, get_task

pytestmark = pytest.mark.journey

# The <s> of a random encoder is all but the same for every sentence, so that rounding would decide xtreme's score.
MEAN = ("retrieve.protocol=all", "retrieve.pooling=mean")
NAMES = ("jiant", "xtreme", "laser", "mteb", "st")


class PlainEncoder:
    """One sentence at a time through transformers' own model: no batches, no padding, no adapters."""

    def __init__(self) -> None:
        from toolkit.modeling.tiny import tiny_model, tiny_tokenizer

        self.model, self.tokenizer = tiny_model(), tiny_tokenizer()
        self.depth = self.model.config.num_hidden_layers
        self.states = lru_cache(None)(self._states)

    @torch.inference_mode()
    def _states(self, text: str) -> list[np.ndarray]:
        batch = self.tokenizer(text, truncation=True, max_length=512, return_tensors="pt")
        return [state[0].numpy() for state in self.model(**batch, output_hidden_states=True).hidden_states]

    def of(self, protocol: str) -> independent.Vector:
        share, _ = independent.POOLED[protocol]
        layer = max(1, round(self.depth * share))

        def vector(text: str) -> np.ndarray:
            pooled = self.states(text)[layer].mean(axis=0)
            return pooled / np.linalg.norm(pooled)

        return vector


@pytest.fixture(scope="module")
def plain() -> PlainEncoder:
    return PlainEncoder()


def main_scores(result: Scored) -> dict[str, float]:
    return {
        score.protocol.split()[0].removeprefix("protocol=").removesuffix("*"): score.value
        for score in result.scores
        if score.metric not in ("precision", "recall")
    }


def test_all_protocols_of_mining_agree_with_an_independent_implementation(tmp_path: Path, plain: PlainEncoder) -> None:
    folder = bucc(tmp_path / "bucc")
    # Repeated lines, one of them in a gold pair: each protocol treats them in its own way.
    for end in ("de", "en"):
        file = folder / f"de-en.dev.{end}"
        rows = independent.lines(file)
        again = "".join(f"{id}-again\t{text}\n" for id, text in rows[::9])
        file.write_text(file.read_text(encoding="utf-8") + again, encoding="utf-8")
    config = replace(tiny_config(tmp_path, "retrieve.limit=null", *MEAN), data_root=folder)
    found = main_scores(toolkit.retrieve("backbone", config, task="bucc", languages="de"))
    source, target, gold = (independent.lines(folder / f"de-en.dev.{end}") for end in ("de", "en", "gold"))
    for name in NAMES:
        if name == "mteb":
            expected = independent.gold_search(source, target, set(gold), plain.of(name))
        else:
            expected = independent.mining(name, source, target, set(gold), plain.of(name))
        assert found[name] == pytest.approx(expected, abs=0.005), name
    assert len({round(value, 4) for value in found.values()}) > 2


def test_all_protocols_of_a_bitext_agree_with_an_independent_implementation(
    tmp_path: Path, plain: PlainEncoder
) -> None:
    config = tiny_config(tmp_path, *MEAN, "retrieve.limit=80")
    found = main_scores(toolkit.retrieve("backbone", config, task="micro-bitext", languages="zh"))
    pairs = [row for row in get_task("micro-bitext").rows("score", "zh", limit=80) if isinstance(row, BitextRow)]
    for name in NAMES:
        expected = independent.bitext(name, [p.source for p in pairs], [p.target for p in pairs], plain.of(name))
        assert found[name] == pytest.approx(expected, abs=0.005), name


@pytest.mark.exhaustive
@pytest.mark.real_data
def test_real_bucc_agrees_with_an_independent_implementation_under_every_protocol(
    tmp_path: Path, data_root: Path
) -> None:
    folder = data_root.parent / "raw" / "bucc2018" / "zh-en"
    if not folder.is_dir():
        pytest.skip(f"no files of BUCC in {folder}")
    source, target, gold = (independent.lines(folder / f"zh-en.dev.{end}") for end in ("zh", "en", "gold"))
    assert (len(source), len(target), len(gold)) == (8624, 13589, 257)
    config = toolkit.configure(
        "retrieve.protocol=all", "tracking.enabled=no", f"store.folder={tmp_path / 'embeddings'}",
        backbone="embedded", run_dir=tmp_path / "runs", data_root=folder,
    )  # fmt: skip
    found = main_scores(toolkit.retrieve("backbone", config, task="bucc", languages="zh"))
    texts = sorted({text for side in (source, target) for _, text in side})
    place = {text: at for at, text in enumerate(texts)}
    backbone = load_backbone("embedded")
    wanted = {name: (max(1, round(12 * share)), pooling) for name, (share, pooling) in independent.POOLED.items()}
    with Circuit(backbone, parse("backbone")) as circuit:
        # In other batches than the recipe's, so that rounding differs as it would between two systems.
        features = sentence_features(texts, backbone.tokenizer, max_length=512)
        vectors = embed_all(circuit, features, sorted(set(wanted.values())), batch_size=16)
    for name in NAMES:

        def vector(text: str, at: tuple[int, str] = wanted[name]) -> np.ndarray:
            return vectors[at][place[text]]

        if name == "mteb":
            expected = independent.gold_search(source, target, set(gold), vector)
        else:
            expected = independent.mining(name, source, target, set(gold), vector)
        assert found[name] == pytest.approx(expected, abs=0.005), name
    assert found["jiant"] == pytest.approx(0.577, abs=0.005)
    assert found["laser"] == pytest.approx(0.872, abs=0.005)
