"""Sequences that an adapter is distilled on: rows of a task without their labels, or lines of a text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.features import Features, sentence_features
from toolkit.files import read_regular
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.score.evaluate import task_features
from toolkit.recipes.session.session import Session
from toolkit.tasks.draw import places_drawn
from toolkit.training.distil import without_labels

MOST_ROWS = 10_000  # without `train.limit`: the teacher's hidden states are held in memory
HELD_OUT = 0.1  # share of the rows on which the best weights are chosen


@dataclass(frozen=True)
class Sequences:
    """Tokens without labels.

    Attributes:
        learnt: those that are learnt from.
        kept_out: those that choose the best weights.
        described: what they are, for the card.
    """

    learnt: Features
    kept_out: Features
    described: dict[str, object]


def sequences_for(circuit: Circuit, task: str, text_file: Path | None, session: Session) -> Sequences:
    """Return the sequences that a circuit teaches on: lines of a text where one is given, else a task's training rows."""
    settings = session.config.train
    limit = settings.limit or MOST_ROWS
    if text_file is not None:
        return _of_lines(circuit, text_file, limit, settings.seed)
    source = session.catalogue.source_task(session.catalogue.get(task))
    root = session.config.data_root
    rows = source.rows("train", source.train_language, data_root=root, limit=limit, seed=settings.seed)
    kept_out = places_drawn(len(rows), max(1, round(HELD_OUT * len(rows))), seed=settings.seed)
    learnt = sorted(set(range(len(rows))) - set(kept_out))
    first, second = (task_features(rows.select(part), source, circuit, session) for part in (learnt, kept_out))
    described = {"task": source.name, "split": "train", "rows": len(rows), "fingerprint": rows.fingerprint}
    return Sequences(without_labels(first), without_labels(second), described)


def _of_lines(circuit: Circuit, text_file: Path, limit: int, seed: int) -> Sequences:
    try:
        every = [line for line in read_regular(text_file).decode("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ToolkitError(f"{text_file} cannot be read as UTF-8 text ({error}); expected a sentence a line.") from None
    texts = [every[place] for place in places_drawn(len(every), limit, seed=seed)]
    if len(texts) < 2:
        raise ToolkitError(f"{text_file} has {len(texts)} lines; expected at least two sentences, one a line.")
    kept_out = set(places_drawn(len(texts), max(1, round(HELD_OUT * len(texts))), seed=seed))
    length, tokenizer = circuit.backbone.max_tokens, circuit.backbone.tokenizer
    parts = ([text for place, text in enumerate(texts) if (place in kept_out) == is_kept] for is_kept in (False, True))
    first, second = (sentence_features(part, tokenizer, max_length=length) for part in parts)
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    described = {"text": text_file.name, "lines": len(texts), "sha256": digest}
    return Sequences(without_labels(first), without_labels(second), described)
