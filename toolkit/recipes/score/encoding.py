"""Vectors of sentences by layer and pooling, and the protocols that ask for them."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from toolkit.config import Config, RetrieveConfig
from toolkit.embeddings import Key, Store, Vectors
from toolkit.embeddings.store import Encode
from toolkit.errors import ToolkitError
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import vector_key
from toolkit.progress import Progress
from toolkit.recipes.score.shards import ENCODINGS, Source, encode_ahead
from toolkit.recipes.session.circuits import arithmetic
from toolkit.recipes.session.limits import tokens_read
from toolkit.recipes.session.noise import with_noise
from toolkit.recipes.session.session import Session
from toolkit.registry import each_once
from toolkit.results.score import System
from toolkit.retrieval import PROTOCOLS, Protocol, get_protocol
from toolkit.texts import arranged


@dataclass(frozen=True)
class Reading:
    """A protocol at a layer: which vectors are taken, and what is done with them.

    Attributes:
        protocol: with the settings that were given by hand.
        layer: hidden state that is pooled.
        depth: layers of the backbone.
    """

    protocol: Protocol
    layer: int
    depth: int

    @property
    def wanted(self) -> tuple[int, str]:
        """What it wants of the encoder."""
        return self.layer, self.protocol.pooling

    @property
    def folder(self) -> str:
        """A name for what it writes."""
        return f"{self.protocol.name.replace('*', '-changed')}-layer{self.layer}"

    def head(self) -> str:
        """Return the first words of its protocol."""
        return f"protocol={self.protocol.name} layer={self.layer}/{self.depth} pooling={self.protocol.pooling}"


class Encoder:
    """Encodes each distinct sentence once, for all readings; what the store holds is not encoded again.

    Args:
        circuit: wired, in place for as long as the encoder is used.
        session: the batch size, the limit on tokens and the store of its configuration are used; damaged shards are named.
        readings: what will be asked for.

    Attributes:
        keys: of the vectors in the store, by layer and pooling.
        n_encoded: sentences that went through the encoder so far; those that the store held did not.
    """

    def __init__(self, circuit: Circuit, session: Session, readings: Iterable[Reading]) -> None:
        config = session.config
        self.circuit = circuit
        asked, backbone = config.retrieve.max_length, circuit.backbone
        self.max_length = tokens_read(
            "retrieve.max_length", asked, own=asked, most=backbone.max_tokens, name=backbone.name
        )
        self.n_encoded = 0
        self.dtype = config.store.dtype
        self._batch_size = config.eval.batch_size
        self._report = session.report
        self._staff, self._tell, self._zoo = session.staff, session.tell, str(config.zoo)
        self._store = Store(config.store.folder, shard=config.store.shard, say=session.say)
        self._wanted = tuple(dict.fromkeys(reading.wanted for reading in readings))
        self._taken: dict[str, str] = {}  # language adapters, by language
        self.keys = self._keys()

    def _keys(self) -> dict[Hashable, Key]:
        return {
            (layer, pooling): vector_key(
                self.circuit, layer=layer, pooling=pooling, max_length=self.max_length, dtype=self.dtype
            )
            for layer, pooling in self._wanted
        }

    def turn_to(self, language: str) -> None:
        """Encode texts in a language from now on; only a composition that follows the language of its rows needs it."""
        adapter = self.circuit.turn_to(language)
        if adapter:
            self._taken[language] = adapter
            self.keys = self._keys()

    def by_language(
        self, texts: Sequence[str], languages: Sequence[str], what: str
    ) -> Mapping[tuple[int, str], Vectors | np.ndarray]:
        """Return the vectors of texts that are each in a language; those of several adapters are held in memory."""
        if not self.circuit.asked.follows_rows:
            return self(texts, what)
        found = {one: np.zeros((len(texts), self.circuit.backbone.hidden_size), np.float32) for one in self._wanted}
        for language in dict.fromkeys(languages):
            own = [place for place, each in enumerate(languages) if each == language]
            self.turn_to(language)
            for one, vectors in self([texts[place] for place in own], f"{what}: {language}").items():
                found[one][own] = np.asarray(vectors)
        return found

    def __call__(self, texts: Sequence[str], what: str) -> dict[tuple[int, str], Vectors]:
        """Return unit vectors [N, H] by layer and pooling; they stay in the store's files until rows are taken."""
        if self._staff is not None:
            self.ahead([arranged(texts).distinct], what)
        found = self._store.vectors(self.keys, texts, self._encode(what), self.circuit.backbone.hidden_size)
        return cast(dict[tuple[int, str], Vectors], found)

    def of_distinct(self, texts: Sequence[str], what: str) -> dict[tuple[int, str], Vectors]:
        """Return the same for texts that are sorted and distinct (`toolkit.texts.arranged`), which are never all in memory."""
        self.ahead([texts], what)
        found = self._store.of_distinct(self.keys, texts, self._encode(what), self.circuit.backbone.hidden_size)
        return cast(dict[tuple[int, str], Vectors], found)

    def ahead(self, requests: Sequence[Sequence[str]], what: str) -> None:
        """Let the staff of the session encode what it lacks of several requests, so that no process waits for one of them.

        Without a staff, or in the language of the rows (`text.*`), this does nothing: each request is encoded when it is made.

        Args:
            requests: texts, sorted and distinct, as they will be asked for.
            what: for progress.
        """
        if (
            self._staff is not None and not self.circuit.asked.follows_rows
        ):  # the staff wires one composition, which turns to nothing
            circuit = self.circuit
            source = Source(str(circuit.composition), self._zoo, self.keys, circuit.backbone.hidden_size)
            self.n_encoded += encode_ahead(self._staff, self._store, source, requests, f"encode {what}", self._tell)

    def _encode(self, what: str) -> Encode:
        began = time.perf_counter()

        def encode(
            shard: Sequence[str], wanted: Sequence[Hashable], before: int, total: int
        ) -> dict[Hashable, np.ndarray]:
            def report(progress: Progress) -> None:
                # Sentences of one token sequence are encoded once, so a shard may have fewer to do than texts.
                done = before + round(len(shard) * progress.done / max(progress.total, 1))
                speed = {"sentences/s": done / max(time.perf_counter() - began, 1e-9)}
                self._report(Progress(f"encode {what}", done, total, speed))

            found = ENCODINGS["sentence"](
                self.circuit, shard, [self.keys[name] for name in wanted], self._batch_size, "embed", report
            )
            self.n_encoded += found.n
            return dict(zip(wanted, found.vectors, strict=True))

        return encode

    def system(self, protocol: str, config: Config, *languages: str) -> System:
        """Return what is scored: the composition, by a protocol on rows with the noise of `config`, in the languages of their sides."""
        circuit = self.circuit
        taken = ", ".join(dict.fromkeys(self._taken[each] for each in languages if each in self._taken))
        words = with_noise(protocol, config)
        return System(str(circuit.asked), circuit.backbone.name, words, language_adapter=taken)

    def tail(self) -> str:
        """Return the last words of every protocol."""
        stored = "" if self.dtype == "float32" else f" stored={self.dtype}"
        return f"max_length={self.max_length} {arithmetic(self.circuit)}{stored}"


def readings(settings: RetrieveConfig, n_layers: int, backbone: str, layers: str | None = None) -> list[Reading]:
    """Return the readings that are asked for: each protocol, at its own layer or at all that are named.

    Args:
        settings: the protocol, and what was changed of it by hand.
        n_layers: depth of the backbone.
        backbone: its name, for a fault.
        layers: `all`, or numbers with commas; None: one layer.

    Raises:
        ToolkitError: a layer does not exist or is not a number, or both `layers` and `retrieve.layer` are given.
    """
    names = PROTOCOLS if settings.protocol == "all" else (settings.protocol,)
    if layers is not None and settings.layer is not None:
        raise ToolkitError(
            f"Both --layers {layers} and retrieve.layer={settings.layer} are given; leave one of them out."
        )
    found = []
    for name in names:
        protocol = get_protocol(name).having(
            pooling=settings.pooling,
            direction=settings.direction,
            margin=settings.margin,
            k=settings.k,
            duplicates=settings.duplicates,
            threshold=settings.threshold,
        )
        own = protocol.layer(n_layers)
        for layer in _layers(layers, n_layers) if layers else [own if settings.layer is None else settings.layer]:
            if not 0 <= layer <= n_layers:
                raise ToolkitError(f"Layer {layer} does not exist: {backbone} has layers 0 to {n_layers}.")
            changed = protocol if layer == own else protocol.having(depth=layer / n_layers)
            found.append(Reading(changed, layer, n_layers))
    return found


def _layers(text: str, n_layers: int) -> list[int]:
    if text == "all":
        return list(range(n_layers + 1))
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise ToolkitError(f"--layers '{text}' names no layers; expected `all`, or numbers such as 4,7,12.") from None
    return sorted(each_once(found, "layer"))


def by_layer(values: Iterable[tuple[Reading, float]]) -> Mapping[str, Mapping[int, float]]:
    """Return for each protocol its mean score by layer; a protocol's changed layer does not make it another."""
    gathered: dict[str, dict[int, list[float]]] = {}
    for reading, value in values:
        name = reading.protocol.name.removesuffix("*")
        gathered.setdefault(name, {}).setdefault(reading.layer, []).append(value)
    return {
        name: {layer: sum(found) / len(found) for layer, found in layers.items()} for name, layers in gathered.items()
    }
