"""Room that the stages of a plan need in memory, and the evaluation after them: what `plan --memory` says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.composition import Composition
from toolkit.composition.stages import Stage
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.features.collate import CPU_TOKENS, TOKENS_PER_ROW
from toolkit.free_memory import free_memory
from toolkit.modeling.identity import here
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.auto import in_shares
from toolkit.recipes.train.memory import (
    MIB,
    USED,
    Arithmetic,
    Encoder,
    Held,
    Memory,
    Place,
    most_tokens,
    predict_scoring,
    predict_training,
)
from toolkit.tasks.kinds import Kind

SHAPES: Mapping[str, Encoder] = {
    "xlm-roberta-large": Encoder(24, 1024, 4096, 250_002, 514),
    "xlm-roberta-base": Encoder(12, 768, 3072, 250_002, 514),
    "embedded": Encoder(12, 384, 1536, 250_037, 514),
    "tiny": Encoder(2, 32, 64, 36_650, 514),
}
"""Shapes of the encoders that are known by name, which need not be on this machine to be planned for."""
ROW_TOKENS: Mapping[Kind, int] = {"pair": 64, "choice": 200, "span": 320, "tags": 48, "text": 256, "retrieval": 256}
"""Tokens of a row of mean length, all its sequences together, where rows are not looked at."""


@dataclass(frozen=True)
class Room:
    """What a stage, or an evaluation, takes at its peak.

    Attributes:
        what: it is, in words.
        entry: that the stage makes; empty for an evaluation.
        tokens: that are in memory at a time.
        basis: what `tokens` come from, in words.
        memory: in bytes.
    """

    what: str
    entry: str
    tokens: int
    basis: str
    memory: Memory


@dataclass(frozen=True)
class Rooms:
    """The room of every stage in order, and of the evaluation.

    Attributes:
        place: the device that was reckoned with.
        precision: its products.
        free: bytes that are free there; None where that is not known.
    """

    found: tuple[Room, ...]
    place: Place
    precision: str
    free: int | None

    def lines(self) -> list[str]:
        """Return the rooms for a reader."""
        where = "this GPU" if self.place == "cuda" else "this processor"
        lines = [f"Memory at the peak, predicted for {where} in {self.precision}:"]
        width = max(len(room.what) for room in self.found)
        for room in self.found:
            parts = [
                f"{name} {_gib(getattr(room.memory, name))}"
                for name in ("process", "weights", "optimizer", "passes", "loading")
                if getattr(room.memory, name)
            ]
            per_token = f"{room.memory.per_token / MIB:.3f} MiB a token"
            lines.append(
                f"  {room.what:{width}}  {_gib(room.memory.peak)} GiB  {', '.join(parts)}; {per_token}, {room.basis}"
            )
        largest = max(room.memory.peak for room in self.found)
        if self.free is not None and largest > self.free:
            lines.append(
                f"  More than the {_gib(self.free)} GiB that are free here: --set train.batch_size=auto cuts a step's batch to what "
                "fits, and --set train.recompute=true keeps less of a token."
            )
        return lines

    def to_dict(self, entry: str) -> dict[str, Any]:
        """Return the room of a stage by its entry, or of the evaluation for an empty one: bytes by name."""
        room = next(room for room in self.found if room.entry == entry)
        return {"tokens": room.tokens, "place": self.place, "precision": self.precision, **room.memory.to_dict()}


def rooms_of(
    expression: Composition, stages: Sequence[Stage], session: Session, *, row_tokens: int | None = None
) -> Rooms:
    """Return what the stages of a plan take, and the evaluation of what they end with.

    Args:
        expression: that was planned.
        stages: that the zoo lacks.
        session: with the settings.
        row_tokens: of a row of mean length, all its sequences together; None: by kind of task, `ROW_TOKENS`.

    Raises:
        ToolkitError: the shape of the backbone is not known.
    """
    config = session.config
    encoder, how = shape_of(config), arithmetic_of(config)
    is_full = config.adapter.kind == "full"
    free = free_memory() if how.place == "cpu" else None
    found = []
    for stage in stages:
        if stage.merge is not None:
            continue
        kinds = [session.catalogue.training_task(session.catalogue.get(ref.name)).kind for ref in stage.tasks]
        each = row_tokens or max(ROW_TOKENS[kind] for kind in kinds)
        train = in_shares(config.train, processes=session.ranks.count)
        rows = train.rows_of_step() if train.batch_size == "auto" else train.batch_size
        held = Held.of(
            stage.circuit, stage.learn, encoder, reduction_factor=config.adapter.reduction_factor, is_full=is_full
        )
        if train.batch_size == "auto" and free is not None:
            most = most_tokens(encoder, held, how, room=int(USED * free))
            while rows > 1 and rows * each > most:
                rows = -(-rows // 2)
        memory = predict_training(encoder, held, how, tokens=rows * each)
        basis = f"{rows} rows of {each} tokens" + ("" if row_tokens else " (--row-tokens says it better)")
        found.append(Room(f"train {stage.entry}", stage.entry, rows * each, basis, memory))
    scored = stages[-1].circuit if stages and stages[-1].merge is None else expression
    tokens = config.eval.batch_size * TOKENS_PER_ROW
    tokens = min(tokens, CPU_TOKENS) if how.place == "cpu" else tokens
    held = Held.of(scored, (), encoder, reduction_factor=config.adapter.reduction_factor, is_full=is_full)
    memory = predict_scoring(encoder, held, how, tokens=tokens)
    found.append(Room(f"eval {expression}", "", tokens, f"batches of {tokens:,} tokens", memory))
    precision = config.backbone.precision
    if precision == "auto":
        precision = "fp32" if how.number == 4 else "bf16"
    return Rooms(tuple(found), how.place, precision, free)


def shape_of(config: Config) -> Encoder:
    """Return the shape of the backbone, without loading it.

    Raises:
        ToolkitError: it is neither known by name nor on this machine, or its `config.json` does not say it.
    """
    settings = config.backbone
    if settings.name in SHAPES:
        return SHAPES[settings.name]
    folder = here(settings.name, settings.revision)
    if folder is None:
        raise ToolkitError(
            f"The shape of '{settings.name}' is not known before its files are here; run `xstilts doctor --backbone "
            f"{settings.name}`, or plan with one of {', '.join(SHAPES)}."
        )
    file = folder / "config.json"
    try:
        return Encoder.of(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise ToolkitError(
            f"{file} does not say the encoder's shape ({type(fault).__name__}: {fault}); expected a configuration of the XLM-R family."
        ) from None


def arithmetic_of(config: Config) -> Arithmetic:
    """Return how this machine would compute, as far as it shows without torch."""
    has_gpu = Path("/dev/nvidia0").exists() and os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() not in ("", "-1")
    asked = config.backbone.precision
    is_narrow = asked in ("bf16", "fp16") or (asked == "auto" and (has_gpu or _has_bf16()))
    return Arithmetic(
        number=2 if is_narrow else 4,
        place="cuda" if has_gpu else "cpu",
        is_full=config.adapter.kind == "full",
        recompute=config.train.recompute,
    )


def _has_bf16() -> bool:
    """Whether the processor multiplies bf16, as `resolve_precision` asks torch."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    words = set(flags.split())
    return "avx512_bf16" in words or "amx_tile" in words


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f}" if size >= 2**30 / 10 else f"{size / 2**30:.2f}"
