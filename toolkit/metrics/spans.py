"""Tagging scored as XTREME scores it: seqeval's F1 over spans, also where the tags are bare parts of speech."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from toolkit.metrics.accuracy import check_lengths


def tagging_f1(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return micro-averaged span F1, precision and recall, and the share of tokens tagged right.

    Spans are those of the `seqeval` package in its default (conlleval) mode. On bare tags such as UPOS its rule
    joins a run of one tag into one span, which is how XTREME's POS numbers are made. Releases differ there: early
    ones (0.0.12) take the whole bare tag as the span's type; since 1.0 the first letter is cut off, and `CCONJ` and
    `SCONJ` become the same type `CONJ`. Here the whole tag counts: bare tags are handed over as `C-CCONJ`. Tags with
    a prefix (`B-PER`) and `O` go through as they are (docs/decisions/0009-bare-tags.md).

    Args:
        predicted: N sentences of tags.
        gold: N sentences of tags, each as long as its prediction.

    Returns:
        `{"f1", "precision", "recall", "accuracy"}`, all in [0, 1]; 0 where there is no span to divide by.

    Raises:
        ValueError: the numbers of sentences or of a sentence's tokens differ, there is nothing to score, or a
            tag is empty.

    Example:
        >>> tagging_f1([["DET", "NOUN", "NOUN"]], [["DET", "NOUN", "VERB"]])["accuracy"]
        0.6666666666666666
    """
    check_lengths(len(predicted), len(gold))
    for number, (found, expected) in enumerate(zip(predicted, gold, strict=True), start=1):
        if len(found) != len(expected):
            raise ValueError(f"Sentence {number} has {len(found)} predicted tags for {len(expected)} tokens.")
    tokens = sum(map(len, gold))
    check_lengths(sum(map(len, predicted)), tokens)

    # Imported here: it brings scikit-learn, which takes most of a second.
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    with warnings.catch_warnings():
        # "NOUN seems not to be NE tag": true, and exactly what XTREME does.
        warnings.simplefilter("ignore")
        precision, recall, f1, _ = precision_recall_fscore_support(
            [[_prefixed(tag) for tag in sentence] for sentence in gold],
            [[_prefixed(tag) for tag in sentence] for sentence in predicted],
            average="micro",
            zero_division=0,
        )
    right = sum(
        found == expected
        for sentence, answer in zip(predicted, gold, strict=True)
        for found, expected in zip(sentence, answer, strict=True)
    )
    return {"f1": float(f1), "precision": float(precision), "recall": float(recall), "accuracy": right / tokens}


def _prefixed(tag: str) -> str:
    if not tag:
        raise ValueError("A tag is empty; every token needs one (`O` for none).")
    return tag if tag == "O" or "-" in tag else f"{tag[0]}-{tag}"
