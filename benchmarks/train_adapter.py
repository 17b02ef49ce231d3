"""Benchmark of training one adapter: ours against the `adapters` library's own trainer, on the same rows, epochs and learning rate.

    python benchmarks/train_adapter.py --quick --json OUT                      # speed, within a minute or two
    python benchmarks/train_adapter.py --data-root MIRROR --json OUT           # speed
    python benchmarks/train_adapter.py --data-root MIRROR --old TREE --json OUT    # and against the build in TREE
    python benchmarks/train_adapter.py --data-root MIRROR --scores --json OUT  # both trained to the end and scored

The library runs twice. With its defaults: fp32, random batches of 32, dynamic padding, backbone dropout 0.1. Tuned, as
somebody who knows it would: autocast to bf16 if the processor has it, batches grouped by length, no backbone dropout.
Ours runs with its own defaults: token-budget batches by length, bf16 if the processor has it, the frozen backbone
without dropout.

`examples_per_s`: the library's examples per second divided by ours (target: at most 0.4).
`train_tuned`: those of the tuned library divided by ours (target: at most 0.2).
`train_step` (with --old): the older build's examples per second divided by ours (target: at most 0.5), and `train_memory`:
our peak above the loaded model over the older build's (target: at most 0.5); each side in a process of its own.
`score` (with --scores): the library's dev score divided by ours (target: at most 1).

`products` in the details: GFLOP/s of matrix products of a step's shapes on this machine, those of our step's products over
the whole step, and the share of the first that this is.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import PROJECT, child, interleaved, median, write
from torch.utils.data import Dataset
from torch.utils.flop_counter import FlopCounterMode, register_flop_formula

from toolkit.composition import parse
from toolkit.config import TrainConfig
from toolkit.evaluation.evaluate import evaluate_rows
from toolkit.evaluation.scoring import Scoring, word_tags
from toolkit.evaluation.spans import answer_texts
from toolkit.features import Features, features_of
from toolkit.features.ragged import Ragged
from toolkit.metrics import MAIN, accuracy, squad, tagging_f1
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embedded import embedded_folder
from toolkit.modeling.precision import pick_device, resolve_precision
from toolkit.recipes.session.circuits import head_spec
from toolkit.tasks import Task, get_task
from toolkit.training import TaskData, fit

REPEATED = 20  # products that are timed together


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


def library(job: Job, *, steps: int | None = None, scored: bool = False, is_tuned: bool = False) -> dict[str, Any]:
    """Train with `adapters`' AdapterTrainer: with its defaults, or tuned."""
    from adapters import AdapterTrainer, AutoAdapterModel
    from transformers import TrainerCallback, TrainingArguments

    torch.manual_seed(job.seed)
    without_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0} if is_tuned else {}
    model = AutoAdapterModel.from_pretrained(embedded_folder(), **without_dropout)
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
            bf16=is_tuned and resolve_precision("auto", pick_device()) == "bf16",
            group_by_length=is_tuned,
        )
        began = time.perf_counter()
        trainer = AdapterTrainer(
            model=model,
            args=arguments,
            train_dataset=_Numbered(job.features),
            data_collator=lambda items: _collated(job.features, [item["row"] for item in items]),
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


class _Numbered(Dataset[dict[str, Any]]):
    """The numbers of the rows, with the pieces by whose count the library groups them."""

    def __init__(self, features: Features) -> None:
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"row": row, "input_ids": range(int(self.features.lengths[row]))}


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


def products(job: Job, steps: int, examples_per_s: float) -> dict[str, float]:
    """Return GFLOP/s of plain products of a step's shapes, of our step, and the share of the one that the other is."""
    precision = resolve_precision("auto", pick_device())
    counter = FlopCounterMode(display=False)
    with counter:
        done = ours(job, steps=steps)
    per_row = counter.get_total_flops() / (done["examples_per_s"] * done["seconds"])
    config = load_backbone("embedded").model.config
    wide, narrow, tokens = config.intermediate_size, config.hidden_size, 1024
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    x, weight = torch.randn(tokens, narrow).to(dtype), torch.randn(wide, narrow).to(dtype)
    back = torch.randn(tokens, wide).to(dtype)
    seconds = interleaved({"ahead": lambda: _repeated(x, weight.T), "back": lambda: _repeated(back, weight)}, 5)
    flops = 2 * tokens * wide * narrow * REPEATED
    rate = flops / ((median(seconds["ahead"]) + median(seconds["back"])) / 2)
    ours_rate = per_row * examples_per_s
    return {"plain_gflops": rate / 1e9, "step_gflops": ours_rate / 1e9, "share": ours_rate / rate}


def _repeated(x: torch.Tensor, y: torch.Tensor) -> None:
    for _ in range(REPEATED):
        x @ y


@register_flop_formula(torch.ops.mkldnn._linear_pointwise)
def _linear_flops(x: Any, weight: Any, *_: Any, **__: Any) -> int:
    """Operations of oneDNN's products, of which torch's counter does not know."""
    return 2 * int(np.prod(x)) * int(weight[0])


def builds(args: argparse.Namespace, steps: int, repetitions: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Compare this build with an older one, each run in a process of its own, turn by turn."""
    script = Path(__file__).with_name("train_children.py")
    runs: dict[str, list[Any]] = {"now": [], "older": []}
    for _ in range(repetitions):
        for name, tree in (("now", PROJECT), ("older", args.old.resolve())):
            words = [str(script), "--tree", str(tree), "--task", args.task, "--steps", str(steps)]
            words += ["--batch-size", str(args.batch_size), "--data-root", str(args.data_root.resolve())]
            words += ["--limit", str(args.limit)] * (args.limit is not None)
            threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
            runs[name].append(child(words, Path.cwd(), tree=tree, OMP_NUM_THREADS=threads).found)
    speed = {name: median([run["examples_per_s"] for run in found]) for name, found in runs.items()}
    above = {name: median([run["peak_mib"] - run["loaded_mib"] for run in found]) for name, found in runs.items()}
    ratios = {"train_step": speed["older"] / speed["now"], "train_memory": above["now"] / above["older"]}
    return ratios, {"builds": runs}


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
    parser.add_argument("--old", type=Path, help="a tree of an older build; needs --data-root")
    args = parser.parse_args()
    if args.old is not None and args.data_root is None:
        parser.error("--old needs --data-root")
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
        runs: dict[str, list[float]] = {"ours": [], "library": [], "tuned": []}
        for _ in range(repetitions):
            runs["ours"].append(ours(job, steps=steps)["examples_per_s"])
            runs["library"].append(library(job, steps=steps)["examples_per_s"])
            runs["tuned"].append(library(job, steps=steps, is_tuned=True)["examples_per_s"])
        speeds = {side: median(values) for side, values in runs.items()}
        ratios = {"train_tuned": speeds["tuned"] / speeds["ours"]}
        details |= {"repetitions": repetitions, "steps": steps, "all": runs}
        details |= {"products": products(job, min(steps, 4), speeds["ours"])}
        if args.old is not None:
            found, more = builds(args, steps, repetitions)
            ratios, details = {**ratios, **found}, {**details, **more}
    ratios = {"examples_per_s": speeds["library"] / speeds["ours"], **ratios}
    write(args.json, ratios=ratios, details={**details, "examples_per_s_each": speeds})
    print({**ratios, "each": speeds})


if __name__ == "__main__":
    main()
