"""Tagging metrics as in XTREME: seqeval's F1 over spans, also for bare parts of speech."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolkit.metrics.accuracy import check_lengths
from toolkit.tasks.chunks import chunk_reader


def tagging_f1(
    predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], *, tag_set: Iterable[str] | None = None
) -> dict[str, float]:
    """Return micro-averaged span F1, precision and recall, and the share of tokens tagged right.

    Spans are those of the `seqeval` package in its default (conlleval) mode. On bare tags such as UPOS its rule
    joins a run of one tag into one span, which is how XTREME's POS numbers are made. Releases differ there: early
    ones (0.0.12) take the whole bare tag as the span's type; since 1.0 the first letter is cut off, and `CCONJ` and
    `SCONJ` become the same type `CONJ`. Here the whole tag counts: bare tags are handed over as `C-CCONJ`
    (docs/decisions/0009-bare-tags.md). Tags with a prefix (`B-PER`) are chunks in the scheme of their tag set: BIO, IOBES, BILOU
    or BMES. A tag set of scheme letters alone (`B`, `I`, `O`) has chunks without a type (docs/decisions/0023-chunk-tags.md).

    Args:
        predicted: N sentences of tags.
        gold: N sentences of tags, each as long as its prediction.
        tag_set: all tags of the task; None: those that occur here.

    Returns:
        `{"f1", "precision", "recall", "accuracy"}`, all in [0, 1]; 0 if there is no span to divide by.

    Raises:
        ValueError: the numbers of sentences or of a sentence's tokens differ, there is nothing to score, or a
            tag is empty.

    Example:
        >>> tagging_f1([["DET", "NOUN", "NOUN"]], [["DET", "NOUN", "VERB"]])["accuracy"]
        0.6666666666666666
        >>> tagging_f1([["B", "O", "O"]], [["B", "I", "O"]])["f1"]
        0.0
    """
    return micro_averaged(count_spans(predicted, gold, tag_set=tag_set))


@dataclass(frozen=True)
class SpanCounts:
    """Counts that one sentence adds to the micro-average.

    Attributes:
        tp, fp, fn: spans that are right; found and not there; there and not found.
        right, words: words tagged right, and all words.
    """

    tp: int
    fp: int
    fn: int
    right: int
    words: int

    @property
    def f1(self) -> float:
        """F1 of the sentence by itself; 1 if there is no span and none was found."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp + self.fp + self.fn else 1.0


def count_spans(
    predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], *, tag_set: Iterable[str] | None = None
) -> list[SpanCounts]:
    """Return each sentence's counts; see `tagging_f1`.

    Example:
        >>> count_spans([["B-PER", "I-PER", "O"]], [["B-PER", "I-PER", "B-LOC"]])
        [SpanCounts(tp=1, fp=0, fn=1, right=2, words=3)]
    """
    check_lengths(len(predicted), len(gold))
    for number, (found, expected) in enumerate(zip(predicted, gold, strict=True), start=1):
        if len(found) != len(expected):
            raise ValueError(f"Sentence {number} has {len(found)} predicted tags for {len(expected)} tokens.")
    check_lengths(sum(map(len, predicted)), sum(map(len, gold)))

    # Imported here: it brings scikit-learn, which takes most of a second.
    from seqeval.metrics.sequence_labeling import get_entities

    found_tags = {tag for sentences in (predicted, gold) for tags in sentences for tag in tags}
    if "" in found_tags:
        raise ValueError("A tag is empty; every token needs one (`O` for none).")
    read = chunk_reader(found_tags if tag_set is None else {*tag_set})
    counts = []
    with warnings.catch_warnings():
        # "NOUN seems not to be NE tag": true, and exactly what XTREME does.
        warnings.simplefilter("ignore")
        for tags, gold_tags in zip(predicted, gold, strict=True):
            spans, gold_spans = (set(get_entities([read(tag) for tag in each])) for each in (tags, gold_tags))
            right = sum(a == b for a, b in zip(tags, gold_tags, strict=True))
            tp = len(spans & gold_spans)
            counts.append(SpanCounts(tp, len(spans) - tp, len(gold_spans) - tp, right, len(tags)))
    return counts


def micro_averaged(counts: Sequence[SpanCounts]) -> dict[str, float]:
    """Return the measures of all sentences together; see `tagging_f1`."""
    tp, fp, fn = (sum(getattr(each, name) for each in counts) for name in ("tp", "fp", "fn"))
    precision, recall = tp / max(tp + fp, 1), tp / max(tp + fn, 1)
    return {
        "f1": 2 * precision * recall / (precision + recall) if tp else 0.0,
        "precision": precision,
        "recall": recall,
        "accuracy": sum(each.right for each in counts) / sum(each.words for each in counts),
    }
