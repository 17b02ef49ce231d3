"""Items: texts, pairs of texts, or words in their text, each of which gets one vector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.errors import DataError
from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.features.sentence import sentence_features
from toolkit.features.span import SHORTEST, span_features
from toolkit.features.tags import tags_features
from toolkit.tasks.rows import SpanRow, TagsRow

WHOLE = -1  # the place of an item that stands for its whole text


@dataclass(frozen=True, slots=True)
class Item:
    """A text, a pair of texts, or a word in its text: what one vector represents.

    Attributes:
        first: a text, or its words if it comes cut into words.
        second: the text behind it (hypothesis, choice, context); None: there is none.
        word: None: the whole of both texts. Of a text cut into words the number of the word, of a pair the character of
            `second` at which the word begins.

    Example:
        >>> item = Item(("It", "rains"), None, 1)
        >>> item.text, Item.of(item.text) == item
        ('[["It", "rains"], null, 1]', True)
    """

    first: str | tuple[str, ...]
    second: str | None = None
    word: int | None = None

    @property
    def text(self) -> str:
        """One line that says which item it is: its name in a store."""
        return json.dumps([self.first, self.second, self.word], ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> Item:
        """Return the item whose `text` this is."""
        first, second, word = json.loads(text)
        return cls(tuple(first) if isinstance(first, list) else first, second, word)


@dataclass(frozen=True)
class ItemFeatures:
    """Tokenised items; all items of one text share its sequences.

    Attributes:
        features: the sequences.
        owners: int64 [N], the sequence of each item.
        places: int64 [N], the token of its sequence that a word item is read from, or `WHOLE`.
    """

    features: Features
    owners: np.ndarray
    places: np.ndarray


def item_features(items: Sequence[Item], tokenizer: Any, *, max_length: int) -> ItemFeatures:
    """Tokenise items as their kinds of task are tokenised; a text is one sequence however many of its words are asked for.

    A sentence is `<s> text </s>`, a pair `<s> first </s></s> second </s>`. If a text is longer than `max_length`, a word is
    read from the first window that holds it, and a whole text from its first window. A word is read from the piece
    that carries its label in a tagging task, or the piece that holds its first character.

    Args:
        max_length: tokens a sequence, special ones included.

    Raises:
        DataError: a word item of a text that has no such word.
    """
    asked: dict[str, dict[tuple[Any, ...], list[int]]] = {"words": {}, "sentence": {}, "pair": {}}
    for at, item in enumerate(items):
        shape = "words" if isinstance(item.first, tuple) else "sentence" if item.second is None else "pair"
        asked[shape].setdefault((item.first, item.second), []).append(at)
    owners, places = np.zeros(len(items), np.int64), np.full(len(items), WHOLE, np.int64)
    sequences: list[np.ndarray] = []

    def take(found: Features, groups: Sequence[list[int]], carriers: Ragged | None) -> None:
        starts = np.searchsorted(found.source_row, np.arange(len(groups) + 1))
        kept: dict[int, int] = {}
        for row, group in enumerate(groups):
            for at in group:
                window, place = int(starts[row]), WHOLE
                if (word := items[at].word) is not None:
                    window, place = _carrier(carriers, range(window, int(starts[row + 1])), word, items[at])
                if window not in kept:
                    kept[window] = len(sequences)
                    sequences.append(found.input_ids[window])
                owners[at], places[at] = kept[window], place

    if groups := asked["words"]:
        rows = [TagsRow("", first, (0,) * len(first)) for first, _ in groups]
        found = tags_features(rows, tokenizer, max_length=max_length)
        take(found, list(groups.values()), found.extra["words"])
    if groups := asked["sentence"]:
        take(
            sentence_features([first for first, _ in groups], tokenizer, max_length=max_length),
            list(groups.values()),
            None,
        )
    if groups := asked["pair"]:
        length = max(max_length, SHORTEST)
        pairs = [SpanRow("", first, second, ()) for first, second in groups]
        found = span_features(pairs, tokenizer, max_length=length, stride=length // 4)
        take(found, list(groups.values()), found.extra["char_spans"])
    return ItemFeatures(
        Features(
            kind="bitext",
            input_ids=Ragged.of([each.tolist() for each in sequences]),
            source_row=np.arange(len(sequences)),
            n_rows=len(sequences),
        ),
        owners,
        places,
    )


def _carrier(carriers: Ragged | None, windows: range, word: int, item: Item) -> tuple[int, int]:
    """Return the first window that holds a word, and the token that it is read from."""
    for window in windows if carriers is not None else ():
        assert carriers is not None
        held = carriers[window]
        if held.ndim == 1:
            found = np.flatnonzero(held == word)  # the word whose label a token carries
        else:
            # Characters of `second` that a token covers; a bare `▁` covers none.
            found = np.flatnonzero((held[:, 0] <= word) & (held[:, 1] > word))
        if len(found):
            return window, int(found[0])
    raise DataError(f"No token of {item.text[:80]} holds the word at {word}; expected a word of that text.")
