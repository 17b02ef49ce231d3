"""Shards of the store of embeddings that a journey lacks: how one is encoded, here or by its staff."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from toolkit.config.words import Pooling
from toolkit.embeddings import Key, Store
from toolkit.engine.messages import Answer, Event, Failed, Job, Progressed, Said
from toolkit.features.item import Item, item_features
from toolkit.features.parts import sentences_in_parts
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import embed_all
from toolkit.modeling.states import item_states
from toolkit.progress import Progress, Report, Tell
from toolkit.recipes.session.staff import Staff


@dataclass(frozen=True)
class Encoded:
    """Vectors of texts.

    Attributes:
        vectors: float32 [N, D] for each key that was asked for.
        n: sequences that went through the encoder.
    """

    vectors: Sequence[np.ndarray]
    n: int


def _sentences(
    circuit: Circuit, texts: Sequence[str], keys: Sequence[Key], batch_size: int, what: str, report: Report
) -> Encoded:
    features = sentences_in_parts(texts, circuit.backbone.tokenizer, max_length=keys[0].max_length)
    wanted = [(key.layer, cast(Pooling, key.pooling)) for key in keys]
    found = embed_all(circuit, features, wanted, batch_size=batch_size, what=what, report=report)
    return Encoded([found[each] for each in wanted], len(texts))


def _probes(
    circuit: Circuit, texts: Sequence[str], keys: Sequence[Key], batch_size: int, what: str, report: Report
) -> Encoded:
    items = [Item.of(text) for text in texts]
    found = item_features(items, circuit.backbone.tokenizer, max_length=keys[0].max_length)
    vectors = item_states(circuit, found, batch_size=batch_size, what=what, report=report)
    return Encoded([vectors] * len(keys), len(found.features))


ENCODINGS: Mapping[str, Callable[[Circuit, Sequence[str], Sequence[Key], int, str, Report], Encoded]] = {
    "sentence": _sentences,
    "probe": _probes,
}
"""By `Key.kind`: how texts become vectors under keys that differ in nothing but layer and pooling."""


@dataclass(frozen=True)
class EncodeShard(Job):
    """Job: encode the texts of a shard, and put their vectors into the store.

    Attributes:
        expression: composition that encodes.
        zoo: that holds its entries.
        texts: of the shard.
        keys: that its vectors are stored under.
    """

    expression: str
    zoo: str
    texts: tuple[str, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class ShardEncoded(Answer):
    """Answer to `EncodeShard`: how many sequences went through the encoder."""

    n: int


@dataclass(frozen=True)
class Source:
    """Where the vectors of shards come from.

    Attributes:
        expression: composition that encodes.
        zoo: that holds its entries.
        keys: what is stored, by name.
        width: of the vectors.
    """

    expression: str
    zoo: str
    keys: Mapping[Hashable, Key]
    width: int


def encode_ahead(
    staff: Staff, store: Store, source: Source, requests: Sequence[Sequence[str]], what: str, tell: Tell
) -> int:
    """Let a staff encode all shards that requests for vectors lack; return how many sequences went through the encoder.

    Args:
        staff: that encodes; where nothing is lacking, it is not even started.
        store: that keeps the vectors.
        source: of the vectors.
        requests: sorted, distinct texts.
        what: for progress, over all processes.
        tell: where progress and sentences go.

    Raises:
        ToolkitError: a shard could not be encoded; those that were are kept.
    """
    lacking = store.lacking(source.keys, requests, source.width)
    if not lacking:
        return 0
    from toolkit.engine.pool import do_all

    shown = _Shown({str(at): len(shard.places) for at, shard in enumerate(lacking)}, what, tell)
    jobs = (
        (
            str(at),
            EncodeShard(
                source.expression, source.zoo, tuple(shard.texts), tuple(source.keys[name] for name in shard.names)
            ),
        )
        for at, shard in enumerate(lacking)
    )
    n = 0
    for key, found in do_all(staff.engine(), jobs, ShardEncoded, on_event=shown.hear, say=tell.say):
        n += found.n
        shown.end(key)
    return n


class _Shown:
    """Progress over all processes.

    Args:
        sizes: texts of each job.
        what: is done.
        tell: where it goes.
    """

    def __init__(self, sizes: Mapping[str, int], what: str, tell: Tell) -> None:
        self._sizes, self._what, self._tell = sizes, what, tell
        self._total, self._whole = sum(sizes.values()), 0
        self._parts: dict[str, float] = {}
        self._began = time.perf_counter()
        self._report()

    def hear(self, key: str, event: Event) -> None:
        """Take an event that is not the end of a job."""
        match event:
            case Progressed(_, done, total):
                self._parts[key] = self._sizes[key] * done / max(total, 1)
                self._report()
            case Said(text):
                self._tell.once(text)
            case Failed():
                self._parts.pop(key, None)

    def end(self, key: str) -> None:
        """Count a job as done."""
        self._parts.pop(key, None)
        self._whole += self._sizes[key]
        self._report()

    def _report(self) -> None:
        done = self._whole + sum(self._parts.values())
        speed = done / max(time.perf_counter() - self._began, 1e-9)
        # What processes have encoded and not yet written is not the end.
        shown = min(round(done), self._total - (self._whole < self._total))
        self._tell.progress(Progress(self._what, shown, self._total, {"sentences/s": speed}))
