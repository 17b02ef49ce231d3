"""Distil a composition into one ordinary adapter, on rows whose labels are not read."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import replace as altered
from pathlib import Path

from toolkit.composition import Composition, Name, parse
from toolkit.config import to_dict
from toolkit.errors import ToolkitError
from toolkit.features import Features, sentence_features
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.fusion.cost import Cheaper, cost_table, held_rows, log_costs, measure_cost
from toolkit.recipes.fusion.prune import closed
from toolkit.recipes.score.evaluate import choose_languages, heads_for, seed_of, task_features
from toolkit.recipes.score.publish import result_folder
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session, require_writable
from toolkit.recipes.session.weights import file_of
from toolkit.recipes.train.auto import resolve
from toolkit.tasks import TASKS, Task, get_task
from toolkit.tasks.catalogue.trains_on import source_task
from toolkit.training import TaskData, Watch, fit
from toolkit.training.checkpoint import remove_checkpoint
from toolkit.training.distil import Lessons, without_labels
from toolkit.zoo import AdapterCard, Head, Origin, rows_of

MOST_ROWS = 10_000  # without `train.limit`: the teacher's hidden states are held in memory
HELD_OUT = 0.1  # share of the rows on which the best weights are chosen


def collapse(
    expression: str,
    session: Session,
    *,
    name: str | None = None,
    task: str | None = None,
    text_file: Path | None = None,
    languages: str | Sequence[str] = "all",
    replace_entry: bool = False,
) -> Cheaper:
    """Distil a trained composition into one adapter of its own name, and score both.

    The adapter learns to give the composition's last hidden states, and its head's logits, on rows whose labels are not read: the
    training rows of the head's task, or a text of the user's own. The best weights are chosen on a tenth of them. The head is the
    composition's own and stays as it is.

    Args:
        expression: composition whose entries the zoo holds; a fusion, an average or a stack.
        session: of the configuration; `train` says how long and how fast, `adapter` the new adapter's shape.
        name: the new entry; default: the head's name with `-collapsed`.
        task: whose rows are scored; default: the head's.
        text_file: a sentence a line, in any language, in place of the task's training rows.
        languages: as for `evaluate`.
        replace_entry: replace an entry of the new name.

    Raises:
        ToolkitError: nothing to collapse, or a name that is a task's, no plain name, or taken.
    """
    began = time.perf_counter()
    config, say, report = session.config, session.say, session.report
    whole = closed(parse(expression))
    if whole.is_parallel or whole.is_backbone or sum(part.kind != "head" for part in whole.parts) < 2:
        raise ToolkitError(
            f"'{whole}' is not several adapters in one circuit; collapse a fusion, an average or a stack, such as 'fuse[a,b]/t'."
        )
    head = whole.head_name.name
    target = get_task(task or head)
    entry = parse(name or f"{head}-collapsed")
    zoo, shelf = session.zoo, session.shelf
    _check_name(entry, replace_entry or not zoo.holds(str(entry), shelf))
    wanted = choose_languages(target, languages, session)
    circuit, cards = trained_circuit(str(whole), session, heads=None)
    with circuit:
        heads_for(circuit, target)
        backbone, spec = circuit.backbone, circuit.spec
        settings = resolve(config.train, backbone.hidden_size)
        learnt, kept_out, seen = _rows(circuit, source_task(get_task(head)), text_file, session)
        lessons = [
            Lessons(circuit, one, batch_size=config.eval.batch_size, what=f"{whole} teaches", report=report)
            for one in (learnt, kept_out)
        ]
        weights = circuit.tensors_of(whole.parts[-1])
        held = held_rows(circuit, target, wanted, session)
        before, _ = measure_cost(circuit, target, held, session, seed=seed_of(cards), note="taught")
    say(
        f"{entry}: learns from {whole} on {len(learnt):,} sequences, labels not read; {len(kept_out):,} more choose the best weights; "
        f"the teacher's hidden states take {lessons[0].states.values.nbytes / 2**20:,.0f} MiB."
    )
    taught_by = [{"name": one, "digest": card.digest} for one, card in cards.items()]
    determined_by = [str(entry), taught_by, asdict(settings), asdict(config.adapter), seen, backbone.precision]
    key = hashlib.sha256(json.dumps(determined_by, sort_keys=True, default=str).encode()).hexdigest()[:16]
    checkpoint = Path(config.run_dir) / "checkpoints" / key
    for folder in (checkpoint, zoo.root):
        require_writable(folder)
    module, answer = entry.parts
    heads, adapter = {answer.name: altered(spec, dropout=0.0)}, config.adapter
    with Circuit(backbone, entry, heads=heads, adapter=adapter, seed=settings.seed) as student:
        student.load(answer, weights)

        def dev() -> float:
            return -lessons[1].mean_loss(student, kept_out, batch_size=config.eval.batch_size)

        result = fit(
            student,
            [module],
            [TaskData(answer.name, learnt, loss=lambda batch: lessons[0].loss(student, batch))],
            train=settings,
            dev=dev,
            checkpoint=checkpoint,
            watch=Watch(f"collapse {whole}", report),
        )
        files = {file_of(part): student.tensors_of(part) for part in (module, answer)}
        after, scores = measure_cost(student, target, held, session, seed=settings.seed, note="collapsed")
    costs = (before, after)
    last = list(cards.values())[-1]
    card = AdapterCard.made_by(
        str(entry),
        Origin(last.backbone, list(cards.values()), rows_of(cards.values())),
        {
            "adapter": to_dict(config)["adapter"],
            "train": {**to_dict(altered(config, train=settings))["train"]},
            "precision": backbone.precision,
            "steps": result.steps,
            "best_step": result.best_step,
            "learn": [f"{module.kind} {module.name}"],
            "collapsed": {"from": str(whole), "rows": seen, "costs": [asdict(cost) for cost in costs]},
        },
        tasks=last.tasks,
        heads={answer.name: Head.of(spec)},
        scores=scores,
        seconds=time.perf_counter() - began,
    )
    card = zoo.put(card, files, replace=replace_entry)
    remove_checkpoint(checkpoint)
    text = cost_table(costs, target, held)
    folder = result_folder(str(entry), target.name, config, journey="collapse")
    run_id = log_costs(entry, target.name, costs, folder, text, session, journey="collapse")
    return Cheaper(card=card, costs=costs, text=text, folder=folder, run_id=run_id)


def _check_name(entry: Composition, is_free: bool) -> None:
    units = entry.chain.units
    if len(units) != 1 or not isinstance(units[0], Name) or entry.head is not None or units[0].language:
        raise ToolkitError(
            f"'{entry}' is no plain name; an adapter that is distilled takes one, such as 'udpos-collapsed'."
        )
    if str(entry) in TASKS:
        raise ToolkitError(
            f"'{entry}' is a task, whose adapter is trained on its rows; name what is distilled otherwise, such as '{entry}-collapsed'."
        )
    if not is_free:
        raise ToolkitError(
            f"The zoo holds '{entry}' already; choose another name with --as, or replace it with --replace."
        )


def _rows(
    circuit: Circuit, source: Task, text_file: Path | None, session: Session
) -> tuple[Features, Features, dict[str, object]]:
    """Return sequences to learn from, sequences that are held out, and what they are."""
    config = session.config
    limit = config.train.limit or MOST_ROWS
    if text_file is not None:
        try:
            texts = [line for line in text_file.read_text(encoding="utf-8").splitlines() if line.strip()][:limit]
        except (OSError, UnicodeDecodeError) as error:
            raise ToolkitError(
                f"{text_file} cannot be read as UTF-8 text ({error}); expected a sentence a line."
            ) from None
        if len(texts) < 2:
            raise ToolkitError(f"{text_file} has {len(texts)} lines; expected at least two sentences, one a line.")
        n = max(1, round(HELD_OUT * len(texts)))
        length = circuit.backbone.max_tokens
        tokenizer = circuit.backbone.tokenizer
        first, second = (sentence_features(part, tokenizer, max_length=length) for part in (texts[n:], texts[:n]))
        digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        seen: dict[str, object] = {"text": text_file.name, "lines": len(texts), "sha256": digest}
        return without_labels(first), without_labels(second), seen
    rows = source.rows("train", source.train_language, data_root=config.data_root, limit=limit)
    n = max(1, round(HELD_OUT * len(rows)))
    first, second = (task_features(part, source, circuit, session) for part in (rows[n:], rows[:n]))
    seen = {"task": source.name, "split": "train", "rows": len(rows), "fingerprint": rows.fingerprint}
    return without_labels(first), without_labels(second), seen
