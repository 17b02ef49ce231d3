"""Distil a composition into one ordinary adapter, on rows whose labels are not read."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from toolkit.composition import Composition, parse
from toolkit.composition.variants import closed
from toolkit.config import TrainConfig, to_dict
from toolkit.errors import ToolkitError
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.fusion.cost import Cheaper, Cost, Held, held_rows, made_cheaper, measure_cost, results_of
from toolkit.recipes.fusion.lessons import Sequences, sequences_for
from toolkit.recipes.fusion.storing import Storing
from toolkit.recipes.score.evaluate import choose_languages, heads_for, seed_of
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.lease import leased_names
from toolkit.recipes.session.names import require_name, task_of
from toolkit.recipes.session.session import Session, require_writable
from toolkit.recipes.session.weights import file_of
from toolkit.recipes.train.auto import in_shares, resolve
from toolkit.recipes.train.cut import fitted
from toolkit.recipes.train.pending import Pending, complete
from toolkit.recipes.train.put import space_of
from toolkit.recipes.train.settings import whole_settings
from toolkit.results.score import Score
from toolkit.space import require_space
from toolkit.tasks import Task
from toolkit.training import FitResult, TaskData, Watch, fit, plan_run, with_epochs
from toolkit.training.distil import Lessons
from toolkit.zoo import AdapterCard, Head, Origin, rows_of


@dataclass(frozen=True)
class _Taught:
    """What a composition hands on to the adapter that learns from it.

    Attributes:
        cards: of its entries.
        circuit: the composition's, closed by now: its backbone and its head's specification are used.
        head: the head's weights.
        rows: sequences to learn from and to choose the best weights on.
        lessons: its hidden states on either.
        held: the rows scored.
        cost: of the composition.
    """

    cards: dict[str, AdapterCard]
    circuit: Circuit
    head: dict[str, np.ndarray]
    rows: Sequences
    lessons: tuple[Lessons, Lessons]
    held: list[Held]
    cost: Cost


@dataclass(frozen=True)
class _Learnt:
    """What the adapter came to: its training, weights by file, cost and scores."""

    result: FitResult
    files: dict[str, dict[str, np.ndarray]]
    cost: Cost
    scores: tuple[Score, ...]


def collapse(
    expression: str,
    session: Session,
    *,
    task: str | None = None,
    text_file: Path | None = None,
    languages: str | Sequence[str] = "all",
    storing: Storing = Storing(),  # noqa: B008  # frozen
) -> Cheaper:
    """Distil a trained composition into one adapter of its own name, and score both.

    The adapter learns to give the composition's last hidden states, and its head's logits, on rows whose labels are not read: the
    training rows of the head's task, or a text of the user's own. The best weights are chosen on a tenth of them. The head is the
    composition's own and stays as it is.

    Args:
        expression: composition whose entries the zoo holds; a fusion, an average or a stack.
        session: of the configuration; `train` says how long and how fast, `adapter` the new adapter's shape.
        task: whose rows are scored; default: the head's.
        text_file: a sentence a line, in any language, in place of the task's training rows.
        languages: as for `evaluate`.
        storing: the new entry's name, default the head's with `-collapsed`; and what may be replaced.

    Raises:
        ToolkitError: nothing to collapse, or a name that is a task's, not a plain name, or taken.
    """
    began = time.perf_counter()
    complete(session)
    whole = closed(parse(expression))
    if whole.is_parallel or whole.is_backbone or sum(part.kind != "head" for part in whole.parts) < 2:
        raise ToolkitError(
            f"'{whole}' is not several adapters in one circuit; collapse a fusion, an average or a stack, such as 'fuse[a,b]/t'."
        )
    head = whole.head_name.name
    target = session.catalogue.get(task or task_of(whole, session))
    name = storing.name or f"{head.removesuffix('-collapsed')}-collapsed"
    require_name(name, session)
    entry = parse(name)
    storing.require_free(name, session, results=results_of(str(entry), target.name, session, journey="collapse"))
    with leased_names([str(entry)], session, "collapsed"):
        wanted = choose_languages(target, languages, session)
        taught = _taught(whole, target, wanted, text_file, session)
        settings = in_shares(resolve(session.config.train, taught.circuit.backbone.hidden_size))
        settings = with_epochs(settings, plan_run([TaskData(head, taught.rows.learnt)], settings))
        n, states = len(taught.rows.learnt), taught.lessons[0].states.values
        session.say(
            f"{entry}: learns from {whole} on {n:,} sequences, labels not read; {len(taught.rows.kept_out):,} more choose the best weights; "
            f"the teacher's hidden states take {states.nbytes / 2**20:,.0f} MiB."
        )
        checkpoint = Path(session.config.run_dir) / "checkpoints" / _key(entry, taught, settings, session)
        for folder in (checkpoint, session.zoo.root):
            require_writable(folder)
        learnt = _learnt(entry, whole, taught, settings, checkpoint, session)
        card = _card(entry, whole, taught, learnt, settings, session)
        card = replace(card, seconds=round(time.perf_counter() - began, 1))
        pending = Pending(checkpoint, str(entry))
        pending.write(session)
        card = session.zoo.put(card, learnt.files, replace=storing.replace)
        pending.remove()
        return made_cheaper(card, (taught.cost, learnt.cost), taught.held, session, journey="collapse")


def _taught(
    whole: Composition, target: Task, languages: Sequence[str], text_file: Path | None, session: Session
) -> _Taught:
    """Let the composition answer what it teaches, and measure it."""
    batch_size = session.config.eval.batch_size
    circuit, cards = trained_circuit(str(whole), session, heads=None)
    with circuit:
        heads_for(circuit, target, session.config)  # raises where the head does not answer the task
        rows = sequences_for(circuit, task_of(whole, session), text_file, session)
        first, second = (
            Lessons(circuit, one, batch_size=batch_size, what=f"{whole} teaches", report=session.report)
            for one in (rows.learnt, rows.kept_out)
        )
        head = circuit.tensors_of(whole.parts[-1])
        held = held_rows(circuit, target, languages, session)
        cost, _ = measure_cost(circuit, held, session, seed=seed_of(cards), note="taught")
    return _Taught(cards, circuit, head, rows, (first, second), held, cost)


def _key(entry: Composition, taught: _Taught, settings: TrainConfig, session: Session) -> str:
    """Return what identifies the training: everything that can change its weights."""
    taught_by = [{"name": one, "digest": card.digest} for one, card in taught.cards.items()]
    precision = taught.circuit.backbone.precision
    determined_by = [
        str(entry),
        taught_by,
        whole_settings(settings),
        asdict(session.config.adapter),
        taught.rows.described,
        precision,
    ]
    return hashlib.sha256(json.dumps(determined_by, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _learnt(
    entry: Composition, whole: Composition, taught: _Taught, settings: TrainConfig, checkpoint: Path, session: Session
) -> _Learnt:
    """Train the adapter on what the composition answered, and measure it."""
    module, answer = entry.parts
    lessons, kept_out = taught.lessons, taught.rows.kept_out
    with Circuit(
        taught.circuit.backbone,
        entry,
        heads={answer.name: replace(taught.circuit.spec, dropout=0.0)},
        adapter=session.config.adapter,
        seed=settings.seed,
    ) as student:
        student.load(answer, taught.head)
        learnt = sum(one.numel() * one.element_size() for one in student.parameters_of(module).values())
        require_space(space_of(learnt, checkpoint, session.zoo.root))

        def dev() -> float:
            return -lessons[1].mean_loss(student, kept_out, batch_size=session.config.eval.batch_size)

        data = [TaskData(answer.name, taught.rows.learnt, loss=partial(lessons[0].loss, student))]
        result = fit(
            student,
            [module],
            data,
            train=fitted(student, [module], data, settings),
            dev=dev,
            checkpoint=checkpoint,
            watch=Watch(f"collapse {whole}", session.report, say=session.say),
        )
        files = {file_of(part): student.tensors_of(part) for part in (module, answer)}
        cost, scores = measure_cost(student, taught.held, session, seed=settings.seed, note="collapsed")
    return _Learnt(result, files, cost, scores)


def _card(
    entry: Composition, whole: Composition, taught: _Taught, learnt: _Learnt, settings: TrainConfig, session: Session
) -> AdapterCard:
    module, answer = entry.parts
    cards = list(taught.cards.values())
    recipe = to_dict(replace(session.config, train=settings))
    return AdapterCard.made_by(
        str(entry),
        Origin(cards[-1].backbone, cards, rows_of(cards)),
        {
            "adapter": recipe["adapter"],
            "train": recipe["train"],
            "precision": taught.circuit.backbone.precision,
            "steps": learnt.result.steps,
            "best_step": learnt.result.best_step,
            "learn": [f"{module.kind} {module.name}"],
            "collapsed": {
                "from": str(whole),
                "rows": taught.rows.described,
                "costs": [asdict(cost) for cost in (taught.cost, learnt.cost)],
            },
        },
        tasks=cards[-1].tasks,
        heads={answer.name: Head.of(taught.circuit.spec)},
        scores=learnt.scores,
    )
