"""Features of plain texts: packed into sequences that are full, or one by one where their masks are to be filled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from toolkit.errors import DataError
from toolkit.features.collate import IGNORED, SPACE, Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import TextRow

PART = 512  # texts that are cut into pieces at once: what a tokenizer keeps of them is a hundred times as much
LONGEST = 10_000  # characters of a text that are cut at once
BETWEEN = -1  # row of a token that belongs to none


def text_features(rows: Sequence[TextRow], tokenizer: Any, *, max_length: int) -> Features:
    """Tokenise texts and pack them: `<s> text </s> text </s>`, as many whole texts as there is room for.

    A text that is longer than a sequence is cut into several, and what is left of it is packed with the next ones. Nothing
    is lost. Source: fairseq's `TokenBlockDataset` with complete sentences, as XLM-R was trained.

    Args:
        max_length: tokens a sequence, special ones included.

    Returns:
        Items are sequences. `extra["rows"]`: Ragged int32 [T], the row of each token, `BETWEEN` of special ones.
    """
    packed = _Packed(tokenizer.bos_token_id, tokenizer.eos_token_id, max_length)
    for number, pieces in enumerate(_pieces_of([row.text for row in rows], tokenizer)):
        packed.add(number, pieces)
    return packed.features(len(rows))


def filled_features(rows: Sequence[TextRow], tokenizer: Any, *, max_length: int) -> Features:
    """Tokenise texts in which `<mask>` is written where a piece is missing: sequences of one text each.

    Returns:
        As `text_features`; `tags` are 0 at each `<mask>` and `IGNORED` elsewhere, `extra["n_masks"]` int64 [rows].
    """
    mask, bos, eos = tokenizer.mask_token, tokenizer.bos_token_id, tokenizer.eos_token_id
    parts = [row.text.split(mask) for row in rows]
    found = _pieces_of([part for each in parts for part in each], tokenizer)
    ids: list[list[int]] = []
    owners: list[int] = []
    for number, each in enumerate(parts):
        pieces: list[int] = []
        for place, part in enumerate(each):
            own = next(found).tolist()
            pieces += [tokenizer.mask_token_id] * (place > 0)
            pieces += _joined_on(own, tokenizer) if place and part[:1].strip() else own
        for at in range(0, max(len(pieces), 1), max_length - 2):
            ids.append([bos, *pieces[at : at + max_length - 2], eos])
            owners.append(number)
    return Features(
        kind="text",
        input_ids=Ragged.of(ids),
        source_row=np.array(owners, np.int64),
        n_rows=len(rows),
        tags=Ragged.of([[0 if one == tokenizer.mask_token_id else IGNORED for one in each] for each in ids], np.int64),
        extra={
            "rows": Ragged.of(
                [[BETWEEN, *[owner] * (len(each) - 2), BETWEEN] for owner, each in zip(owners, ids, strict=True)]
            ),
            "n_masks": np.array([len(each) - 1 for each in parts], np.int64),
        },
    )


def piece_counts(texts: Sequence[str], tokenizer: Any) -> np.ndarray:
    """Return the number of pieces of each text, without special ones: int64 [N]."""
    return np.fromiter(map(len, _pieces_of(texts, tokenizer)), np.int64, len(texts))


def unknown_share(texts: Sequence[str], tokenizer: Any) -> float:
    """Return the share of the pieces of texts that the tokenizer does not know, in [0, 1]."""
    found = np.concatenate([np.zeros(0, np.int32), *_pieces_of(texts, tokenizer)])
    return float((found == tokenizer.unk_token_id).mean()) if len(found) else 0.0


def _joined_on(pieces: list[int], tokenizer: Any) -> list[int]:
    """Return the pieces of a text that follows a mask without a blank: as inside a word."""
    if not pieces:
        return pieces
    first = tokenizer.convert_ids_to_tokens(pieces[0])
    inside = tokenizer.convert_tokens_to_ids(first.removeprefix(SPACE)) if first != SPACE else None
    if first == SPACE:
        return pieces[1:]
    return pieces if inside in (None, tokenizer.unk_token_id) else [inside, *pieces[1:]]


class _Packed:
    """Sequences on their way: whole texts as long as there is room."""

    def __init__(self, bos: int, eos: int, max_length: int) -> None:
        self._bos, self._eos, self._room = bos, eos, max_length
        self._ids: list[np.ndarray] = []
        self._rows: list[np.ndarray] = []
        self._offsets = [0]
        self._first: list[int] = []
        self._held = 0  # tokens of the sequence that is open

    def add(self, row: int, pieces: np.ndarray) -> None:
        """Add a text; one without a piece has no place."""
        most = self._room - 2
        for at in range(0, len(pieces), most):
            part = pieces[at : at + most]
            if self._held and self._held + len(part) + 1 > self._room:
                self._close()
            if not self._held:
                self._put([self._bos], BETWEEN)
                self._first.append(row)
            self._put(part, row)
            self._put([self._eos], BETWEEN)

    def features(self, n_rows: int) -> Features:
        """Return the sequences."""
        if self._held:
            self._close()
        if not self._first and n_rows:
            raise DataError(f"None of the {n_rows} rows holds text that the tokenizer cuts into pieces; expected text.")
        offsets = np.array(self._offsets, np.int64)
        ids, rows = (
            Ragged(np.concatenate([np.zeros(0, np.int32), *parts]).astype(np.int32), offsets)
            for parts in (self._ids, self._rows)
        )
        return Features(
            kind="text", input_ids=ids, source_row=np.array(self._first, np.int64), n_rows=n_rows, extra={"rows": rows}
        )

    def _put(self, ids: Sequence[int] | np.ndarray, row: int) -> None:
        self._ids.append(np.asarray(ids, np.int32))
        self._rows.append(np.full(len(ids), row, np.int32))
        self._held += len(ids)

    def _close(self) -> None:
        self._offsets.append(self._offsets[-1] + self._held)
        self._held = 0


def _pieces_of(texts: Sequence[str], tokenizer: Any) -> Iterator[np.ndarray]:
    """Yield the pieces of each text, int32, without special ones; a long text is cut at blanks into parts."""
    space = tokenizer.convert_tokens_to_ids(SPACE)
    for at in range(0, len(texts), PART):
        slices = [list(_slices(text)) for text in texts[at : at + PART]]
        flat = [part for each in slices for part, _ in each]
        ids: list[list[int]] = []
        for first in range(0, len(flat), PART):
            # Not verbose: texts longer than what the encoder reads are packed into sequences that it does.
            found_here = tokenizer(
                flat[first : first + PART], add_special_tokens=False, return_attention_mask=False, verbose=False
            )
            ids += found_here["input_ids"]
        found = iter(ids)
        for each in slices:
            parts = []
            for _, is_inside in each:
                pieces = next(found)
                # A word that was cut continues without the blank that every text begins with.
                parts.append(np.array(pieces[1:] if is_inside and pieces[:1] == [space] else pieces, np.int32))
            yield np.concatenate([np.zeros(0, np.int32), *parts])


def _slices(text: str) -> Iterator[tuple[str, bool]]:
    """Yield parts of a text of at most `LONGEST` characters, and whether a part begins inside a word."""
    is_inside = False
    while len(text) > LONGEST:
        cut = max(text.rfind(" ", 0, LONGEST), text.rfind("\n", 0, LONGEST))
        yield text[: cut if cut > 0 else LONGEST], is_inside
        text, is_inside = text[cut if cut > 0 else LONGEST :], cut <= 0
    yield text, is_inside
