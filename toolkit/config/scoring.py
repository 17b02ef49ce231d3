"""Settings of scoring: evaluation, retrieval, the store of vectors, similarity, noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from toolkit.config.about import About
from toolkit.config.words import Auto, LabelPiece, Pooling, Without


@dataclass(frozen=True)
class EvalConfig:
    """How scores are made."""

    batch_size: Annotated[int, About("rows per forward pass", low=1, changes=())] = 64
    max_length: Annotated[
        int | Auto, About("tokens per row, <s> and </s> included", low=8, changes=("scores",), only=("head",))
    ] = "auto"
    stride: Annotated[
        int,
        About(
            "tokens shared by neighbouring windows of a long context (span tasks)",
            low=0,
            changes=("scores",),
            only=("span",),
        ),
    ] = 128
    label_piece: Annotated[
        LabelPiece,
        About("as in `train`; must be what the adapter was trained with", changes=("scores",), only=("tags",)),
    ] = "content"
    limit: Annotated[
        int | None,
        About(
            "rows per language, drawn by `seed` in proportion to their labels; null: all",
            low=1,
            changes=("scores",),
            only=("head",),
        ),
    ] = None
    seed: Annotated[
        int,
        About(
            "seeds which rows `limit`, and `train.eval_limit` of dev rows, draws",
            low=0,
            high=2**32 - 1,
            changes=("weights", "scores"),
        ),
    ] = 0
    n_best: Annotated[
        int,
        About(
            "start and end positions considered per window (span tasks)",
            low=1,
            changes=("weights", "scores"),
            only=("span",),
        ),
    ] = 20
    max_answer_tokens: Annotated[
        int, About("longest answer (span tasks)", low=1, changes=("weights", "scores"), only=("span",))
    ] = 30
    null_threshold: Annotated[
        float,
        About(
            "squad2: no answer where <s> scores more than this above the best span, in logits",
            changes=("weights", "scores"),
            only=("span",),
        ),
    ] = 0.0
    without: Annotated[
        Without,
        About(
            "`text.*`, where the zoo has no adapter for a language: refuse; skip the language; english: the training language's; none",
            changes=("scores",),
            only=("exchanged",),
        ),
    ] = "refuse"
    fold: Annotated[
        bool,
        About(
            "multiply out what is fixed before scoring and retrieving: the same answers but for rounding, in less time",
            changes=("scores", "vectors", "similarity"),
        ),
    ] = True


@dataclass(frozen=True)
class RetrieveConfig:
    """The retrieval protocol: each of these moves the number, so each is part of a result. null: as the protocol has it."""

    protocol: Annotated[
        Literal["jiant", "xtreme", "laser", "mteb", "st", "all"],
        About("whose way of scoring; all: side by side", changes=("scores", "vectors"), only=("search",)),
    ] = "jiant"
    layer: Annotated[
        int | None,
        About(
            "hidden state that is pooled, 0: embeddings; null: the protocol's share of the depth",
            low=0,
            changes=("scores", "vectors"),
            only=("search",),
        ),
    ] = None
    pooling: Annotated[
        Pooling | None,
        About(
            "mean: over all non-pad tokens, <s> and </s> included; mean-no-special: without these two",
            changes=("scores", "vectors"),
            only=("search",),
        ),
    ] = None
    direction: Annotated[
        Literal["forward", "backward", "intersection", "max"] | None,
        About(
            "mining: which candidates; max: both directions pooled, one-to-one", changes=("scores",), only=("search",)
        ),
    ] = None
    margin: Annotated[
        Literal["absolute", "distance", "ratio"] | None,
        About("mining: score of a pair", changes=("scores",), only=("search",)),
    ] = None
    k: Annotated[
        int | None,
        About(
            "mining: neighbours that a margin's means run over", low=1, high=256, changes=("scores",), only=("search",)
        ),
    ] = None
    duplicates: Annotated[
        Literal["expand", "first", "drop", "keep"] | None,
        About(
            "mining: repeated sentences: all pairs of their ids, the lowest ids, none; keep: every line for itself",
            changes=("scores",),
            only=("search",),
        ),
    ] = None
    threshold: Annotated[
        float | Literal["dev", "oracle"] | None,
        About(
            "mining: chosen on the dev gold, on the gold that is scored, or a number",
            changes=("scores",),
            only=("search",),
        ),
    ] = None
    max_length: Annotated[
        int, About("tokens per sentence, <s> and </s> included", low=8, changes=("scores", "vectors"), only=("search",))
    ] = 512
    index: Annotated[
        str,
        About(
            "auto: exact up to 400,000 x 400,000 x 1,024, else approximate; Flat: exact; or FAISS's spelling: HNSW32",
            changes=("scores",),
            only=("search",),
        ),
    ] = "auto"
    memory: Annotated[
        float,
        About(
            "searching: GiB of each process for tiles, codes and indexes at a time",
            above=0,
            changes=("scores",),
            only=("search",),
        ),
    ] = 4.0
    threads: Annotated[
        int | None,
        About("searching: CPU threads; null: as many as torch uses", low=1, changes=("scores",), only=("search",)),
    ] = None
    limit: Annotated[
        int | None,
        About(
            "pairs (mining: lines of either side) per language, drawn by `seed`; null: all",
            low=1,
            changes=("scores",),
            only=("search",),
        ),
    ] = None
    seed: Annotated[
        int,
        About(
            "seeds which rows `limit` and `pool_limit` draw",
            low=0,
            high=2**32 - 1,
            changes=("scores",),
            only=("search",),
        ),
    ] = 0
    pool_limit: Annotated[
        int | None,
        About(
            "pools (lareqa, mewslix): candidates drawn by `seed`, in addition to all right ones; null: all",
            low=1,
            changes=("scores",),
            only=("search",),
        ),
    ] = None


@dataclass(frozen=True)
class StoreConfig:
    """Where encoded texts are kept, so that an unchanged request never encodes again."""

    folder: Annotated[Path | None, About("folder of the store; null: nothing is kept", changes=())] = Path("embeddings")
    dtype: Annotated[
        Literal["float32", "float16"],
        About(
            "numbers of a stored vector; float16: half the disk, cosines to 3 digits",
            changes=("scores", "vectors"),
            only=("search",),
        ),
    ] = "float32"
    shard: Annotated[int, About("texts in a shard, on average: what a kill can lose", low=1, changes=())] = 4096


@dataclass(frozen=True)
class SimilarityConfig:
    """What is looked at of a task where tasks are compared, or a transfer is predicted."""

    limit: Annotated[
        int, About("vectors a task: pairs, choices or words with a label", low=2, changes=("similarity",))
    ] = 2000
    examples: Annotated[int, About("rows a task that a Fisher is computed from", low=1, changes=("similarity",))] = 1000
    seed: Annotated[
        int, About("seeds which rows and words are drawn", low=0, high=2**32 - 1, changes=("similarity",))
    ] = 0
    max_length: Annotated[int, About("tokens a sequence, <s> and </s> included", low=36, changes=("similarity",))] = 384
    shared_text: Annotated[
        str | None,
        About(
            "task whose texts circuits are compared on, e.g. xnli.de; null: English of the micro-world",
            changes=("similarity",),
        ),
    ] = None


@dataclass(frozen=True)
class NoiseConfig:
    """What is done to the rows that `eval` and `retrieve` score: robustness under perturbation."""

    apply: Annotated[
        str | None,
        About(
            "NAME:STRENGTH, several with `+`, e.g. swap:0.1; null: rows stay as they are",
            changes=("scores",),
            only=("noise",),
        ),
    ] = None
    seed: Annotated[
        int,
        About("seeds which words are changed, and how", low=0, high=2**32 - 1, changes=("scores",), only=("noise",)),
    ] = 0
    fields: Annotated[
        str | None,
        About(
            "text fields that are changed, with commas, e.g. second; null: those of the task's kind",
            changes=("scores",),
            only=("noise",),
        ),
    ] = None
    lexicons: Annotated[
        str | None,
        About(
            "folder of bilingual lexicons (en-de.txt, ...) for code-switch; micro: the micro-world's",
            changes=("weights", "scores"),
            only=("augment", "noise"),
        ),
    ] = None
    mix_with: Annotated[
        str | None,
        About(
            "language of the second sentence, for language-mix",
            changes=("weights", "scores"),
            only=("augment", "noise"),
        ),
    ] = None
