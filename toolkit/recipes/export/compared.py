"""Comparison of a written model with its circuit: on sequences of many lengths, and on a task's rows with their score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from toolkit.errors import ToolkitError
from toolkit.evaluation.outputs import FORMS, RAW, Outputs, best_of, run_head
from toolkit.evaluation.scoring import SCORERS, Scoring
from toolkit.features.collate import Features, sorted_batches, token_budget
from toolkit.features.ragged import Ragged
from toolkit.metrics import MAIN
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.traced import SHAPES, Traced
from toolkit.progress import Progress
from toolkit.recipes.export.model_file import Answer
from toolkit.recipes.score.evaluate import choose_languages, heads_for, task_features
from toolkit.recipes.session.noise import scored_rows
from toolkit.recipes.session.session import Session
from toolkit.tasks import Task
from toolkit.tasks.kinds import EVALUATED, Kind

TOLERANCE = 1e-4
_SIZES = ((1, 2), (3, 11), (2, 64))  # rows and tokens


def probes(kind: Kind, vocabulary: int, longest: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of `input_ids` and `attention_mask`, of lengths that differ within a batch."""
    rng = np.random.default_rng(0)
    found = []
    for rows, tokens in _SIZES:
        length = min(tokens, longest)
        shape = (rows, 3, length) if len(SHAPES[kind].axes) == 3 else (rows, length)
        ids = rng.integers(5, vocabulary, shape)
        ends = rng.integers(min(2, length), length + 1, shape[:-1])
        mask = (np.arange(length) < ends[..., None]).astype(np.int64)
        ids[..., 0] = 0
        found.append((np.where(mask == 1, ids, 1), mask))
    return found


def expected(traced: Traced, given: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Return what a circuit answers to some probes."""
    device = traced.circuit.backbone.device
    with torch.inference_mode():
        return [traced(*(torch.from_numpy(one).to(device) for one in pair)).cpu().numpy() for pair in given]


def largest_difference(
    answer: Answer, given: Sequence[tuple[np.ndarray, np.ndarray]], wanted: Sequence[np.ndarray]
) -> float:
    """Return the largest difference of a model's output from what is expected, padding left out."""
    most = 0.0
    for (ids, mask), right in zip(given, wanted, strict=True):
        found = answer(ids, mask)
        seen = mask.astype(bool) if found.shape[:-1] == mask.shape else ...
        most = max(most, float(np.abs(found[seen] - right[seen]).max()))
    return most


@dataclass(frozen=True)
class Compared:
    """Answers of a written model and of its circuit to the same rows.

    Attributes:
        task, languages, rows: what was answered.
        measure: the task's main one.
        circuit, model: the score of each, fractions.
        same: rows with the same answer.
        difference: the largest of the logits of these rows.
    """

    task: str
    languages: tuple[str, ...]
    rows: int
    measure: str
    circuit: float
    model: float
    same: int
    difference: float

    def words(self) -> str:
        """Return the comparison as a sentence."""
        return (
            f"On {self.rows} rows of {self.task} ({', '.join(self.languages)}) {self.same} answers are the circuit's, and the "
            f"{self.measure} is {100 * self.model:.2f} in place of {100 * self.circuit:.2f} (%), a loss of "
            f"{100 * (self.circuit - self.model):.2f} points. "
            f"The largest difference of the logits of these rows is {self.difference:.1e}."
        )


def compare_rows(
    circuit: Circuit, answer: Answer, task: Task, session: Session, languages: str | Sequence[str]
) -> Compared:
    """Answer a task's rows with the circuit and with the model, and score both; means over the languages.

    Raises:
        ToolkitError: the task's rows are not answered by a head, or not by this one.
    """
    if task.kind not in EVALUATED:
        raise ToolkitError(
            f"'{task.name}' is scored by vectors, which are compared number by number; name a task with answers."
        )
    (head,) = heads_for(circuit, task, session.config)
    measure, scores, same, total, difference = MAIN[task.metric], [], 0, 0, 0.0
    wanted = choose_languages(task, languages, session)
    for language in wanted:
        rows = scored_rows(task, language, session)
        features = task_features(rows, task, circuit, session)
        scoring = Scoring.of(rows, session.config.eval)
        batch = session.config.eval.batch_size
        outputs: Mapping[str, Outputs] = {
            "circuit": run_head(circuit, features, head=head, batch_size=batch, is_raw=True, report=session.report),
            "model": run_model(answer, features, batch_size=batch, session=session),
        }
        difference = max(difference, _difference(*outputs.values()))
        found = [
            SCORERS[task.kind](rows, features, best_of(task.kind, out), scoring, task.metric)
            for out in outputs.values()
        ]
        scores.append([each.measures[measure] for each in found])
        same += sum(one == other for one, other in zip(*(each.answers for each in found), strict=True))
        total += len(rows)
    circuits, models = np.array(scores).mean(0).tolist()
    return Compared(task.name, tuple(wanted), total, measure, circuits, models, same, difference)


def _difference(one: Outputs, other: Outputs) -> float:
    """Return the largest difference of two outputs of the same rows."""
    first, second = (each.values if isinstance(each, Ragged) else each for each in (one, other))
    return float(np.abs(first - second).max(initial=0.0))


def run_model(answer: Answer, features: Features, *, batch_size: int, session: Session) -> Outputs:
    """Return a written model's logits for every item, as `evaluation.run_head` does for a circuit with `is_raw`."""
    form, lengths = FORMS[features.kind], features.input_ids.lengths
    rows: list[np.ndarray | None] = [None] * len(features)
    done = 0
    for items in sorted_batches(features, budget=token_budget(batch_size, "cpu")):
        batch = features.collate(items)
        ids, mask = batch["input_ids"], batch["attention_mask"]
        if "is_choice" in batch:
            wide = (*batch["is_choice"].shape, ids.shape[1])
            ids, mask = ids.reshape(wide), mask.reshape(wide)
        logits = torch.from_numpy(answer(ids, mask))
        found = RAW[features.kind](logits, {name: torch.from_numpy(value) for name, value in batch.items()}).numpy()
        for item, output in zip(items, found, strict=True):
            rows[item] = output[: lengths[item]] if form.is_per_token else output
        done += len(items)
        session.report(Progress("answer with the exported model", done, len(features)))
    return form.join([row for row in rows if row is not None], features)
