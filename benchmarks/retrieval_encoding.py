"""Encoding benchmarks: against the plain loop and sentence-transformers, and a second run of the same request."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import adapters
import numpy as np
import torch
from measure import interleaved, median

import toolkit
from toolkit.composition import parse
from toolkit.engine.site import Site
from toolkit.features import sentence_features
from toolkit.modeling.attention import install_attention
from toolkit.modeling.backbone import Backbone, load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import embed
from toolkit.modeling.embedded import embedded_folder
from toolkit.modeling.precision import resolve_precision
from toolkit.recipes.score import encoding
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.together import staffed
from toolkit.tasks import SentenceRow, get_task

LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
LAYER = 14
BATCH = 32


def sentences(n: int, data_root: Path | None) -> tuple[list[str], str]:
    """Return n distinct sentences in file order, and where they come from: BUCC zh-en, half of either side, or generated."""
    name, language = ("bucc", "zh") if data_root else ("micro-mining", "de")
    rows = get_task(name).rows("score", language, data_root=data_root)
    sides: dict[str, dict[str, None]] = {"source": {}, "target": {}}
    for row in rows:
        if isinstance(row, SentenceRow) and len(sides[row.side]) < n // 2:
            sides[row.side][row.text] = None
    found = [*sides["source"], *sides["target"]]
    return found, f"{name} {language}" + ("" if data_root else " (generated)")


def plain_loop(model: Any, tokenizer: Any, texts: list[str], layer: int) -> np.ndarray:
    """Encode as the published scripts do: file order, each batch padded, fp32, all layers computed, one taken."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(texts), BATCH):
            batch = tokenizer(
                texts[start : start + BATCH], padding=True, truncation=True, max_length=512, return_tensors="pt"
            )
            states = model(**batch, output_hidden_states=True).hidden_states[layer]
            mask = batch["attention_mask"][..., None].float()
            found.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1).numpy())
    return np.concatenate(found)


def encode_large(n: int, repetitions: int, data_root: Path | None) -> tuple[dict[str, float], dict[str, Any]]:
    """XLM-R Large's shape with random weights, layer 14, mean pooling."""
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

    texts, origin = sentences(n, data_root)
    tokenizer = XLMRobertaTokenizerFast(tokenizer_file=str(embedded_folder() / "tokenizer.json"), model_max_length=512)
    config = XLMRobertaConfig(
        vocab_size=250_002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, **LARGE
    )
    torch.manual_seed(0)
    plain = XLMRobertaModel(config, add_pooling_layer=False).eval()
    model = copy.deepcopy(plain)
    adapters.init(model)
    device = torch.device("cpu")
    precision = resolve_precision("auto", device)
    if precision == "bf16":
        model.to(torch.bfloat16)
    install_attention(model)
    backbone = Backbone("random-large", model, tokenizer, "random", precision, device)
    found: dict[str, np.ndarray] = {}
    with Circuit(backbone, parse("backbone")) as circuit:
        ways = {
            "ours": lambda: found.update(ours=_encode(circuit, tokenizer, texts, LAYER)),
            "plain_loop": lambda: found.update(plain=plain_loop(plain, tokenizer, texts, LAYER)),
        }
        seconds = interleaved(ways, repetitions)
    return _result("encode_large", seconds, "plain_loop", texts, origin, precision, found["ours"], found["plain"])


def encode_embedded(n: int, repetitions: int, data_root: Path | None) -> tuple[dict[str, float], dict[str, Any]]:
    """The embedded backbone, last layer, mean pooling, against sentence-transformers' `encode` of the same checkpoint."""
    from sentence_transformers import SentenceTransformer, models

    texts, origin = sentences(n, data_root)
    transformer = models.Transformer(str(embedded_folder()), max_seq_length=512)
    pooling = models.Pooling(transformer.get_embedding_dimension(), "mean")
    neighbour = SentenceTransformer(modules=[transformer, pooling], device="cpu")
    backbone = load_backbone("embedded")
    found: dict[str, np.ndarray] = {}
    with Circuit(backbone, parse("backbone")) as circuit:
        ways = {
            "ours": lambda: found.update(ours=_encode(circuit, backbone.tokenizer, texts, backbone.n_layers)),
            "sentence_transformers": lambda: found.update(
                other=neighbour.encode(texts, normalize_embeddings=True, show_progress_bar=False)
            ),
        }
        seconds = interleaved(ways, repetitions)
    return _result(
        "encode_embedded", seconds, "sentence_transformers", texts, origin, backbone.precision, found["ours"], found["other"]
    )  # fmt: skip


def cached(n: int, data_root: Path | None) -> tuple[dict[str, float], dict[str, Any]]:
    """The same request twice: the second run finds every vector in the store."""
    texts, origin = sentences(n, data_root)
    with tempfile.TemporaryDirectory() as folder:
        config = toolkit.configure(f"store.folder={folder}", backbone="embedded")
        backbone = load_backbone("embedded")
        counts: list[int] = []

        def run(found: dict[str, np.ndarray]) -> Callable[[], None]:
            def once() -> None:
                with Circuit(backbone, parse("backbone")) as circuit:
                    readings = encoding.readings(config.retrieve, backbone.n_layers, backbone.name)
                    encoder = encoding.Encoder(circuit, Session.open(config), readings)
                    (vectors,) = encoder(texts, "lines").values()
                    found["vectors"] = np.asarray(vectors)
                    counts.append(encoder.n_encoded)

            return once

        first: dict[str, np.ndarray] = {}
        second: dict[str, np.ndarray] = {}
        seconds = interleaved({"first": run(first), "second": run(second)}, 1)
    is_equal = bool(np.array_equal(first["vectors"], second["vectors"]))
    details = {"sentences": len(texts), "origin": origin, "encoded": counts, "seconds": seconds, "equal": is_equal}
    return {"cached": median(seconds["second"]) / median(seconds["first"])}, {"cached_details": details}


def workers(n: int, repetitions: int, data_root: Path | None) -> tuple[dict[str, float], dict[str, Any]]:
    """Two processes of one thread each against one process with two threads; both have loaded the encoder before."""
    texts, origin = sentences(n, data_root)
    torch.set_num_threads(2)
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that are started
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        config = toolkit.configure(
            f"store.folder={store}", f"run_dir={folder}", "store.shard=128", "tracking.enabled=no", backbone="embedded"
        )
        backbone, found = load_backbone("embedded"), dict[str, np.ndarray]()
        alone = replace(Session.open(config), site=Site(2))
        with staffed(alone) as session, Circuit(backbone, parse("backbone")) as circuit:

            def run(name: str, own: Session) -> None:
                shutil.rmtree(store, ignore_errors=True)
                readings = encoding.readings(config.retrieve, backbone.n_layers, backbone.name)
                (vectors,) = encoding.Encoder(circuit, own, readings)(texts, "lines").values()
                found[name] = np.asarray(vectors)

            start = interleaved({"start": lambda: run("two_workers", session)}, 1)["start"][0]
            one = replace(session, staff=None)
            ways = {"two_workers": lambda: run("two_workers", session), "one_process": lambda: run("one_process", one)}
            seconds = interleaved(ways, repetitions)
    details = {
        "sentences": len(texts),
        "origin": origin,
        "precision": backbone.precision,
        "seconds": seconds,
        "first_request_with_start_s": start,
        "equal": bool(np.array_equal(found["two_workers"], found["one_process"])),
        "largest_difference": float(np.abs(found["two_workers"] - found["one_process"]).max()),
    }
    return {"encode": median(seconds["two_workers"]) / median(seconds["one_process"])}, {"encode_details": details}


def _encode(circuit: Circuit, tokenizer: Any, texts: list[str], layer: int) -> np.ndarray:
    return embed(circuit, sentence_features(texts, tokenizer, max_length=512), layer=layer)


def _result(
    name: str,
    seconds: dict[str, list[float]],
    neighbour: str,
    texts: list[str],
    origin: str,
    precision: str,
    ours: np.ndarray,
    theirs: np.ndarray,
) -> tuple[dict[str, float], dict[str, Any]]:
    cosines = np.einsum("nd,nd->n", ours, theirs)
    details = {
        "sentences": len(texts),
        "origin": origin,
        "precision": precision,
        "seconds": seconds,
        "sentences_per_s": len(texts) / median(seconds["ours"]),
        "least_cosine_between_the_two": float(cosines.min()),
    }
    return {name: median(seconds["ours"]) / median(seconds[neighbour])}, {f"{name}_details": details}
