"""Answers to rows of one's own: one value per kind of task, and the result that holds those of many rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, overload

from toolkit.results.result import Plain, Record, Result
from toolkit.safe_text import json_text

DIGITS = 6  # of a probability or a score in a file


@dataclass(frozen=True, slots=True)
class LabelAnswer:
    """Label of a pair of texts, or of one text.

    Attributes:
        prediction: the most probable label.
        probabilities: of each label, in [0, 1], in the order of the task's labels.
    """

    prediction: str
    probabilities: Mapping[str, float]

    @property
    def probability(self) -> float:
        """Probability of the label, in [0, 1]."""
        return self.probabilities[self.prediction]

    def values(self) -> dict[str, Any]:
        """Return the answer as JSON values by name."""
        return {
            "prediction": self.prediction,
            "probability": round(self.probability, DIGITS),
            "probabilities": {label: round(value, DIGITS) for label, value in self.probabilities.items()},
        }


@dataclass(frozen=True, slots=True)
class ChoiceAnswer:
    """Choice among several.

    Attributes:
        prediction: number of the most probable choice, from 0.
        text: that choice.
        probabilities: of each choice, in [0, 1].
    """

    prediction: int
    text: str
    probabilities: tuple[float, ...]

    @property
    def probability(self) -> float:
        """Probability of the choice, in [0, 1]."""
        return self.probabilities[self.prediction]

    def values(self) -> dict[str, Any]:
        """Return the answer as JSON values by name."""
        return {
            "prediction": self.prediction,
            "text": self.text,
            "probability": round(self.probability, DIGITS),
            "probabilities": [round(value, DIGITS) for value in self.probabilities],
        }


@dataclass(frozen=True, slots=True)
class SpanAnswer:
    """Answer to a question, a part of its context.

    Attributes:
        prediction: the answer as it is written in the context; empty: the question has none there.
        start, end: the characters of the context that it covers, [start, end), in Unicode code points; None without an answer.
        score: start logit plus end logit of the best span, whether it is the answer or not; None where no span is legal.
        no_answer: how much higher "no answer" scores than the best span; None where no span is legal.
    """

    prediction: str
    start: int | None
    end: int | None
    score: float | None
    no_answer: float | None

    def values(self) -> dict[str, Any]:
        """Return the answer as JSON values by name."""
        return {
            "prediction": self.prediction,
            "start": self.start,
            "end": self.end,
            "score": None if self.score is None else round(self.score, DIGITS),
            "no_answer": None if self.no_answer is None else round(self.no_answer, DIGITS),
        }


@dataclass(frozen=True, slots=True)
class TagsAnswer:
    """Tags of a sentence's tokens.

    Attributes:
        prediction: the tag of each token.
        tokens: the tokens.
        starts: of a raw text the offset of each token in it, in Unicode code points; None where the tokens came cut.
    """

    prediction: tuple[str, ...]
    tokens: tuple[str, ...]
    starts: tuple[int, ...] | None = None

    def values(self) -> dict[str, Any]:
        """Return the answer as JSON values by name; tokens only where the text came raw."""
        cut = {} if self.starts is None else {"tokens": list(self.tokens), "starts": list(self.starts)}
        return {"prediction": list(self.prediction), **cut}


@dataclass(frozen=True, slots=True)
class MaskedAnswer:
    """Pieces for the masks of a text.

    Attributes:
        prediction: the text with the most probable piece in the place of each mask.
        pieces: of each mask the most probable pieces, the best first; `▁` begins a word.
        probabilities: of these, in [0, 1].
    """

    prediction: str
    pieces: tuple[tuple[str, ...], ...]
    probabilities: tuple[tuple[float, ...], ...]

    def values(self) -> dict[str, Any]:
        """Return the answer as JSON values by name."""
        return {
            "prediction": self.prediction,
            "pieces": [list(each) for each in self.pieces],
            "probabilities": [[round(value, DIGITS) for value in each] for each in self.probabilities],
        }


Answer: TypeAlias = LabelAnswer | ChoiceAnswer | SpanAnswer | TagsAnswer | MaskedAnswer


@dataclass(frozen=True, kw_only=True)
class Answers(Result, Sequence[Answer]):
    """Answers to rows, in their order: a sequence of values, and a table.

    Attributes:
        answers: one a row.
        n_truncated: rows that lost text to the length limit.
        n_windowed: rows whose text was longer than a window, and was read in several.
    """

    answers: tuple[Answer, ...]
    n_truncated: int = 0
    n_windowed: int = 0

    stem: ClassVar[str] = "answers"

    def records(self) -> list[Record]:
        """Return one flat mapping a row; the probability of a label is under `probabilities.LABEL`."""
        return [flat(answer.values()) for answer in self.answers]

    def __len__(self) -> int:
        return len(self.answers)

    @overload
    def __getitem__(self, index: int) -> Answer: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Answer, ...]: ...

    def __getitem__(self, index: int | slice) -> Answer | tuple[Answer, ...]:
        return self.answers[index]

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.answers)


def flat(values: Mapping[str, Any]) -> dict[str, Plain]:
    """Return JSON values as the cells of a table: objects by path, lists as JSON, words in a list parted by blanks.

    Example:
        >>> flat({"prediction": ["DET", "NOUN"], "probabilities": {"yes": 0.75}, "starts": [0, 4]})
        {'prediction': 'DET NOUN', 'probabilities.yes': 0.75, 'starts': '[0, 4]'}
    """
    found: dict[str, Plain] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": cell for key, cell in flat(value).items()}
        elif isinstance(value, list):
            is_words = all(isinstance(each, str) and each and not any(map(str.isspace, each)) for each in value)
            found[name] = " ".join(value) if is_words else json_text(value)
        else:
            found[name] = value
    return found
