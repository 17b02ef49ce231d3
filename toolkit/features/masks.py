"""Masks of texts: which pieces are guessed, drawn anew for every training step, and once and for all for scoring.

Source: Devlin et al. 2019, *BERT* (15 % of the pieces; of these 80 % become `<mask>`, 10 % another piece, 10 % stay); `MaskTokensDataset`
of fairseq, which trained XLM-R, for how many are drawn, for whole words, and for the pieces that may be put in
(docs/decisions/0067-text.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from toolkit.errors import DataError
from toolkit.features.collate import IGNORED, SPACE, Batch, Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.kinds import MASKED

RATE = 0.15  # of the pieces that are scored
AS_MASK, AS_OTHER = 0.8, 0.1  # shares of the chosen pieces that become `<mask>`, or any other piece
_known: WeakKeyDictionary[Any, Pieces] = WeakKeyDictionary()


@dataclass(frozen=True)
class Pieces:
    """Vocabulary, as far as masks look at it.

    Attributes:
        mask_id: number of `<mask>`.
        names: the text of each piece.
        is_special: bool [V], of `<s>`, `<pad>`, `</s>`, `<unk>` and `<mask>`: never chosen, and never put in.
        is_start: bool [V], whether a word begins with the piece.
    """

    mask_id: int
    names: tuple[str, ...]
    is_special: np.ndarray
    is_start: np.ndarray

    @classmethod
    def of(cls, tokenizer: Any) -> Pieces:
        """Return the vocabulary of a fast tokenizer."""
        if tokenizer not in _known:
            names = tuple(str(name) for name in tokenizer.convert_ids_to_tokens(range(len(tokenizer))))
            is_special = np.zeros(len(names), bool)
            is_special[list(tokenizer.all_special_ids)] = True
            is_start = np.fromiter((name.startswith(SPACE) for name in names), bool, len(names))
            _known[tokenizer] = cls(int(tokenizer.mask_token_id), names, is_special, is_start)
        return _known[tokenizer]

    def counts(self, ids: np.ndarray) -> np.ndarray:
        """Return how often each piece occurs, int64 [V]; special ones 0."""
        found = np.bincount(ids, minlength=len(self.is_special))
        return np.where(self.is_special, 0, found)


@dataclass(frozen=True)
class Masks:
    """Masks of training: another draw for every step.

    Attributes:
        pieces: the vocabulary.
        rate: share of the pieces, or words, that are chosen.
        whole_word: choose all pieces of a word together.
        seed: of all draws.
    """

    pieces: Pieces
    rate: float
    whole_word: bool
    seed: int

    def apply(self, batch: Batch, step: int) -> Batch:
        """Return a collated batch with pieces masked, and in `tags` [B, T] what they were (`IGNORED` elsewhere).

        A pure function of the batch, the step and the seed, so that a run that continues draws the same.
        """
        ids = batch["input_ids"]
        rng = np.random.default_rng([self.seed % 2**64, step])
        is_chosen = np.zeros(ids.shape, bool)
        may_be = ~self.pieces.is_special[ids] & (batch["attention_mask"] > 0)
        for row in range(len(ids)):
            is_chosen[row] = self._chosen(ids[row], np.flatnonzero(may_be[row]), rng)
        kind = rng.random(ids.shape)
        others = np.flatnonzero(~self.pieces.is_special)
        masked = np.where(is_chosen & (kind < AS_MASK), self.pieces.mask_id, ids)
        is_other = is_chosen & (kind >= AS_MASK) & (kind < AS_MASK + AS_OTHER)
        masked[is_other] = others[rng.integers(len(others), size=int(is_other.sum()))]
        return {**batch, "input_ids": masked, "tags": np.where(is_chosen, ids, IGNORED)}

    def _chosen(self, ids: np.ndarray, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return which tokens of a sequence are chosen: bool [T]; the share is met on average, as fairseq rounds it."""
        found = np.zeros(len(ids), bool)
        if not self.whole_word:
            count = int(self.rate * len(places) + rng.random())
            found[rng.choice(places, count, replace=False)] = True
            return found
        # A piece behind one that cannot be chosen begins a word too: a sequence may begin inside one.
        is_first = self.pieces.is_start[ids[places]] | (np.diff(places, prepend=-2) > 1)
        word_of = np.cumsum(is_first) - 1
        n_words = int(word_of[-1]) + 1 if len(places) else 0
        count = int(self.rate * n_words + rng.random())
        found[places[np.isin(word_of, rng.choice(n_words, count, replace=False) if n_words else [])]] = True
        return found


def with_fixed_masks(features: Features, pieces: Pieces) -> Features:
    """Return features of texts with the masks that every score is made with: the same for every model and seed.

    In each row 15 % of the pieces, at least one, become `<mask>`; which ones is decided by the row's own pieces, whatever
    else is scored with it. `extra["names"]` has the text of every piece.

    Raises:
        DataError: no row has a piece that can be masked.
    """
    values, rows = features.input_ids.values, features.extra["rows"].values
    places = np.flatnonzero(~pieces.is_special[values] & (rows >= 0))
    if not len(places):
        raise DataError(f"None of the {features.n_rows} rows has a piece that can be masked; expected text.")
    tags = np.full(len(values), IGNORED, np.int64)
    for own in np.split(places, np.flatnonzero(np.diff(rows[places])) + 1):
        digest = hashlib.blake2b(values[own].astype("<i4").tobytes(), digest_size=8).digest()
        rng = np.random.default_rng(int.from_bytes(digest, "little"))
        chosen = own[rng.choice(len(own), max(1, round(RATE * len(own))), replace=False)]
        tags[chosen] = values[chosen]
    masked = np.where(tags == IGNORED, values, pieces.mask_id).astype(values.dtype)
    offsets = features.input_ids.offsets
    return replace(
        features,
        input_ids=Ragged(masked, offsets),
        tags=Ragged(tags, offsets),
        extra={**features.extra, "names": pieces.names},
    )


def with_names(features: Features, tokenizer: Any) -> Features:
    """Return features of texts with what turns their answers into words: the text of every piece, and of `<mask>`."""
    if features.kind not in MASKED:
        return features
    return replace(
        features, extra={**features.extra, "names": Pieces.of(tokenizer).names, "mask": str(tokenizer.mask_token)}
    )


def masked_rows(features: Features) -> Sequence[int]:
    """Return the row of each masked piece, in the order of the tokens."""
    assert features.tags is not None
    found: list[int] = features.extra["rows"].values[features.tags.values != IGNORED].tolist()
    return found
