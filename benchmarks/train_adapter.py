"""Benchmark of training one adapter: ours against the `adapters` library's own trainer, on the same rows, epochs and learning rate.

    python benchmarks/train_adapter.py --quick --json OUT                      # speed, within a minute or two
    python benchmarks/train_adapter.py --data-root MIRROR --json OUT           # speed
    python benchmarks/train_adapter.py --data-root MIRROR --scores --json OUT  # both trained to the end and scored

The library runs with its defaults: fp32, random batches of 32, dynamic padding, backbone dropout 0.1. Ours runs with its own:
token-budget batches by length, bf16 if the processor has it, the frozen backbone without dropout.

`examples_per_s`: the library's examples per second divided by ours (target: at most 0.4).
`score` (with --scores): the library's dev score divided by ours (target: at most 1).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import median, write

from toolkit.composition import parse
from toolkit.config import TrainConfig
from toolkit.evaluation import Scoring, evaluate_rows
from toolkit.evaluation.scoring import word_tags
from toolkit.evaluation.spans import answer_texts
from toolkit.features import Features, features_of
from toolkit.features.ragged import Ragged
from toolkit.metrics import MAIN, accuracy, squad, tagging_f1
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embedded import embedded_folder
from toolkit.recipes.session.circuits import head_spec
from toolkit.tasks import Task, get_task
from toolkit.training import TaskData, fit


@dataclass(frozen=True)
class Job:
    """The same work for both sides."""

    task: Task
    rows: list
    dev: list
    features: Features
    dev_features: Features
    epochs: float
    lr: float
    batch_size: int
    seed: int


def ours(job: Job, *, steps: int | None = None, scored: bool = False) -> dict[str, Any]:
    """Train with the toolkit; return examples per second, and the dev measures where `scored`."""
    backbone = load_backbone("embedded")
    composition = parse(job.task.name)
    train = replace(
        TrainConfig(),
        lr=job.lr,
        fusion_lr=job.lr,
        epochs=job.epochs,
        batch_size=job.batch_size,
        seed=job.seed,
        total_steps=steps,
    )
    with Circuit(backbone, composition, heads={job.task.name: head_spec(job.task)}, seed=job.seed) as circuit:
        result = fit(circuit, composition.parts, [TaskData(job.task.name, job.features)], train=train)
        found: dict[str, Any] = {"examples_per_s": result.examples_per_s, "seconds": result.seconds}
        if scored:
            found["dev"] = evaluate_rows(circuit, job.dev, job.dev_features, scoring=Scoring(job.task.labels)).measures
    return found


def library(job: Job, *, steps: int | None = None, scored: bool = False) -> dict[str, Any]:
    """Train with `adapters`' AdapterTrainer and its defaults."""
    from adapters import AdapterTrainer, AutoAdapterModel
    from transformers import TrainerCallback, TrainingArguments

    torch.manual_seed(job.seed)
    model = AutoAdapterModel.from_pretrained(embedded_folder())
    name = job.task.name
    model.add_adapter(name, config="seq_bn")
    if job.task.kind == "pair":
        model.add_classification_head(name, num_labels=len(job.task.labels))
    elif job.task.kind == "tags":
        model.add_tagging_head(name, num_labels=len(job.task.labels))
    elif job.task.kind == "choice":
        model.add_multiple_choice_head(name, num_choices=int(job.features.widths[0]))
    else:
        model.add_qa_head(name)
    model.train_adapter(name)
    model.active_head = name
    clock = _Clock()

    class Timer(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            clock.begin()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.end()

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            learning_rate=job.lr,
            num_train_epochs=job.epochs,
            max_steps=steps or -1,
            per_device_train_batch_size=job.batch_size,
            lr_scheduler_type="linear",
            warmup_ratio=0.1,
            save_strategy="no",
            report_to=[],
            seed=job.seed,
            use_cpu=not torch.cuda.is_available(),
            remove_unused_columns=False,
            disable_tqdm=True,
            logging_strategy="no",
        )
        began = time.perf_counter()
        trainer = AdapterTrainer(
            model=model,
            args=arguments,
            train_dataset=list(range(len(job.features))),
            data_collator=lambda items: _collated(job.features, items),
            callbacks=[Timer()],
        )
        trainer.train()
        seconds = time.perf_counter() - began
    done = trainer.state.global_step * job.batch_size
    found: dict[str, Any] = {
        "examples_per_s": min(done, job.epochs * len(job.features)) / clock.seconds,
        "seconds": seconds,
    }
    if scored:
        found["dev"] = _library_scores(model.eval(), job)
    return found


class _Clock:
    """Sums the time inside training steps, as ours does."""

    def __init__(self) -> None:
        self.seconds, self.at = 0.0, 0.0

    def begin(self) -> None:
        self.at = time.perf_counter()

    def end(self) -> None:
        self.seconds += time.perf_counter() - self.at


def _collated(features: Features, items: list[int]) -> dict[str, torch.Tensor]:
    batch = features.collate(np.array(items))
    out = {key: torch.from_numpy(batch[key]) for key in ("input_ids", "attention_mask")}
    if features.kind == "choice":
        out = {key: value.view(len(items), -1, value.shape[-1]) for key, value in out.items()}
    if features.kind == "span":
        labels = torch.from_numpy(batch["labels"])
        out |= {"start_positions": labels[:, 0], "end_positions": labels[:, 1]}
    else:
        out["labels"] = torch.from_numpy(batch["tags" if features.kind == "tags" else "labels"])
    return out


@torch.inference_mode()
def _library_scores(model: Any, job: Job) -> dict[str, float]:
    """Score the library's model with the toolkit's own post-processing and metrics."""
    features, rows = job.dev_features, job.dev
    answers: list[Any] = []
    for start in range(0, len(features), 64):
        items = list(range(start, min(start + 64, len(features))))
        batch = _collated(features, items)
        inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
        out = model(**inputs)
        if features.kind == "span":
            logits = torch.stack([out.start_logits, out.end_logits], -1)
        else:
            logits = out.logits
        answers += list(logits.float().numpy())
    if features.kind in ("pair", "choice"):
        assert features.labels is not None
        return accuracy(np.stack(answers).argmax(1), features.labels)
    cut = [answer[:length] for answer, length in zip(answers, features.input_ids.lengths, strict=True)]
    if features.kind == "span":
        texts = answer_texts(rows, features, Ragged(np.concatenate(cut), features.input_ids.offsets))
        gold = {str(i): [answer.text for answer in row.answers] for i, row in enumerate(rows)}
        return squad({str(i): text for i, text in enumerate(texts)}, gold)
    best = Ragged(np.concatenate(cut).argmax(-1), features.input_ids.offsets)
    labels = job.task.labels
    predicted = [[labels[tag] for tag in row] for row in word_tags(features, best)]
    return tagging_f1(predicted, [[labels[tag] for tag in row.tags] for row in rows])


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="a few steps on the generated micro-world")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--task", default="mnli")
    parser.add_argument("--limit", type=int, help="training rows")
    parser.add_argument("--dev-limit", type=int, default=1000)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--steps", type=int, default=20, help="steps a repetition of the speed measurement")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--scores", action="store_true", help="train both to the end and score them")
    args = parser.parse_args()
    name = "micro-nli" if args.quick and args.data_root is None else args.task
    steps, repetitions = (4, 2) if args.quick else (args.steps, args.repetitions)
    task = get_task(name)
    backbone = load_backbone("embedded", precision="fp32")
    rows = list(task.rows("train", data_root=args.data_root, limit=args.limit or (400 if args.quick else None)))
    dev = list(task.rows("dev", data_root=args.data_root, limit=args.dev_limit))
    job = Job(
        task, rows, dev,
        features_of(rows, task.kind, backbone.tokenizer, max_length=args.max_length),
        features_of(dev, task.kind, backbone.tokenizer, max_length=args.max_length),
        args.epochs, args.lr, args.batch_size, seed=0,
    )  # fmt: skip
    details: dict[str, Any] = {"task": name, "rows": len(rows), "lr": args.lr, "batch_size": args.batch_size}
    if args.scores:
        sides = {"ours": ours(job, scored=True), "library": library(job, scored=True)}
        speeds = {side: found["examples_per_s"] for side, found in sides.items()}
        main_measure = MAIN[task.metric]
        ratios = {"score": sides["library"]["dev"][main_measure] / sides["ours"]["dev"][main_measure]}
        details |= {"epochs": args.epochs, "dev_rows": len(dev), "sides": sides, "repetitions": 1}
    else:
        runs: dict[str, list[float]] = {"ours": [], "library": []}
        for _ in range(repetitions):
            runs["ours"].append(ours(job, steps=steps)["examples_per_s"])
            runs["library"].append(library(job, steps=steps)["examples_per_s"])
        speeds = {side: median(values) for side, values in runs.items()}
        ratios = {}
        details |= {"repetitions": repetitions, "steps": steps, "all": runs}
    ratios = {"examples_per_s": speeds["library"] / speeds["ours"], **ratios}
    write(args.json, ratios=ratios, details={**details, "examples_per_s_each": speeds})
    print({**ratios, "each": speeds})


if __name__ == "__main__":
    main()
