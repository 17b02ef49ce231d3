"""Everything that can be set, with its type, default, range and one line about it: frozen dataclasses, no logic.

A field's type says what is accepted (`Literal` lists the choices, `| None` allows null); the `About` beside it says what it
means, its range and what other libraries call it. `convert.py` reads both, so a new setting is one line here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

Auto = Literal["auto"]


@dataclass(frozen=True)
class About:
    """What a type cannot say about a setting.

    Args:
        text: one line for the documentation.
        low: smallest legal number, itself included; `high`: the largest.
        above: a bound that is itself not legal; `below`: likewise.
        also: what other libraries call it, so that a fault can name ours.
    """

    text: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class BackboneConfig:
    """The encoder that everything is stacked on."""

    name: Annotated[
        str, About("registry name, hub id or local folder of the XLM-R family", also=("model", "model_name_or_path"))
    ] = "xlm-roberta-large"
    precision: Annotated[Literal["auto", "fp32", "bf16"], About("auto: bf16 where the processor has it")] = "auto"
    revision: Annotated[str | None, About("commit, tag or branch of the hub id; null: the newest")] = None


@dataclass(frozen=True)
class AdapterConfig:
    """What is put into the backbone and learnt."""

    kind: Annotated[
        Literal["seq_bn", "full"], About("seq_bn: bottleneck after the FFN; full: the whole backbone learns")
    ] = "seq_bn"
    reduction_factor: Annotated[int, About("backbone width divided by bottleneck width (1024 / 16 = 64)", low=1)] = 16
    non_linearity: Annotated[Literal["relu", "gelu", "swish", "tanh", "leakyrelu"], About("inside the bottleneck")] = (
        "relu"
    )
    dropout: Annotated[float, About("inside the bottleneck", low=0, below=1)] = 0.0
    leave_out_lower: Annotated[
        float, About("share of the layers, from the embeddings up, that hold no adapter", low=0, below=1)
    ] = 0.0
    leave_out_upper: Annotated[
        float, About("share of the layers, from the top down, that hold no adapter", low=0, below=1)
    ] = 0.0


@dataclass(frozen=True)
class TrainConfig:
    """How one stage learns. `auto` is decided by the task's kind and the backbone, and printed."""

    lr: Annotated[float | Auto, About("peak learning rate of adapters and heads", above=0, also=("learning_rate",))] = (
        "auto"
    )
    fusion_lr: Annotated[float | Auto, About("peak learning rate of fusion weights", above=0)] = "auto"
    epochs: Annotated[
        float | Auto, About("passes over the training rows", above=0, also=("num_epochs", "num_train_epochs"))
    ] = "auto"
    total_steps: Annotated[
        int | None, About("optimiser steps; where given, replaces `epochs`", low=1, also=("max_steps",))
    ] = None
    batch_size: Annotated[int, About("rows per optimiser step", low=1, also=("per_device_train_batch_size",))] = 32
    max_length: Annotated[
        int | Auto, About("tokens per row, <s> and </s> included", low=8, also=("max_seq_length",))
    ] = "auto"
    stride: Annotated[int, About("tokens shared by neighbouring windows of a long context (span tasks)", low=0)] = 128
    warmup_ratio: Annotated[
        float, About("share of the steps in which the learning rate rises linearly", low=0, high=1)
    ] = 0.1
    weight_decay: Annotated[float, About("AdamW's decoupled decay", low=0)] = 0.0
    grad_clip: Annotated[
        float, About("largest norm of the gradient; 0: never clipped", low=0, also=("max_grad_norm",))
    ] = 1.0
    eval_every: Annotated[int, About("steps between dev scores; 0: once an epoch", low=0)] = 0
    patience: Annotated[int, About("dev scores without gain before stopping; 0: never stop early", low=0)] = 0
    eval_limit: Annotated[int | None, About("dev rows per score while training; null: all", low=1)] = 2000
    checkpoint_every: Annotated[int, About("steps between checkpoints", low=1)] = 200
    limit: Annotated[int | None, About("training rows used; null: all", low=1, also=("max_train_samples",))] = None
    total_examples: Annotated[
        int | None,
        About("training rows of a stage, drawn from all its tasks together as `mixture` has it; null: all", low=1),
    ] = None
    seed: Annotated[int, About("seeds order, initialisation and dropout", low=0, high=2**32 - 1)] = 0
    label_piece: Annotated[
        Literal["content", "first"],
        About(
            "piece that carries a word's label (tags): the first that is more than `▁`, or the first, as XTREME's script"
        ),
    ] = "content"
    fusion_first: Annotated[
        bool,
        About("fuse[...]/t in two phases of `epochs` each: the fusion, then t on the frozen fusion; false: jointly"),
    ] = False
    learn: Annotated[
        Literal["own", "all"],
        About("own: what the stage makes; all: also the adapters and fusions below it, as copies that its entry holds"),
    ] = "own"
    backbone_dropout: Annotated[float, About("dropout inside the backbone while training", low=0, below=1)] = 0.0
    head_dropout: Annotated[float, About("dropout before the head", low=0, below=1)] = 0.1
    pooling: Annotated[
        Literal["mean", "cls", "mean-no-special"], About("vector of a text, from the last layer (retrieval tasks)")
    ] = "mean"
    temperature: Annotated[
        float, About("what cosines are divided by at first; then learnt (retrieval tasks)", low=0.01)
    ] = 0.02
    mixture: Annotated[
        Literal["proportional", "equal", "temperature"],
        About("sampling of mix[...]: p ~ min(n, cap), equal, or p ~ min(n, cap)^(1/T)"),
    ] = "proportional"
    mixture_cap: Annotated[int | None, About("largest row count that counts in the sampling; null: none", low=1)] = None
    mixture_temperature: Annotated[float, About("T of `mixture: temperature`", above=0)] = 2.0
    augment: Annotated[
        str | None,
        About("noise in the training rows: NAME:STRENGTH, several with `+`, e.g. code-switch:0.3; null: none"),
    ] = None
    augment_rate: Annotated[float, About("share of the training rows that are noisy", low=0, high=1)] = 0.5


@dataclass(frozen=True)
class EvalConfig:
    """How scores are made."""

    batch_size: Annotated[int, About("rows per forward pass", low=1)] = 64
    max_length: Annotated[int | Auto, About("tokens per row, <s> and </s> included", low=8)] = "auto"
    stride: Annotated[int, About("tokens shared by neighbouring windows of a long context (span tasks)", low=0)] = 128
    label_piece: Annotated[
        Literal["content", "first"], About("as in `train`; must be what the adapter was trained with")
    ] = "content"
    limit: Annotated[int | None, About("rows per language; null: all", low=1)] = None
    n_best: Annotated[int, About("start and end positions considered per window (span tasks)", low=1)] = 20
    max_answer_tokens: Annotated[int, About("longest answer (span tasks)", low=1)] = 30
    null_threshold: Annotated[
        float, About("squad2: no answer where <s> scores more than this above the best span, in logits")
    ] = 0.0
    fold: Annotated[
        bool,
        About(
            "multiply out what is fixed before scoring and retrieving: the same answers but for rounding, in less time"
        ),
    ] = True


@dataclass(frozen=True)
class MergeConfig:
    """How `ties[...]` and `dare[...]` make one adapter from the weights of several; `train.seed` seeds what is dropped."""

    density: Annotated[
        float, About("share of each member's weights that ties keeps and dare does not drop", above=0, high=1)
    ] = 0.5


@dataclass(frozen=True)
class RetrieveConfig:
    """The retrieval protocol: each of these moves the number, so each is part of a result. null: as the protocol has it."""

    protocol: Annotated[
        Literal["jiant", "xtreme", "laser", "mteb", "st", "all"], About("whose way of scoring; all: side by side")
    ] = "jiant"
    layer: Annotated[
        int | None, About("hidden state that is pooled, 0: embeddings; null: the protocol's share of the depth", low=0)
    ] = None
    pooling: Annotated[
        Literal["mean", "cls", "mean-no-special"] | None,
        About("mean: over all non-pad tokens, <s> and </s> included; mean-no-special: without these two"),
    ] = None
    direction: Annotated[
        Literal["forward", "backward", "intersection", "max"] | None,
        About("mining: which candidates; max: both directions pooled, one-to-one"),
    ] = None
    margin: Annotated[Literal["absolute", "distance", "ratio"] | None, About("mining: score of a pair")] = None
    k: Annotated[int | None, About("mining: neighbours that a margin's means run over", low=1, high=256)] = None
    duplicates: Annotated[
        Literal["expand", "first", "drop", "keep"] | None,
        About("mining: repeated sentences: all pairs of their ids, the lowest ids, none; keep: every line for itself"),
    ] = None
    threshold: Annotated[
        float | Literal["dev", "oracle"] | None,
        About("mining: chosen on the dev gold, on the gold that is scored, or a number"),
    ] = None
    max_length: Annotated[int, About("tokens per sentence, <s> and </s> included", low=8)] = 512
    index: Annotated[
        str,
        About(
            "auto: exact up to 400,000 x 400,000 x 1,024, else approximate; Flat: exact; or FAISS's spelling: HNSW32"
        ),
    ] = "auto"
    memory: Annotated[float, About("searching: GiB for tiles, codes and indexes at a time", above=0)] = 4.0
    threads: Annotated[int | None, About("searching: CPU threads; null: as many as torch uses", low=1)] = None
    limit: Annotated[int | None, About("pairs (mining: lines of either side) per language; null: all", low=1)] = None


@dataclass(frozen=True)
class StoreConfig:
    """Where encoded texts are kept, so that an unchanged request never encodes again."""

    folder: Annotated[Path | None, About("folder of the store; null: nothing is kept")] = Path("embeddings")
    dtype: Annotated[
        Literal["float32", "float16"], About("numbers of a stored vector; float16: half the disk, cosines to 3 digits")
    ] = "float32"
    shard: Annotated[int, About("texts in a shard, on average: what a kill can lose", low=1)] = 4096


@dataclass(frozen=True)
class SimilarityConfig:
    """What is looked at of a task where tasks are compared, or a transfer is predicted."""

    limit: Annotated[int, About("vectors a task: pairs, choices or words with a label", low=2)] = 2000
    examples: Annotated[int, About("rows a task that a Fisher is computed from", low=1)] = 1000
    seed: Annotated[int, About("seeds which rows and words are drawn", low=0, high=2**32 - 1)] = 0
    max_length: Annotated[int, About("tokens a sequence, <s> and </s> included", low=36)] = 384
    shared_text: Annotated[
        str | None, About("task whose texts circuits are compared on, e.g. xnli.de; null: English of the micro-world")
    ] = None


@dataclass(frozen=True)
class NoiseConfig:
    """What is done to the rows that `eval` and `retrieve` score: robustness under perturbation."""

    apply: Annotated[
        str | None, About("NAME:STRENGTH, several with `+`, e.g. swap:0.1; null: rows stay as they are")
    ] = None
    seed: Annotated[int, About("seeds which words are changed, and how", low=0, high=2**32 - 1)] = 0
    fields: Annotated[
        str | None, About("text fields that are changed, with commas, e.g. second; null: those of the task's kind")
    ] = None
    lexicons: Annotated[
        str | None, About("folder of bilingual lexicons (en-de.txt, ...) for code-switch; micro: the micro-world's")
    ] = None
    mix_with: Annotated[str | None, About("language of the second sentence, for language-mix")] = None


@dataclass(frozen=True)
class TrackingConfig:
    """Where runs are recorded."""

    enabled: Annotated[bool, About("false: nothing is recorded")] = True
    uri: Annotated[str | None, About("MLflow tracking URI; null: MLFLOW_TRACKING_URI, else mlflow.db in `folder`")] = (
        None
    )
    folder: Annotated[Path, About("folder of mlflow.db, mlartifacts/ and the spool")] = Path(".")
    weights_mib: Annotated[
        int, About("an adapter's weights are kept with its card in the tracker up to this size, in MiB", low=0)
    ] = 64
    experiment: Annotated[str | None, About("experiment of every run; null: the task's name")] = None
    parent: Annotated[str | None, About("id of the run that runs are nested under; null: none")] = None


@dataclass(frozen=True)
class Config:
    """The whole configuration, resolved and frozen.

    Example:
        >>> Config().backbone.name
        'xlm-roberta-large'
    """

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    merge: MergeConfig = field(default_factory=MergeConfig)
    retrieve: RetrieveConfig = field(default_factory=RetrieveConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    fusion: Annotated[
        Literal["fast", "reference"],
        About("how fusions are computed: re-associated, or by the `adapters` library's own code (never folded)"),
    ] = "fast"
    data_root: Annotated[
        Path | None, About("mirror of hub data sets; null: the variable XSTILTS_DATA, else the hub")
    ] = None
    task_files: Annotated[tuple[Path, ...], About("YAML files that declare tasks of your own, with commas")] = ()
    cache_gib: Annotated[
        float, About("GiB of tokenised rows kept in the cache folder (XSTILTS_CACHE); 0: none are kept", low=0)
    ] = 20.0
    zoo: Annotated[Path, About("folder of trained adapters")] = Path("adapter_zoo")
    run_dir: Annotated[Path, About("folder of run outputs and checkpoints", also=("output_dir",))] = Path("runs")
