"""Cells of `phang2020-real` once more, by plain `transformers` and `adapters`: is it us, or is it so?

    python -m tests.real.independent --data-root MIRROR --json OUT                     # three targets, three seeds
    python -m tests.real.independent --data-root MIRROR --targets udpos --seeds 0 --json OUT
    python -m tests.real.independent --compare OUT docs/results/phang2020-real/scores.csv

From the toolkit come the rows that the sweep drew and the folder of the backbone, nothing else. The rest is of the libraries or
plain: the heads of `adapters`, labels of words on their first piece, random batches of 8 rows, fp32 or with `--bf16` autocast,
`squad_metrics` of `transformers`, `seqeval`.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import toolkit
from toolkit.errors import ToolkitError
from toolkit.modeling.embedded import embedded_folder

BATCH, LR, WARMUP = 8, 5e-4, 0.1


@dataclass(frozen=True)
class Cell:
    """A target of the sweep, the intermediate below it, and the settings of both.

    Attributes:
        limit, epochs: training rows of the target, passes over them.
        below, below_limit: intermediate (one pass), its training rows.
        scored: rows of a language.
    """

    limit: int
    epochs: int
    below: str
    below_limit: int
    scored: int


CELLS = {
    "xnli": Cell(500, 3, "mnli", 2000, 40),
    "udpos": Cell(500, 3, "ccg", 2000, 40),
    "xquad": Cell(150, 2, "squad", 1000, 20),
}
DEV = 60
Item = dict[str, Any]
Score = Callable[[Any], float]


class Encoder:
    """The backbone with the adapters library on top, for one seed."""

    def __init__(self, seed: int, *, is_bf16: bool) -> None:
        from adapters import AutoAdapterModel
        from transformers import AutoTokenizer

        torch.manual_seed(seed)
        self.cast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_bf16)
        self.rng = np.random.default_rng(seed)
        self.tokenizer = AutoTokenizer.from_pretrained(embedded_folder())
        off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        self.model = AutoAdapterModel.from_pretrained(embedded_folder(), **off)

    def learn(self, task: Any, rows: Sequence[Any], epochs: int, below: str | None, score: Score | None) -> str:
        """Train an adapter and head of a task on `below`, which stays as it is; keep the epoch with the best score."""
        from adapters.composition import Stack
        from transformers import get_linear_schedule_with_warmup

        name, model = f"{below or 'alone'}_{task.name}", self.model
        model.add_adapter(name, config="seq_bn")
        if task.kind == "pair":
            model.add_classification_head(name, num_labels=len(task.labels))
        elif task.kind == "tags":
            model.add_tagging_head(name, num_labels=len(task.labels))
        else:
            model.add_qa_head(name, num_labels=2)
        model.train_adapter(name)
        model.set_active_adapters(Stack(below, name) if below else name)
        model.active_head = name
        # The head of what is below may learn for all that the library knows; nothing reaches it.
        learnt = [each for key, each in model.named_parameters() if each.requires_grad and f".{name}." in key]
        assert not any(each.requires_grad for key, each in model.named_parameters() if f".adapters.{below}." in key)
        items = [item for row in rows for item in self.items(task, row)]
        steps = epochs * -(-len(items) // BATCH)
        optimizer = torch.optim.AdamW(learnt, lr=LR, weight_decay=0.0)
        schedule = get_linear_schedule_with_warmup(optimizer, round(WARMUP * steps), steps)
        best: tuple[float, dict[str, torch.Tensor]] | None = None
        for _ in range(epochs):
            model.train()
            order = self.rng.permutation(len(items))
            for start in range(0, len(items), BATCH):
                batch = self.collated([items[i] for i in order[start : start + BATCH]])
                with self.cast:
                    loss = model(**batch).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(learnt, 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            model.eval()
            value = score(self) if score else 0.0
            if best is None or value > best[0]:
                kept = {
                    k: p.detach().clone() for k, p in model.named_parameters() if p.requires_grad and f".{name}." in k
                }
                best = value, kept
        assert best is not None
        model.load_state_dict(best[1], strict=False)
        return name

    def items(self, task: Any, row: Any) -> list[Item]:
        """Tokenise a row: one sequence, or the windows of a long context."""
        if task.kind == "pair":
            found = self.tokenizer(row.first, row.second, truncation=True, max_length=128)
            return [{"input_ids": found["input_ids"], "labels": row.label}]
        if task.kind == "tags":
            found = self.tokenizer(list(row.tokens), is_split_into_words=True, truncation=True, max_length=128)
            words = found.word_ids()
            first = [at > 0 and word is not None and word != words[at - 1] for at, word in enumerate(words)]
            labels = [row.tags[words[at]] if is_first else -100 for at, is_first in enumerate(first)]
            return [{"input_ids": found["input_ids"], "labels": labels, "words": words}]
        found = self.tokenizer(
            row.question,
            row.context,
            truncation="only_second",
            max_length=384,
            stride=128,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        out = []
        for window, ids in enumerate(found["input_ids"]):
            of = found.sequence_ids(window)
            places = [
                place if part == 1 else None for place, part in zip(found["offset_mapping"][window], of, strict=True)
            ]
            first, last = row.answers[0].start, row.answers[0].start + len(row.answers[0].text)
            held = [at for at, place in enumerate(places) if place and place[1] > first and place[0] < last]
            inside = [place for place in places if place]
            is_whole = bool(held) and inside[0][0] <= first and inside[-1][1] >= last
            ends = (held[0], held[-1]) if is_whole else (0, 0)
            out.append({"input_ids": ids, "start_positions": ends[0], "end_positions": ends[1], "places": places})
        return out

    def collated(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Pad some items to the longest."""
        width = max(len(item["input_ids"]) for item in items)
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[*item["input_ids"], *[pad] * (width - len(item["input_ids"]))] for item in items])
        batch = {"input_ids": ids, "attention_mask": (ids != pad).long()}
        for key in ("labels", "start_positions", "end_positions"):
            if key in items[0]:
                values = [item[key] for item in items]
                if isinstance(values[0], list):
                    values = [[*value, *[-100] * (width - len(value))] for value in values]
                batch[key] = torch.tensor(values)
        return batch

    @torch.inference_mode()
    def score(self, task: Any, rows: Sequence[Any]) -> float:
        """Return accuracy, F1 of spans of tags, or F1 of answers."""
        held = [(number, item) for number, row in enumerate(rows) for item in self.items(task, row)]
        logits = []
        for start in range(0, len(held), 32):
            some = [item for _, item in held[start : start + 32]]
            batch = self.collated(some)
            with self.cast:
                out = self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            found = torch.stack([out.start_logits, out.end_logits], -1) if task.kind == "span" else out.logits
            logits += list(found.float().numpy())
        if task.kind == "pair":
            return float(np.mean([one.argmax() == row.label for one, row in zip(logits, rows, strict=True)]))
        if task.kind == "tags":
            return _tags(task.labels, rows, [item for _, item in held], logits)
        return _answers(rows, held, logits)


def _tags(labels: Sequence[str], rows: Sequence[Any], items: Sequence[Item], logits: Sequence[np.ndarray]) -> float:
    from seqeval.metrics import f1_score

    gold, predicted = [], []
    for row, item, one in zip(rows, items, logits, strict=True):
        best = {}
        for at, word in enumerate(item["words"]):
            if word is not None:
                best.setdefault(word, int(one[at].argmax()))
        # seqeval cuts the first letter off a bare tag, so a tag is handed over behind a prefix; a word that was cut off is wrong.
        gold.append([f"C-{labels[tag]}" for tag in row.tags])
        predicted.append([f"C-{labels[best[word]]}" if word in best else "O" for word in range(len(row.tokens))])
    return float(f1_score(gold, predicted))


def _answers(rows: Sequence[Any], held: Sequence[tuple[int, Item]], logits: Sequence[np.ndarray]) -> float:
    from transformers.data.metrics.squad_metrics import compute_f1

    best: dict[int, tuple[float, str]] = {}
    for (number, item), one in zip(held, logits, strict=True):
        starts, ends = (np.argsort(-one[: len(item["places"]), side])[:20] for side in (0, 1))
        for start in starts:
            for end in ends:
                first, last = item["places"][start], item["places"][end]
                if first and last and start <= end < start + 30:
                    value = float(one[start, 0] + one[end, 1])
                    if value > best.get(number, (-np.inf, ""))[0]:
                        best[number] = value, rows[number].context[first[0] : last[1]]
    texts = [best.get(number, (0.0, ""))[1] for number in range(len(rows))]
    return float(np.mean([max(compute_f1(a.text, t) for a in row.answers) for row, t in zip(rows, texts, strict=True)]))


def run(target: str, seed: int, data_root: Path, *, is_bf16: bool) -> dict[str, dict[str, float]]:
    """Train and score a target with and without its intermediate; return row -> language -> points of 100."""
    cell, task = CELLS[target], toolkit.get_task(target)
    taught = toolkit.get_task(task.trains_on or target)
    rows = task_rows(taught, "train", taught.train_language, data_root, cell.limit, seed)
    dev = task_rows(taught, "dev", taught.train_language, data_root, DEV, 0)
    source = toolkit.get_task(cell.below)
    more = task_rows(source, "train", source.train_language, data_root, cell.below_limit, seed)
    scored = {}
    for language in task.languages:
        try:
            scored[language] = task_rows(task, "score", language, data_root, cell.scored, 0)
        except ToolkitError:
            continue  # not in the mirror; the sweep leaves it out as well
    found: dict[str, dict[str, float]] = {}
    for below in (None, cell.below):
        encoder = Encoder(seed, is_bf16=is_bf16)
        base = encoder.learn(source, more, 1, None, None) if below else None
        encoder.learn(taught, rows, cell.epochs, base, lambda each: each.score(taught, dev))
        found[below or "baseline"] = {language: 100 * encoder.score(task, held) for language, held in scored.items()}
        print(target, seed, below, round(float(np.mean(list(found[below or "baseline"].values()))), 2), flush=True)
    return found


def task_rows(task: Any, split: str, language: str, root: Path, limit: int, seed: int) -> list[Any]:
    """Return the rows that the toolkit draws."""
    return list(task.rows(split, language, data_root=root, limit=limit, seed=seed))


def compared(found: dict[str, Any], scores: Path) -> str:
    """Return a table of the sweep's means over languages, those found here, and the 95 % interval of the difference (Welch)."""
    from scipy.stats import ttest_ind

    metric = {"xnli": "accuracy", "udpos": "f1", "xquad": "f1"}
    lines = ["| target | row | sweep (sd of seeds) | independent (sd) | difference [95 %] |", "|---|---|---|---|---|"]
    rows = list(csv.DictReader(scores.read_text(encoding="utf-8").splitlines()))
    for target, by_seed in found.items():
        for row in ("baseline", CELLS[target].below):
            held = {
                seed: {
                    one["language"]: 100 * float(one["score"])
                    for one in rows
                    if (one["target"], one["row"], one["seed"], one["metric"]) == (target, row, seed, metric[target])
                }
                for seed in by_seed
            }
            assert all(by_seed[seed][row].keys() == held[seed].keys() for seed in by_seed), (target, row)
            ours = [float(np.mean(list(each.values()))) for each in held.values()]
            theirs = [float(np.mean(list(each[row].values()))) for each in by_seed.values()]
            low, high = ttest_ind(theirs, ours, equal_var=False).confidence_interval(0.95)
            cells = [f"{np.mean(each):.1f} ({np.std(each, ddof=1):.1f})" for each in (ours, theirs)]
            difference = np.mean(theirs) - np.mean(ours)
            lines.append(
                f"| {target} | {row} | {cells[0]} | {cells[1]} | {difference:+.1f} [{low:+.1f}, {high:+.1f}] |"
            )
    return "\n".join(lines)


def main() -> None:
    """Train and score, or compare what was found with the sweep's scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--targets", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--bf16", action="store_true", help="as the sweep computes where the processor has it")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("JSON", "SCORES"))
    asked = parser.parse_args()
    if asked.compare:
        print(compared(json.loads(asked.compare[0].read_text()), asked.compare[1]))
        return
    if asked.data_root is None or asked.json is None:
        parser.error("--data-root and --json are needed")
    found: dict[str, Any] = json.loads(asked.json.read_text()) if asked.json.exists() else {}
    for target in asked.targets:
        for seed in asked.seeds:
            if str(seed) not in found.setdefault(target, {}):  # a run that was cut off continues
                found[target][str(seed)] = run(target, seed, asked.data_root, is_bf16=asked.bf16)
                asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
