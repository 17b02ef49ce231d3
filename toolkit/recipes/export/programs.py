"""The program next to an exported model, one for each kind: a row in, an answer out, with a tokenizer and a runtime alone.

The text to tokens, and the outputs to answers, are those of `toolkit.features` and `toolkit.evaluation`;
tests/recipes/export compares them row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toolkit.tasks.kinds import Kind

Runtime = Literal["onnx", "torch"]

_START = '''"""{title}

Use: python run.py ROWS.jsonl > answers.jsonl    (without a file: rows from standard input)
A row: {row}
Needs {needs}.
"""

import json
import sys
from pathlib import Path

import numpy as np
{imports}
from tokenizers import Tokenizer

here = Path(__file__).parent
config = json.loads((here / "config.json").read_text(encoding="utf-8"))
tokenizer = Tokenizer.from_file(str(here / "tokenizer.json"))
tokenizer.encode_special_tokens = True  # `<s>` in a text is text
{load}


def model(sequences):
    """Return the model's output for some token sequences, float32 [N, ...]."""
    width = max(map(len, sequences))
    ids = np.array([[*each, *[config["pad"]] * (width - len(each))] for each in sequences], np.int64)
    mask = np.array([[1] * len(each) + [0] * (width - len(each)) for each in sequences], np.int64)
    return {call}


'''

_PAIR = """
tokenizer.enable_truncation(config["max_length"], strategy="longest_first")


def answer(row):
    logits = model([tokenizer.encode(row["first"], row.get("second")).ids])[0]
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    return {"prediction": config["labels"][int(logits.argmax())], "probabilities": dict(zip(config["labels"], shares.tolist()))}
"""

_CHOICE = """
tokenizer.enable_truncation(config["max_length"], strategy="longest_first")


def answer(row):
    first = " ".join(part for part in (row.get("context"), row.get("question")) if part)
    logits = model([tokenizer.encode(first, choice).ids for choice in row["choices"]])[0]
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    best = int(logits.argmax())
    return {"prediction": best, "text": row["choices"][best], "probabilities": shares.tolist()}
"""

_SPAN = '''
def top(values):
    order = np.argsort(-values, kind="stable")[: config["n_best"]]
    return np.sort(order[np.isfinite(values[order])])


def is_mark(character):
    """Whether a character completes the one before it: a mark, or a part of a Korean or halfwidth Japanese syllable."""
    return unicodedata.category(character)[0] == "M" or "\\u1160" <= character <= "\\u11ff" or (
        "\\ud7b0" <= character <= "\\ud7fb" or character in "\\uff9e\\uff9f"
    )


def answer(row):
    context, longest = row["context"], config["max_answer_tokens"]
    question = tokenizer.encode(row["question"], add_special_tokens=False).ids[: config["question_length"]]
    text = tokenizer.encode(context, add_special_tokens=False)
    offsets = []  # of each piece in the context, without blanks; a bare blank has the place of what follows it
    for (start, end), piece in zip(text.offsets, text.tokens):
        while start < end and context[start].isspace():
            start += 1
        offsets.append((start, start if piece == "\\u2581" else end))
    head = [config["bos"], *question, config["eos"], config["eos"]]
    size = config["max_length"] - len(head) - 1
    step = max(size - config["stride"], 1)
    places = range(0, max(len(text.ids) - size + step, 1), step)
    best, null = (-np.inf, 0, 0), np.inf
    for place in places:  # long contexts in windows that overlap
        logits = model([[*head, *text.ids[place : place + size], config["eos"]]])[0]
        null = min(null, logits[0].sum())
        inside = np.array(offsets[place : place + size], np.int64).reshape(-1, 2)
        start = logits[len(head) :][: len(inside), 0]
        end = np.where(inside[:, 1] > inside[:, 0], logits[len(head) :][: len(inside), 1], -np.inf)
        firsts, lasts = top(start), top(end)
        if not len(firsts) or not len(lasts):
            continue
        lengths = lasts[None] - firsts[:, None] + 1
        scores = np.where((lengths >= 1) & (lengths <= longest), start[firsts][:, None] + end[lasts], -np.inf)
        i, j = divmod(int(scores.argmax()), len(lasts))
        if scores[i, j] > best[0]:
            best = (scores[i, j], int(inside[firsts[i], 0]), int(inside[lasts[j], 1]))
    score, first, last = best
    if not np.isfinite(score):
        return {"prediction": "", "start": None, "end": None, "score": None, "no_answer": None}
    while last < len(context) and is_mark(context[last]):
        last += 1
    found = {"score": float(score), "no_answer": float(null - score)}  # above the threshold there is no answer
    if config["null_threshold"] is not None and found["no_answer"] > config["null_threshold"]:
        return {"prediction": "", "start": None, "end": None, **found}
    return {"prediction": context[first:last], "start": first, "end": last, **found}
'''

_TAGS = """
def answer(row):
    words = row["tokens"] if "tokens" in row else row["text"].split()
    room = config["max_length"] - 2
    parts, places = [[]], []  # sequences of pieces, and where each word's label is: sequence and token
    for word in words:
        encoded = tokenizer.encode(word, add_special_tokens=False)
        pieces = encoded.ids[:room] or [config["unk"]]
        if len(parts[-1]) + len(pieces) > room:
            parts.append([])
        is_behind = config["label_piece"] == "content" and len(pieces) > 1 and encoded.tokens[0] == "\\u2581"
        places.append((len(parts) - 1, len(parts[-1]) + 1 + is_behind))
        parts[-1].extend(pieces)
    best = model([[config["bos"], *part, config["eos"]] for part in parts]).argmax(-1)
    return {"tokens": words, "prediction": [config["labels"][int(best[place])] for place in places]}
"""

_VECTORS = """
def answer(row):
    length = config["query_length"] if "query" in row else config["max_length"]
    tokenizer.enable_truncation(length)
    text = row["query"] if "query" in row else row["text"]
    return {"vector": model([tokenizer.encode(text).ids])[0].tolist()}
"""

_END = """

if __name__ == "__main__":
    for line in open(sys.argv[1], encoding="utf-8") if len(sys.argv) > 1 else sys.stdin:
        row = json.loads(line)
        kept = {"id": row["id"]} if "id" in row else {}
        print(json.dumps(kept | answer(row), ensure_ascii=False))
"""


@dataclass(frozen=True)
class Program:
    """What answers rows of a kind.

    Attributes:
        body: Python: `answer(row)`.
        row: a row, as JSON.
        batch: how the program's arrays become what the model takes.
        imports: of the standard library.
    """

    body: str
    row: str
    batch: str = "{}"
    imports: str = ""


PROGRAMS: Mapping[Kind, Program] = {
    "pair": Program(
        _PAIR, '{"first": "A man plays.", "second": "Somebody plays."}; `second` only where the task has two texts'
    ),
    "choice": Program(_CHOICE, '{"context": "...", "question": "...", "choices": ["...", "..."]}', "{}[None]"),
    "span": Program(_SPAN, '{"question": "Who plays?", "context": "A man plays."}', imports="import unicodedata\n"),
    "tags": Program(_TAGS, '{"tokens": ["A", "man", "plays"]}, or {"text": "A man plays"}, which is cut at blanks'),
    "retrieval": Program(_VECTORS, '{"text": "A man plays."}, or {"query": "..."} cut as queries are'),
}
"""By kind of task that has a head, or vectors."""

_RUNTIMES: Mapping[Runtime, Mapping[str, str]] = {
    "onnx": {
        "needs": "onnxruntime and tokenizers",
        "imports": "from onnxruntime import InferenceSession",
        "load": 'session = InferenceSession(str(here / "model.onnx"))',
        "call": 'session.run(None, {"input_ids": IDS, "attention_mask": MASK})[0]',
    },
    "torch": {
        "needs": "torch, numpy and tokenizers",
        "imports": "import torch",
        "load": 'module = torch.export.load(str(here / "model.pt2")).module()',
        "call": "module(torch.from_numpy(IDS), torch.from_numpy(MASK)).detach().numpy()",
    },
}


def program(kind: Kind, runtime: Runtime, title: str) -> str:
    """Return the text of `run.py`.

    Args:
        title: one line of the docstring: what answers.
    """
    of_kind, parts = PROGRAMS[kind], dict(_RUNTIMES[runtime])
    ids, mask = (of_kind.batch.format(name) for name in ("ids", "mask"))
    parts["call"] = parts["call"].replace("IDS", ids).replace("MASK", mask)
    title = title.replace("\\", "/").replace('"', "'")
    start = _START
    for name, value in {"title": title, "row": of_kind.row, **parts}.items():
        start = start.replace("{" + name + "}", value)
    start = start.replace("from pathlib import Path\n", of_kind.imports + "from pathlib import Path\n", 1)
    return start + of_kind.body.lstrip("\n") + _END
