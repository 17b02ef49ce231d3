"""Kinds of tasks and metrics: the closed vocabularies, and the tables of what each kind has.

Every other height keeps a table `{kind: value}` of its own and no ladder of comparisons; `tests/test_kinds.py` compares the
keys of all of them with those here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["pair", "choice", "span", "tags", "bitext", "mining", "retrieval", "text"]
Metric = Literal[
    "accuracy", "accuracy-f1", "squad", "squad2", "mlqa", "characters", "seqeval", "f1", "map_at_20", "masked"
]
Level = Literal["syntactic", "semantic"]  # parts of speech, categories, well-formedness; what is meant
Split = Literal["train", "dev", "test", "score"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
RETRIEVED: Final[tuple[Kind, ...]] = ("bitext", "mining", "retrieval")  # `retrieve` scores these, `eval` the others
POOLED: Final[tuple[Kind, ...]] = ("retrieval",)  # kinds whose rows are queries to a pool of candidates
ANSWERED: Final[tuple[Kind, ...]] = (
    "pair",
    "choice",
    "span",
    "tags",
)  # kinds whose rows come with an answer of their own
EVALUATED: Final[tuple[Kind, ...]] = (*ANSWERED, "text")
EXPORTED: Final[tuple[Kind, ...]] = (*ANSWERED, "retrieval")  # kinds whose outputs a file without the toolkit can give
MASKED: Final[tuple[Kind, ...]] = ("text",)  # kinds of which a part of the text itself is guessed
LABELLED: Final[tuple[Kind, ...]] = ("pair", "tags")  # kinds whose tasks name their labels
STRATIFIED: Final[tuple[Kind, ...]] = ("pair", "choice")  # kinds with one label a row, whose proportions a draw keeps
TRAINABLE: Final[tuple[Kind, ...]] = (*EVALUATED, "retrieval")  # kinds that a head, or the encoder, learns from
LEVELS: Final[tuple[Level, ...]] = get_args(Level)  # what a task asks for: transfer is compared between these groups
SPLITS: Final[tuple[Split, ...]] = get_args(Split)

# The metrics that can score a kind; the first is what a task of the kind takes unless it says otherwise. `accuracy-f1` is
# GLUE's for QQP; `squad2` knows unanswerable questions, `mlqa` normalises by language, `characters` too and takes each
# character as a word; `seqeval` is the F1 of chunks, `f1` that of mined pairs; `masked` is of the pieces of a text that were masked.
METRICS: Final[Mapping[Kind, tuple[Metric, ...]]] = {
    "pair": ("accuracy", "accuracy-f1"),
    "choice": ("accuracy",),
    "span": ("squad", "squad2", "mlqa", "characters"),
    "tags": ("seqeval", "accuracy"),
    "bitext": ("accuracy",),
    "mining": ("f1",),
    "retrieval": ("map_at_20",),
    "text": ("masked",),
}


@dataclass(frozen=True)
class Fields:
    """What a dataset's columns are mapped to.

    Attributes:
        needed: fields that a source names a column for.
        optional: fields that it may name a column for.
    """

    needed: frozenset[str]
    optional: frozenset[str]


def _fields(needed: str, optional: str) -> Fields:
    return Fields(frozenset(needed.split()), frozenset(optional.split()))


# Kinds whose rows come from the columns of a table: what a user's YAML may declare. `mining` has files of its own.
FIELDS: Final[Mapping[Kind, Fields]] = {
    "pair": _fields("first label", "id second"),
    "choice": _fields("choices label", "id context question keys"),
    "span": _fields("question context texts starts", "id"),
    "tags": _fields("tokens tags", "id"),
    "bitext": _fields("source target", "id"),
    "retrieval": _fields("query passage", "id key"),
    "text": _fields("text", "id"),
}
