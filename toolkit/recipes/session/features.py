"""Tokens of rows, as training and scoring want them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toolkit.config import EvalConfig, TrainConfig
from toolkit.features import MAX_LENGTH, Features, Tokenising
from toolkit.features.cache import GIB, cached_features
from toolkit.features.language_doubts import LOOKED_AT, language_doubt
from toolkit.modeling.backbone import Backbone
from toolkit.progress import under_way
from toolkit.recipes.session.limits import tokens_read
from toolkit.recipes.session.session import Session
from toolkit.tasks import Row, Task, TextRow
from toolkit.tasks.kinds import Kind
from toolkit.tasks.task import Rows


def tokenising(task: Task, backbone: Backbone, settings: TrainConfig | EvalConfig) -> Tokenising:
    """Return how rows of a task become sequences for a backbone; raise ToolkitError where it reads none as long as asked for."""
    own = task.passage_tokens or MAX_LENGTH[task.kind]
    key = f"{'train' if isinstance(settings, TrainConfig) else 'eval'}.max_length"
    return Tokenising(
        max_length=tokens_read(key, settings.max_length, own=own, most=backbone.max_tokens, name=backbone.name),
        stride=settings.stride,
        label_piece=settings.label_piece,
        query_length=task.query_tokens,
    )


def doubts(rows: Sequence[Row], language: str, where: str, tokenizer: Any) -> Iterator[str]:
    """Yield a warning where plain text may be in another language than it is said to be; of other rows nothing."""
    if not rows or not isinstance(rows[0], TextRow):
        return
    some = (rows[place] for place in range(0, len(rows), max(1, len(rows) // LOOKED_AT)))
    doubt = language_doubt([row.text for row in some if isinstance(row, TextRow)], language, tokenizer)
    if doubt:
        yield f"{where}: {doubt}"


def features_for(
    rows: Rows,
    kind: Kind,
    backbone: Backbone,
    settings: TrainConfig | EvalConfig,
    session: Session,
    *,
    what: str,
) -> Features:
    """Return the tokens of `rows` by the settings of training or evaluation, from the cache where it has them."""
    if rows.road:
        session.tell.once(f"{rows.task.name}: {rows.road}.")
    for note in rows.notes:
        session.tell.once(f"{rows.task.name} {rows.language} ({rows.split}): {note}.")
    with under_way(session.report, what):
        for sentence in doubts(
            rows, rows.language, f"{rows.task.name} {rows.language} ({rows.split})", backbone.tokenizer
        ):
            session.tell.once(sentence)
        return cached_features(
            rows,
            kind,
            backbone.tokenizer,
            tokenising(rows.task, backbone, settings),
            max_bytes=round(session.config.cache_gib * GIB),
            say=session.say,
        )
