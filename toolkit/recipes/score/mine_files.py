"""Mine two text files of a user's for pairs of translations, holding neither."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.config import RetrieveConfig
from toolkit.errors import DataError, ToolkitError
from toolkit.files import replace_lines
from toolkit.nameless import Numbers, let_go
from toolkit.outputs import require_replaceable
from toolkit.progress import Say
from toolkit.recipes.score.encoding import Encoder, Reading, readings
from toolkit.recipes.score.own_pooling import as_trained
from toolkit.recipes.score.search_workers import search_settings
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.together import staffed, together
from toolkit.retrieval.held import parts
from toolkit.retrieval.margin import Pairs
from toolkit.retrieval.mine import Lines, mine_texts, pairs_of_lines
from toolkit.space import Need, require_space
from toolkit.tasks.draw import limit_words, places_first
from toolkit.tasks.sources.corpora import lines_of
from toolkit.texts import Arranged, arranged


@dataclass(frozen=True)
class Sentences:
    """The lines of a file that are mined.

    Attributes:
        numbers: int64 [L], their numbers in the file, from 1.
        texts: what they hold.
    """

    numbers: np.ndarray
    texts: Arranged

    @property
    def places(self) -> np.ndarray:
        """Each line's text among the distinct ones: int64 [L]."""
        return np.frombuffer(self.texts.places, np.int64)

    def texts_of(self, lines: np.ndarray) -> Iterator[str]:
        """Yield what each of some lines holds."""
        return (self.texts.distinct[place] for place in self.places[lines].tolist())

    def is_same_as(self, other: Sentences) -> bool:
        """Whether two files hold the same lines."""
        return (
            np.array_equal(self.numbers, other.numbers)
            and np.array_equal(self.places, other.places)
            and all(a == b for a, b in zip(self.texts.distinct, other.texts.distinct, strict=False))
        )


def mine_files(
    source: Path,
    target: Path,
    out: Path,
    session: Session,
    *,
    expression: str = "backbone",
) -> int:
    """Mine two text files, a sentence a line, and write `score, source line, target line, source, target`, best first.

    Lines count from 1. Without a threshold every candidate is written. Empty lines are left out, and counted for the reader.
    `retrieve.limit` draws so many lines of either file, by `retrieve.seed`.

    Returns:
        How many pairs were written.
    """

    def journey(own: Session) -> int:
        with staffed(own) as session:
            return _mined_files(source, target, out, session, expression)

    return together(session, journey)


def _mined_files(source: Path, target: Path, out: Path, session: Session, expression: str) -> int:
    config, say = session.config, session.say
    require_replaceable(out)
    sides = [_sentences(file, config.retrieve, say) for file in (source, target)]
    if sides[0].is_same_as(sides[1]):
        raise ToolkitError(
            f"{source} and {target} hold the same lines, which pair with themselves; expected translations."
        )
    if config.retrieve.threshold is None and config.retrieve.limit is None:  # every candidate is written
        size = source.stat().st_size + target.stat().st_size
        require_space([Need("the pairs", out.parent, size, 0, "name another --out")])
    circuit, cards = trained_circuit(expression, session, heads={})
    with circuit:
        settings = as_trained(config.retrieve, cards, circuit.backbone.n_layers, say)
        asked = readings(settings, circuit.backbone.n_layers, circuit.backbone.name)
        reading, threshold = asked[0], _threshold(config.retrieve, asked)
        encoder = Encoder(circuit, session, asked)
        words = reading.protocol.for_mining("none" if threshold is None else str(threshold))
        drawn = limit_words(config.retrieve.limit, config.retrieve.seed)
        said = " ".join(filter(None, (reading.head(), words, encoder.tail(), drawn)))
        say(f"{expression} on {source} and {target}: {said}")
        found, searched = _mined(sides[0], sides[1], reading, encoder, session, threshold)
    say(f"Searched with {searched}.")
    counted = _Counted(found)
    replace_lines(out, _lines(counted, sides[0], sides[1]))
    return counted.n


def _threshold(settings: RetrieveConfig, asked: list[Reading]) -> float | None:
    """Return the threshold that was given, if any; raise a ToolkitError if two files cannot be mined so."""
    if len(asked) > 1 or asked[0].protocol.corpus == "gold":
        raise ToolkitError(
            f"The protocol '{settings.protocol}' mines no pairs; choose one of jiant, xtreme, laser and st."
        )
    if isinstance(settings.threshold, str):
        raise ToolkitError(
            f"The threshold '{settings.threshold}' is chosen on gold pairs, which two text files lack; give a "
            "number, or none to keep every candidate."
        )
    return settings.threshold


@dataclass
class _Counted:
    """Pairs of lines, some at a time, and how many there were so far."""

    pairs: Iterator[Pairs]
    n: int = 0

    def __iter__(self) -> Iterator[Pairs]:
        for some in self.pairs:
            self.n += len(some)
            yield some


def _mined(
    source: Sentences,
    target: Sentences,
    reading: Reading,
    encoder: Encoder,
    session: Session,
    threshold: float | None,
) -> tuple[Iterator[Pairs], str]:
    """Return pairs of lines, counted from 0 among those that are mined, and how their neighbours were found."""
    settings, duplicates = session.config.retrieve, reading.protocol.duplicates
    lines = [Lines.of(side.places, duplicates=duplicates) for side in (source, target)]
    vectors = []
    encoder.ahead([source.texts.distinct, target.texts.distinct], "lines")
    for side, own, noun in zip((source, target), lines, ("source", "target"), strict=True):
        found = encoder.of_distinct(side.texts.distinct, f"lines: {noun}")[reading.wanted]
        vectors.append(found.take(side.places[own.lines]) if duplicates == "keep" else found)
    how = search_settings(settings, session)
    pairs, words = mine_texts(vectors[0], vectors[1], protocol=reading.protocol, settings=how, report=session.report)
    if threshold is not None:
        pairs = pairs[: bisect_right(range(len(pairs)), -threshold, key=lambda place: -pairs.scores[place])]
    return pairs_of_lines(pairs, lines[0], lines[1], duplicates=duplicates), words


def _lines(found: _Counted, source: Sentences, target: Sentences) -> Iterator[str]:
    """Yield the lines of the output."""
    for some in found:
        columns = some.scores.tolist(), source.numbers[some.sources].tolist(), target.numbers[some.targets].tolist()
        texts = source.texts_of(some.sources), target.texts_of(some.targets)
        for score, a, b, left, right in zip(*columns, *texts, strict=True):
            yield f"{score:.6f}\t{a}\t{b}\t{left}\t{right}\n"
        let_go(source.numbers, target.numbers, source.texts.places, target.texts.places)


def _sentences(file: Path, settings: RetrieveConfig, say: Say) -> Sentences:
    """Read the lines that are mined: those that are not empty, and of these so many as the limit draws.

    They are drawn by number, as from corpora without gold, so that of two parallel files the same lines are drawn.
    """
    numbers, empty = Numbers(), Numbers()
    if settings.limit is None:
        texts = arranged(_filled(file, numbers, empty))
    else:
        for _ in _filled(file, numbers, empty):
            pass
        if settings.limit < len(numbers):
            places = places_first(map(str, numbers), settings.limit, seed=settings.seed)
            numbers = Numbers(number for place in parts(len(places)) for number in _at(numbers, places[place]))
        texts = arranged(_lines_at(file, numbers))
    if empty:
        say(f"{file}: {len(empty)} empty lines were left out.")
    return Sentences(np.frombuffer(numbers.whole(), np.int64), texts)


def _at(numbers: Numbers, places: np.ndarray) -> list[int]:
    """Return the numbers at some places, which rise."""
    whole = np.frombuffer(numbers.whole(), np.int64)
    found: list[int] = whole[places].tolist()
    let_go(whole)
    return found


def _lines_at(file: Path, numbers: Iterable[int]) -> Iterator[str]:
    """Yield the lines of some numbers, which rise."""
    wanted = iter(numbers)
    sought = next(wanted, None)
    for number, line in enumerate(lines_of(file), 1):
        if sought is None:
            return
        if number == sought:
            yield line
            sought = next(wanted, None)


def _filled(file: Path, numbers: Numbers, empty: Numbers) -> Iterator[str]:
    """Yield the lines that are not empty, and note the numbers of both kinds."""
    for number, line in enumerate(lines_of(file), 1):
        if not line:
            empty.append(number)
            continue
        if "\t" in line:
            raise DataError(f"{file}, line {number} holds a tab, which parts the columns of the output; remove it.")
        numbers.append(number)
        yield line
