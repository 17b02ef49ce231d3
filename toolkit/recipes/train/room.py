"""Room that the stages of a plan need in memory, and the evaluation after them: what `plan --memory` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.composition import Composition
from toolkit.composition.stages import Stage
from toolkit.features.collate import CPU_TOKENS, TOKENS_PER_ROW
from toolkit.free_memory import free_memory
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.auto import in_shares
from toolkit.recipes.train.kept import Arithmetic, Encoder, Held, Place, Step
from toolkit.recipes.train.memory import MIB, USED, Memory, most_tokens, predict_scoring, predict_training
from toolkit.recipes.train.shape import arithmetic_of, publishes_head, shape_of
from toolkit.tasks.kinds import Kind

ROW_TOKENS: Mapping[Kind, int] = {"pair": 64, "choice": 200, "span": 320, "tags": 48, "text": 128, "retrieval": 256}
"""Tokens of a row of mean length, all its sequences together, where rows are not looked at."""
# Of a row.
_SEQUENCES: Mapping[Kind, int] = {"pair": 1, "choice": 4, "span": 1, "tags": 1, "text": 1, "retrieval": 2}
_READS_FIRST: frozenset[Kind] = frozenset({"pair", "choice"})  # kinds whose heads read the first token


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
                for name in ("process", "weights", "optimizer", "passes", "checkpoint", "loading")
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
    free = free_memory() if how.place == "cpu" else None
    found = [
        _of_stage(stage, session, encoder, how, row_tokens=row_tokens, free=free)
        for stage in stages
        if stage.merge is None
    ]
    scored = stages[-1].circuit if stages and stages[-1].merge is None else expression
    tokens = config.eval.batch_size * TOKENS_PER_ROW
    tokens = min(tokens, CPU_TOKENS) if how.place == "cpu" else tokens
    memory = predict_scoring(encoder, Held.of(scored, (), encoder, config.adapter), how, tokens=tokens)
    found.append(Room(f"eval {expression}", "", tokens, f"batches of {tokens:,} tokens", memory))
    precision = config.backbone.precision
    if precision == "auto":
        precision = "fp32" if how.number == 4 else "bf16"
    return Rooms(tuple(found), how.place, precision, free)


def _of_stage(
    stage: Stage, session: Session, encoder: Encoder, how: Arithmetic, *, row_tokens: int | None, free: int | None
) -> Room:
    config = session.config
    kinds = {session.catalogue.training_task(session.catalogue.get(ref.name)).kind for ref in stage.tasks}
    learns_masked = "text" in kinds and not publishes_head(config)
    held = Held.of(stage.circuit, stage.learn, encoder, config.adapter, learns_masked=learns_masked)
    each = row_tokens or max(ROW_TOKENS[kind] for kind in kinds)
    train = in_shares(config.train, processes=session.ranks.count)
    rows = of_step = train.rows_of_step() if train.batch_size == "auto" else train.batch_size
    step = Step(
        tokens=0,
        length=max(each // _SEQUENCES.get(kind, 1) for kind in kinds),
        reads_first=kinds <= _READS_FIRST,
        masked=train.mask_rate if "text" in kinds else 0.0,
    )
    if train.batch_size == "auto" and free is not None:
        most = most_tokens(encoder, held, how, replace(step, is_cut=True), room=int(USED * free))
        while rows > 1 and rows * each > most:
            rows = -(-rows // 2)
    step = replace(step, tokens=rows * each, is_cut=train.accumulate > 1 or rows < of_step)
    memory = predict_training(encoder, held, how, step).within(free)
    basis = f"{rows} rows of {each} tokens" + ("" if row_tokens else " (--row-tokens says it better)")
    return Room(f"train {stage.entry}", stage.entry, step.tokens, basis, memory)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f}" if size >= 2**30 / 10 else f"{size / 2**30:.2f}"
