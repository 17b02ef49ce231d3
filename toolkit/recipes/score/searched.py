"""A retrieval that is asked for, and what it found: shared by bitexts, corpora and pools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.modeling.circuit import Circuit
from toolkit.recipes.score.encoding import Reading
from toolkit.recipes.session.noise import scored_rows
from toolkit.recipes.session.session import Session
from toolkit.results.score import Score
from toolkit.tasks import Task
from toolkit.tasks.draw import limit_words
from toolkit.tasks.task import Rows


@dataclass(frozen=True)
class Search:
    """One retrieval.

    Attributes:
        target: the task.
        languages: that are scored.
        readings: what is scored of the vectors.
        circuit: wired, with the composition's weights.
        session: of the journey.
        folder: where files go.
        answers: where predictions go.
    """

    target: Task
    languages: Sequence[str]
    readings: Sequence[Reading]
    circuit: Circuit
    session: Session
    folder: Path
    answers: Path

    def rows(self) -> Iterator[Rows]:
        """Yield the rows of each language, with the noise that is asked for, and say what was left out of them."""
        for language in self.languages:
            rows = scored_rows(self.target, language, self.session)
            if rows.road:
                self.session.tell.once(f"{self.target.name}: {rows.road}.")
            for note in rows.notes:
                self.session.tell.once(f"{self.target.name} {language} ({rows.split}): {note}.")
            yield rows

    def predictions_file(self, rows: Rows, reading: Reading) -> Path:
        """Return the file of what a reading found for rows."""
        folder = self.answers / (reading.folder if len(self.readings) > 1 else "")
        return folder / f"{self.target.name}.{rows.language}.jsonl"

    def announce(self, protocol: str) -> None:
        """Say by which protocol the task is scored."""
        settings = self.session.config.retrieve
        said = " ".join(filter(None, (protocol, limit_words(settings.limit, settings.seed))))
        self.session.say(f"{self.circuit.asked} on {self.target.name}: {said}")


Scores = list[tuple[Reading, Score]]


@dataclass
class Found:
    """Scores by reading, and the rows that were scored."""

    scored: Scores = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)

    def add(self, rows: Rows, scored: Scores) -> None:
        """Add what one language's rows came to."""
        self.rows.append(rows)
        self.scored += scored
