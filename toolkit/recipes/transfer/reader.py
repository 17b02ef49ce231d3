"""Circuits of entries, one at a time, and what they make of items: vectors, kept in the embedding store."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from toolkit.embeddings import Key, Store, Vectors
from toolkit.features.item import Item
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import vector_key
from toolkit.recipes.score.shards import ENCODINGS, Source, encode_ahead
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.limits import tokens_read
from toolkit.recipes.session.session import Session
from toolkit.zoo import Zoo

BARE = "backbone"


class Reader:
    """Reads items with the circuit of an entry, without its head; what the store holds is not read again.

    Args:
        session: of the configuration, whose backbone, zoo and store are used.
        zoos: entry -> the zoo that holds it, for entries that are not in the session's zoo.

    Attributes:
        store: keeps the vectors.
        n_encoded: sequences that went through an encoder so far; those of stored vectors did not.
    """

    def __init__(self, session: Session, zoos: Mapping[str, Path]) -> None:
        self._session, self._zoos = session, zoos
        settings = session.config.store
        self.store = Store(settings.folder, shard=settings.shard, say=session.say)
        self.n_encoded = 0
        self._wired: tuple[str, Circuit] | None = None
        self._backbone: Backbone | None = None
        self._keys: dict[str, Key] = {}

    def close(self) -> None:
        """Take the wired circuit out of the backbone."""
        if self._wired is not None:
            self._wired[1].close()
            self._wired = None

    def ahead(self, entry: str, requests: Sequence[Sequence[Item]]) -> None:
        """Let the staff of the session encode what several requests to an entry lack, all of it at once; alone, do nothing."""
        session = self._session
        if session.staff is not None:
            source = Source(entry, str(self.zoo(entry).root), {"probe": self._key(entry)}, self.backbone.hidden_size)
            texts = [sorted({item.text for item in items}) for items in requests]
            self.n_encoded += encode_ahead(
                session.staff, self.store, source, texts, f"{entry} reads {len(texts)} sets of texts", session.tell
            )

    def vectors(self, entry: str, items: Sequence[Item], what: str) -> Vectors:
        """Return the last layer's vectors of items [N, H], in their order; `what` names them for progress."""
        self.ahead(entry, [items])
        key, batch_size, label = self._key(entry), self._session.config.eval.batch_size, f"{entry} reads {what}"

        def encode(
            shard: Sequence[str], wanted: Sequence[Hashable], before: int, total: int
        ) -> dict[Hashable, np.ndarray]:
            found = ENCODINGS["probe"](self._circuit(entry), shard, [key], batch_size, label, self._session.report)
            self.n_encoded += found.n
            return dict(zip(wanted, found.vectors, strict=True))

        texts = [item.text for item in items]
        return self.store.vectors({"probe": key}, texts, encode, self.backbone.hidden_size)["probe"]

    @property
    def max_length(self) -> int:
        """Tokens of a text that are read."""
        asked, backbone = self._session.config.similarity.max_length, self.backbone
        return tokens_read("similarity.max_length", asked, own=asked, most=backbone.max_tokens, name=backbone.name)

    @property
    def backbone(self) -> Backbone:
        """The encoder."""
        if self._backbone is None:
            self._circuit(BARE)
        assert self._backbone is not None
        return self._backbone

    def zoo(self, entry: str) -> Zoo:
        """Return the zoo that holds an entry."""
        return Zoo(self._zoos.get(entry, self._session.config.zoo))

    def session_of(self, entry: str) -> Session:
        """Return the session with the zoo that holds an entry."""
        return self._session.with_config(replace(self._session.config, zoo=self.zoo(entry).root))

    def _key(self, entry: str) -> Key:
        if entry not in self._keys:
            circuit = self._circuit(entry)
            key = vector_key(
                circuit,
                layer=circuit.backbone.n_layers,
                pooling="mean",
                max_length=self.max_length,
                dtype=self._session.config.store.dtype,
            )
            self._keys[entry] = replace(key, kind="probe")
        return self._keys[entry]

    def _circuit(self, entry: str) -> Circuit:
        """Return the wired circuit of an entry, without its head; the circuit before is taken out."""
        if self._wired is None or self._wired[0] != entry:
            self.close()
            circuit, _ = trained_circuit(entry, self.session_of(entry), heads={})
            self._wired, self._backbone = (entry, circuit), circuit.backbone
        return self._wired[1]
