"""Checkpoints in the layouts in which XLM-R is published, of small width: as many files, with the same names and fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from toolkit.modeling.seeded import seeded
from toolkit.modeling.tiny import FFN, HEADS, HIDDEN, LAYERS, POSITIONS, tiny_tokenizer

Layout = Literal["safetensors", "sharded", "bin", "old-bin", "sharded-bin"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
# The fields of FacebookAI/xlm-roberta-large's own config.json; widths and depth are the tiny backbone's.
CONFIG: dict[str, Any] = {
    "architectures": ["XLMRobertaForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": HIDDEN,
    "initializer_range": 0.02,
    "intermediate_size": FFN,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": POSITIONS,
    "model_type": "xlm-roberta",
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "output_past": True,
    "pad_token_id": 1,
    "position_embedding_type": "absolute",
    "transformers_version": "4.17.0.dev0",
    "type_vocab_size": 1,
    "use_cache": True,
}


def publish(folder: Path, layout: Layout = "safetensors", *, is_tokenizer_fast: bool = True, **fields: Any) -> Path:
    """Write a masked language model as it is published, with random weights: the same at every call.

    Args:
        folder: made if it is not there.
        layout: how the weights are stored; `old-bin` is torch's form before 1.6, in which XLM-R was first published.
        is_tokenizer_fast: whether `tokenizer.json` is there, next to the SentencePiece model that always is.
        fields: of `config.json`, in place of or in addition to the published ones.
    """
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer()
    config = {**CONFIG, "vocab_size": len(tokenizer)}
    (folder / "config.json").write_text(json.dumps({**config, **fields}, indent=2))
    with seeded(3):
        model = XLMRobertaForMaskedLM(XLMRobertaConfig(**config))
    shard = "300KB" if layout.startswith("sharded") else "5GB"
    beside = folder / "saved"
    model.save_pretrained(beside, max_shard_size=shard, safe_serialization=not layout.endswith("bin"))
    for file in beside.iterdir():
        if file.name.startswith(("model", "pytorch_model")):
            file.rename(folder / file.name)
        else:
            file.unlink()
    beside.rmdir()
    if layout == "old-bin":
        tensors = {**model.state_dict(), "roberta.embeddings.position_ids": torch.arange(POSITIONS).expand((1, -1))}
        torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    if is_tokenizer_fast:
        tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 512}')
    (folder / "sentencepiece.bpe.model").write_bytes(sentencepiece())
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


def sentencepiece() -> bytes:
    """Return the tiny tokenizer's pieces as a SentencePiece model, in the order of XLM-R's own."""
    from transformers.utils.sentencepiece_model_pb2_new import ModelProto

    model = ModelProto()
    model.trainer_spec.model_type = 1
    for piece, kind in (("<unk>", 2), ("<s>", 3), ("</s>", 3)):
        model.pieces.add(piece=piece, score=0.0, type=kind)
    for piece, score in json.loads(tiny_tokenizer().backend_tokenizer.to_str())["model"]["vocab"][4:-1]:
        model.pieces.add(piece=piece, score=score, type=1)
    data: bytes = model.SerializeToString()
    return data


def files_of(folder: Path) -> dict[str, bytes]:
    """Return a folder's files as a repository of the hub holds them."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
