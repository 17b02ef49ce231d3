"""Rows of the micro-world, made one by one when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random

from toolkit.errors import ConfigError
from toolkit.tasks.draw import Marks
from toolkit.tasks.micro import answers, scenes
from toolkit.tasks.micro.grammar import LANGUAGES, Fact, Sentence, grammar, realise
from toolkit.tasks.rows import (
    Answer,
    BitextRow,
    ChoiceRow,
    PairRow,
    QueryRow,
    Row,
    SentenceRow,
    SpanRow,
    TagsRow,
    TextRow,
)
from toolkit.tasks.tagsets import UPOS

VERSION = 1


@dataclass(frozen=True, slots=True)
class SampleRows:
    """A split of the micro-world in one language."""

    maker: str
    split: str
    language: str
    size: int
    seed: int

    @property
    def origin(self) -> str:
        return f"generated: micro-world v{VERSION}, seed {self.seed}"

    def __len__(self) -> int:
        return self.size

    def row(self, index: int) -> Row:
        return MAKERS[self.maker](self, index)

    def marks(self) -> Marks:
        """Return the ids of all rows and their labels, which are the same in every language."""
        return Marks([self.id(i) for i in range(self.size)], _labels(self.maker, self.split, self.size, self.seed))

    def rng(self, index: int) -> Random:
        """The source of chance for a row: the same in every language and every process."""
        return Random(f"micro-world/{VERSION}/{self.seed}/{self.maker}/{self.split}/{index}")

    def id(self, index: int) -> str:
        return f"{self.maker}-{self.split}-{index}"

    def say(self, fact: Fact) -> Sentence:
        return realise(self.language, fact)

    def text(self, facts: tuple[Fact, ...]) -> str:
        return self.gap.join(self.say(fact).text for fact in facts)

    @property
    def gap(self) -> str:
        """The text between two sentences."""
        return " " if grammar(self.language).has_spaces else ""


def open_sample(maker: str, split: str, language: str, *, size: int, seed: int = 0) -> SampleRows:
    """Open a split of the micro-world.

    Args:
        maker: `nli`, `qa`, `choice`, `pos`, `bitext`, `mining`, `answers` or `text`.
        split: `train`, `dev` or `score`; no sentence that states a fact is in two of them.
        language: one of `LANGUAGES`.
        size: number of rows.
        seed: another seed, other rows of the same kind.

    Raises:
        ConfigError: no such language, or more sentence pairs than there are different facts.
    """
    if language not in LANGUAGES:
        raise ConfigError(f"The micro-world does not speak '{language}'; it speaks {', '.join(LANGUAGES)}.")
    needed = {"bitext": size, "mining": size - size // 4}.get(maker, 0)
    if needed > (most := len(_statements(split, seed)) if needed else 0):
        raise ConfigError(f"The micro-world has {most} different sentences in '{split}'; {needed} were asked for.")
    if maker == "answers" and size > (most := len(answers.asked(split, seed))):
        raise ConfigError(f"The micro-world has {most} questions in '{split}'; {size} were asked for.")
    return SampleRows(maker, split, language, size, seed)


@cache
def _statements(split: str, seed: int) -> tuple[Fact, ...]:
    return scenes.statements(split, seed)


@cache
def _labels(maker: str, split: str, size: int, seed: int) -> tuple[int, ...] | None:
    rows = SampleRows(maker, split, "en", size, seed)
    if maker == "nli":
        return tuple(label for block in range(-(-size // 3)) for label in _claimed(rows, block)[1])[:size]
    if maker == "choice":
        return tuple(_chosen(rows, index)[2] for index in range(size))
    return None


def _claimed(rows: SampleRows, block: int) -> tuple[scenes.Claim, list[int]]:
    """Return a claim and its three labels in the order of its rows."""
    rng = rows.rng(block)
    return scenes.claim(rng, rows.split), rng.sample(range(3), 3)


def _nli(rows: SampleRows, index: int) -> PairRow:
    # Three neighbours share a hypothesis, once with each label: it alone cannot tell.
    block, member = divmod(index, 3)
    claim, labels = _claimed(rows, block)
    label = labels[member]
    return PairRow(rows.id(index), rows.text(claim.premises[label]), rows.say(claim.hypothesis).text, label)


def _qa(rows: SampleRows, index: int) -> SpanRow:
    drawn = scenes.question(rows.rng(index), rows.split)
    start = 0
    for fact in drawn.scene:
        sentence = rows.say(fact)
        if fact is drawn.base:
            first, _ = sentence.spans[drawn.slot]
            answer = Answer(sentence.answer(drawn.slot), start + first)
        start += len(sentence.text) + len(rows.gap)
    return SpanRow(rows.id(index), rows.say(drawn.question).text, rows.text(drawn.scene), (answer,))


def _chosen(rows: SampleRows, index: int) -> tuple[scenes.Question, tuple[Fact, ...], int]:
    """Return a question, the facts that answer it, and which of them is right."""
    rng = rows.rng(index)
    drawn = scenes.question(rng, rows.split)
    return drawn, *scenes.choices(rng, drawn)


def _choice(rows: SampleRows, index: int) -> ChoiceRow:
    drawn, facts, label = _chosen(rows, index)
    answers = tuple(rows.say(fact).answer(drawn.slot) for fact in facts)
    return ChoiceRow(rows.id(index), rows.text(drawn.scene), rows.say(drawn.question).text, answers, label)


def _pos(rows: SampleRows, index: int) -> TagsRow:
    rng = rows.rng(index)
    drawn = scenes.question(rng, rows.split)
    said = [rows.say(drawn.scene[0])]
    if rng.random() < 0.4:
        said.append(rows.say(drawn.question))
    tags = tuple(UPOS.index(tag) for each in said for tag in each.tags)
    return TagsRow(rows.id(index), tuple(token for each in said for token in each.tokens), tags)


def _bitext(rows: SampleRows, index: int) -> BitextRow:
    fact = _statements(rows.split, rows.seed)[index]
    return BitextRow(rows.id(index), rows.say(fact).text, realise("en", fact).text)


def _mining(rows: SampleRows, index: int) -> SentenceRow:
    # Two corpora of equal size, the second half of one being the translations of the first half of the other.
    half = rows.size // 2
    shift = half - half // 2
    place = index if index < half else index - half
    id = f"{'source' if index < half else 'target'}-{place:04d}"
    if index < half:
        translation = (f"target-{place - shift:04d}",) if place >= shift else ()
        return SentenceRow(id, "source", rows.say(_statements(rows.split, rows.seed)[place]).text, translation)
    return SentenceRow(id, "target", realise("en", _statements(rows.split, rows.seed)[place + shift]).text)


def _answers(rows: SampleRows, index: int) -> QueryRow:
    question, answer = answers.asked(rows.split, rows.seed)[index]
    return QueryRow(rows.id(index), rows.say(question).text, answers.key_of(question), rows.say(answer).text)


def _text(rows: SampleRows, index: int) -> TextRow:
    return TextRow(rows.id(index), rows.text(scenes.question(rows.rng(index), rows.split).scene))


MAKERS: dict[str, Callable[[SampleRows, int], Row]] = {
    "nli": _nli,
    "qa": _qa,
    "choice": _choice,
    "pos": _pos,
    "bitext": _bitext,
    "mining": _mining,
    "answers": _answers,
    "text": _text,
}
