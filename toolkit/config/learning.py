"""Settings of learning: one stage of training, merging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from toolkit.config.about import About
from toolkit.config.words import Auto, LabelPiece, MixtureKind, Pooling

ROWS = 32
"""Rows of mean length of a step, where nothing else is said."""


@dataclass(frozen=True)
class TrainConfig:
    """How one stage learns. `auto` is decided by the task's kind and the backbone, and printed."""

    lr: Annotated[
        float | Auto,
        About("peak learning rate of adapters and heads", above=0, also=("learning_rate",), changes=("weights",)),
    ] = "auto"
    fusion_lr: Annotated[
        float | Auto, About("peak learning rate of fusion weights", above=0, changes=("weights",), only=("fusion",))
    ] = "auto"
    epochs: Annotated[
        float | Auto,
        About(
            "passes over the training rows",
            above=0,
            also=("num_epochs", "num_train_epochs"),
            changes=("weights",),
            only=("passes",),
        ),
    ] = "auto"
    total_steps: Annotated[
        int | None,
        About("optimiser steps; where given, replaces `epochs`", low=1, also=("max_steps",), changes=("weights",)),
    ] = None
    batch_size: Annotated[
        int | Auto,
        About(
            "rows of mean length in memory at a time: batches are cut by tokens, so they hold more of the short rows; auto: as many "
            "as the device's memory holds, in steps of `effective_batch` rows",
            low=1,
            also=("per_device_train_batch_size",),
            changes=("weights",),
        ),
    ] = ROWS
    accumulate: Annotated[
        int,
        About(
            "batches whose gradients are added up for one optimiser step: the step of a batch as many times as large, in less memory",
            low=1,
            also=("gradient_accumulation_steps",),
            changes=("weights",),
        ),
    ] = 1
    effective_batch: Annotated[
        int | None,
        About(
            "rows of mean length of one optimiser step, of all processes together: `accumulate` is then found; null: batch_size x "
            "accumulate x processes, and 32 where batch_size is auto",
            low=1,
            also=("train_batch_size",),
            changes=("weights",),
        ),
    ] = None
    recompute: Annotated[
        bool,
        About(
            "compute what a layer holds for the backward pass once more instead of keeping it: about a fifth of the memory a token, "
            "1.4 times the time, the same weights to the bit",
            also=("gradient_checkpointing",),
            changes=(),
        ),
    ] = False
    max_length: Annotated[
        int | Auto,
        About("tokens per row, <s> and </s> included", low=8, also=("max_seq_length",), changes=("weights",)),
    ] = "auto"
    stride: Annotated[
        int,
        About(
            "tokens shared by neighbouring windows of a long context (span tasks)",
            low=0,
            changes=("weights",),
            only=("span",),
        ),
    ] = 128
    warmup_ratio: Annotated[
        float,
        About("share of the steps in which the learning rate rises linearly", low=0, high=1, changes=("weights",)),
    ] = 0.1
    weight_decay: Annotated[float, About("AdamW's decoupled decay", low=0, changes=("weights",))] = 0.0
    grad_clip: Annotated[
        float,
        About("largest norm of the gradient; 0: never clipped", low=0, also=("max_grad_norm",), changes=("weights",)),
    ] = 1.0
    eval_every: Annotated[int, About("steps between dev scores; 0: once an epoch", low=0, changes=("weights",))] = 0
    patience: Annotated[
        int, About("dev scores without gain before stopping; 0: never stop early", low=0, changes=("weights",))
    ] = 0
    eval_limit: Annotated[
        int | None,
        About("dev rows per score while training, drawn by `eval.seed`; null: all", low=1, changes=("weights",)),
    ] = 2000
    checkpoint_every: Annotated[int, About("steps between checkpoints", low=1, changes=())] = 200
    checkpoint_s: Annotated[
        float,
        About(
            "seconds after which slow steps are saved as well, at least ten times what the last checkpoint took; 0: never",
            low=0,
            changes=(),
        ),
    ] = 60.0
    limit: Annotated[
        int | None,
        About(
            "training rows of each task, drawn by `seed` in proportion to their labels; null: all",
            low=1,
            also=("max_train_samples",),
            changes=("weights",),
        ),
    ] = None
    total_examples: Annotated[
        int | None,
        About(
            "training rows of a stage, drawn from all its tasks together as `mixture` has it; null: all",
            low=1,
            changes=("weights",),
        ),
    ] = None
    seed: Annotated[
        int,
        About(
            "seeds order, initialisation, dropout and the draw of rows",
            low=0,
            high=2**32 - 1,
            changes=("weights", "merges"),
        ),
    ] = 0
    label_piece: Annotated[
        LabelPiece,
        About(
            "piece that carries a word's label (tags): the first that is more than `▁`, or the first, as XTREME's script",
            changes=("weights",),
            only=("tags",),
        ),
    ] = "content"
    fusion_first: Annotated[
        bool,
        About(
            "fuse[...]/t in two phases of `epochs` each: the fusion, then t on the frozen fusion; false: jointly",
            changes=("weights",),
            only=("fusion",),
        ),
    ] = False
    learn: Annotated[
        Literal["own", "all"],
        About(
            "own: what the stage makes; all: also the adapters and fusions below it, as copies that its entry holds",
            changes=("weights",),
        ),
    ] = "own"
    backbone_dropout: Annotated[
        float, About("dropout inside the backbone while training", low=0, below=1, changes=("weights",))
    ] = 0.0
    head_dropout: Annotated[float, About("dropout before the head", low=0, below=1, changes=("weights",))] = 0.1
    pooling: Annotated[
        Pooling,
        About("vector of a text, from the last layer (retrieval tasks)", changes=("weights",), only=("retrieval",)),
    ] = "mean"
    temperature: Annotated[
        float,
        About(
            "what cosines are divided by at first; then learnt (retrieval tasks)",
            low=0.01,
            changes=("weights",),
            only=("retrieval",),
        ),
    ] = 0.02
    mask_rate: Annotated[
        float,
        About(
            "share of the pieces of a text that are guessed (text tasks)",
            above=0,
            below=1,
            also=("mlm_probability",),
            changes=("weights",),
            only=("text",),
        ),
    ] = 0.15
    whole_word: Annotated[
        bool,
        About("all pieces of a word are masked together (text tasks)", changes=("weights",), only=("text",)),
    ] = False
    mixture: Annotated[
        MixtureKind,
        About(
            "sampling of mix[...]: p ~ min(n, cap), equal, or p ~ min(n, cap)^(1/T)",
            changes=("weights",),
            only=("mixture",),
        ),
    ] = "proportional"
    mixture_cap: Annotated[
        int | None,
        About(
            "largest row count that counts in the sampling; null: none", low=1, changes=("weights",), only=("mixture",)
        ),
    ] = None
    mixture_temperature: Annotated[
        float, About("T of `mixture: temperature`", above=0, changes=("weights",), only=("mixture",))
    ] = 2.0
    text_share: Annotated[
        float | None,
        About(
            "of mix[...] with text: share of an epoch's rows, and so of its steps, that is text; every other row is taken as ever; null: as "
            "`mixture` has it",
            above=0,
            below=1,
            changes=("weights",),
            only=("mixture",),
        ),
    ] = None
    text_languages: Annotated[
        str | None,
        About(
            "of mix[...] with a text task that names no language: codes with commas, or all; null: all at hand, if they are at most 30",
            changes=("weights",),
            only=("mixture",),
        ),
    ] = None
    text_exponent: Annotated[
        float,
        About(
            "of mix[...] with text in several languages: each is drawn p ~ n^exponent, n its sequences",
            above=0,
            high=1,
            changes=("weights",),
            only=("mixture",),
        ),
    ] = 0.3
    text_bytes: Annotated[
        int | None,
        About(
            "training text of each text task in bytes of UTF-8, so that texts of unlike lines are of equal size: rows are drawn by `seed` "
            "until it is reached; null: all of `limit`",
            low=1,
            changes=("weights",),
            only=("text",),
        ),
    ] = None
    augment: Annotated[
        str | None,
        About(
            "noise in the training rows: NAME:STRENGTH, several with `+`, e.g. code-switch:0.3; null: none",
            changes=("weights",),
        ),
    ] = None
    augment_rate: Annotated[
        float, About("share of the training rows that are noisy", low=0, high=1, changes=("weights",))
    ] = 0.5

    def rows_of_step(self, processes: int = 1) -> int:
        """Rows of mean length per optimiser step of all processes: however they are cut, they determine the weights.

        Example:
            >>> TrainConfig(batch_size=8, accumulate=2).rows_of_step(4), TrainConfig(effective_batch=48).rows_of_step(4)
            (64, 48)
        """
        if self.effective_batch is not None:
            return self.effective_batch
        return ROWS if self.batch_size == "auto" else self.batch_size * self.accumulate * processes


@dataclass(frozen=True)
class MergeConfig:
    """How `ties[...]` and `dare[...]` make one adapter from the weights of several; `train.seed` seeds what is dropped."""

    density: Annotated[
        float,
        About(
            "share of each member's weights that ties keeps and dare does not drop",
            above=0,
            high=1,
            changes=("merges",),
            only=("dropped",),
        ),
    ] = 0.5
