"""Scores of a stage on its dev rows, which choose the best weights."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.composition import Name
from toolkit.composition.stages import Stage
from toolkit.evaluation.evaluate import evaluate_rows
from toolkit.evaluation.scoring import Evaluation, Scoring
from toolkit.features import Features
from toolkit.metrics import MAIN
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.session.circuits import arithmetic
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.sources import Source, head_of, tokens
from toolkit.results.score import Score, System


class DevScores:
    """Scores the circuit of a stage whenever it is called, and keeps the evaluations of the best score.

    Args:
        circuit: wired, in place for as long as it is scored.
        stage: what learns.
        sources: whose dev rows are scored.
        session: `config.eval` says how.
    """

    def __init__(self, circuit: Circuit, stage: Stage, sources: Sequence[Source], session: Session) -> None:
        self._circuit, self._stage, self._session = circuit, stage, session
        self._held = [(source, tokens(source, circuit.backbone, session, is_dev=True)) for source in sources]
        self._best: list[Evaluation] = []

    def __call__(self) -> float:
        """Return the mean of the tasks' main measures with the weights as they are now; the languages of one text count as one."""
        found = self._evaluated()
        value = self._main(found)
        if not self._best or value > self._main(self._best):
            self._best = found
        return value

    def forget(self) -> None:
        """Forget the best so far: what is scored from now on competes among itself."""
        self._best = []

    def of_best(self, best_score: float | None) -> tuple[Score, ...]:
        """Return every measure of the best weights, which the circuit holds now.

        Args:
            best_score: their score; where another process made it, they are evaluated once more.
        """
        if not self._best or self._main(self._best) != best_score:
            self._best = self._evaluated()
        circuit = self._circuit
        seed = self._session.config.train.seed
        system = System(self._stage.entry, circuit.backbone.name, arithmetic(circuit), seed)
        return tuple(
            score
            for (source, _), found in zip(self._held, self._best, strict=True)
            for score in Score.of(source.dev, found.measures, found.n, system, split="dev")
        )

    def _evaluated(self) -> list[Evaluation]:
        return [self._evaluation(source, features) for source, features in self._held]

    def _evaluation(self, source: Source, features: Features) -> Evaluation:
        return evaluate_rows(
            self._circuit,
            source.dev,
            features,
            scoring=Scoring.of(source.dev, self._session.config.eval),
            head=head_of(self._stage, source),
            what=f"dev {source.ref}",
            report=self._session.report,
        )

    def _main(self, found: Sequence[Evaluation]) -> float:
        values: dict[Name, list[float]] = {}
        for (source, _), one in zip(self._held, found, strict=True):
            values.setdefault(source.member, []).append(one.measures[MAIN[source.task.metric]])
        means = [sum(each) / len(each) for each in values.values()]
        return sum(means) / len(means)
