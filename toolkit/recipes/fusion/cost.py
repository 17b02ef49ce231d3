"""Score and cost of circuits, on the same rows for every circuit that is compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from toolkit.composition import parse
from toolkit.evaluation.evaluate import evaluate_rows
from toolkit.evaluation.scoring import Scoring
from toolkit.features import Features
from toolkit.features.collate import PAD
from toolkit.metrics import MAIN
from toolkit.modeling.circuit import Circuit
from toolkit.outputs import settle
from toolkit.recipes.score.evaluate import protocol_words, scores_of, task_features
from toolkit.recipes.score.publish import result_folder, result_output
from toolkit.recipes.session.limits import limited_rows
from toolkit.recipes.session.session import Session
from toolkit.report import Table, render
from toolkit.results.result import Record, WrittenResult
from toolkit.results.score import Score, write_csv
from toolkit.tasks import Task
from toolkit.tasks.task import Rows
from toolkit.zoo import AdapterCard

TIMED = 256
_TABLE = "cost.csv"


@dataclass(frozen=True)
class Cost:
    """One circuit, measured.

    Attributes:
        composition: its text.
        score: mean of the task's main measure over the languages, in [0, 1].
        seconds: of the forward passes for the first `TIMED` sequences of the first language, the least of three times.
        parameters: of adapters and fusions; the head and the frozen encoder are not counted.
        note: what was done to it.
    """

    composition: str
    score: float
    seconds: float
    parameters: int
    note: str = ""


@dataclass(frozen=True)
class Cheaper(WrittenResult):
    """Result of pruning or collapsing a composition; its folder holds `cost.csv`.

    Attributes:
        card: of the new entry.
        costs: the whole composition first.
        run_id: the tracker's run, None without one.
    """

    card: AdapterCard
    costs: tuple[Cost, ...]
    run_id: str | None = None

    def records(self) -> list[Record]:
        """Return the costs, as `cost.csv` has them."""
        return [asdict(cost) for cost in self.costs]


@dataclass(frozen=True)
class Held:
    """One language's rows of a task, tokenised once for all circuits."""

    language: str
    rows: Rows
    features: Features


def held_rows(circuit: Circuit, target: Task, languages: Sequence[str], session: Session) -> list[Held]:
    """Return the rows that a task scores, by language."""
    found = []
    for language in languages:
        rows = limited_rows(target, "score", language, session.config)
        found.append(Held(language, rows, task_features(rows, target, circuit, session)))
    return found


def measure_cost(
    circuit: Circuit, held: Sequence[Held], session: Session, *, seed: int, note: str
) -> tuple[Cost, tuple[Score, ...]]:
    """Score a circuit on rows, folded where the configuration folds."""
    config, target = session.config, held[0].rows.task
    if config.eval.fold and config.fusion == "fast":
        circuit.fold()
    scores: list[Score] = []
    for one in held:
        found = evaluate_rows(
            circuit,
            one.rows,
            one.features,
            scoring=Scoring.of(one.rows, config.eval),
            what=f"{circuit.composition}: {target.name} {one.language}",
            report=session.report,
        )
        protocol = protocol_words(config.eval, target, circuit)
        scores += scores_of({target.name: found}, one.rows, circuit, seed, protocol)
    main = [score.value for score in scores if score.metric == MAIN[target.metric]]
    parameters = sum(one.numel() for part in circuit.parts for one in circuit.parameters_of(part).values())
    return Cost(
        str(circuit.composition), sum(main) / len(main), _seconds(circuit, held[0].features), parameters, note
    ), tuple(scores)


def _seconds(circuit: Circuit, features: Features) -> float:
    ids = features.input_ids.padded(np.arange(min(TIMED, len(features.input_ids))), PAD)
    batches = [torch.from_numpy(part).to(circuit.backbone.device) for part in np.array_split(ids, -(-len(ids) // 32))]
    found = []
    with torch.inference_mode():
        for _ in range(3):
            began = time.perf_counter()
            for batch in batches:
                circuit.encode(batch, (batch != PAD).long()).cpu()
            found.append(time.perf_counter() - began)
    return min(found)


def cost_table(costs: Sequence[Cost], target: Task, held: Sequence[Held]) -> str:
    """Return circuits as a table: score in percent, seconds and parameters also relative to the first."""
    first = costs[0]
    rows = tuple(
        (
            one.composition,
            one.note,
            100 * one.score,
            f"{one.seconds:.2f}",
            f"{one.seconds / first.seconds:.2f}",
            f"{one.parameters:,}",
            f"{one.parameters / first.parameters:.2f}",
        )
        for one in costs
    )
    columns = ("composition", "what", MAIN[target.metric], "seconds", "of first", "parameters", "of the first")
    title = f"{target.name}, mean of {', '.join(one.language for one in held)}, in %, against what it costs"
    notes = ("generated rows",) * any(one.rows.is_generated for one in held)
    notes += tuple(dict.fromkeys(one.rows.limit_words for one in held if one.rows.drawn))
    return render(Table(title, columns, rows, notes), "text")


def results_of(entry: str, task: str, session: Session, *, journey: str) -> Path:
    """Return the table that `made_cheaper` writes of an entry, when everything else is done."""
    folder = result_folder(entry, task, session.config, journey=journey)
    settle(folder)  # a command that was killed while the table was put there
    return folder / _TABLE


def made_cheaper(
    card: AdapterCard, costs: Sequence[Cost], held: Sequence[Held], session: Session, *, journey: str
) -> Cheaper:
    """Write what a new entry costs as table, CSV and tracked run.

    Args:
        card: of the new entry.
        costs: the whole composition's first, the new entry's last.
        held: the rows scored.
        session: of the journey.
        journey: its name.
    """
    composition, task = parse(card.name), held[0].rows.task
    text = cost_table(costs, task, held)
    with result_output(card.name, task.name, session.config, journey=journey) as output:
        write_csv(costs, output.stage / _TABLE, of=Cost)
        backbone = session.config.backbone.name
        with session.tracked(
            f"{journey} {costs[0].composition}",
            experiment=task.name,
            tags={**composition.tags(), "journey": journey, "backbone": backbone},
            params={"composition": card.name, "backbone": backbone, "from": costs[0].composition},
        ) as run:
            for step, cost in enumerate(costs):
                values = {"score": cost.score, "seconds": cost.seconds, "parameters": float(cost.parameters)}
                run.log_metrics(values, step=step)
            run.log_artifact(output.stage / _TABLE)
            run.log_text(text, "cost.txt")
            run_id = run.run_id or None
        output.commit()  # last: by its table the next command sees that nothing is left to do
    return Cheaper(card=card, costs=tuple(costs), text=text, folder=output.folder, output=output, run_id=run_id)
