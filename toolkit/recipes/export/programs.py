"""The programs next to an exported model, by kind: a row in, an answer out, with a tokenizer and a runtime alone.

`run.py` has at most 15 lines. A row of tags or spans can be several sequences, whose cutting and joining is in `rows.py`.

The text to tokens, and the outputs to answers, are those of `toolkit.features` and `toolkit.evaluation`;
tests/recipes/export compares them row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toolkit.tasks.kinds import Kind

Runtime = Literal["onnx", "torch"]

_START = '''"""{title}: python run.py ROWS.jsonl"""
import {imports}
{first}{settings}tokenizer = tokenizers.Tokenizer.from_file(str(pathlib.Path(__file__).with_name("tokenizer.json")))
tokenizer.encode_special_tokens = True  # `<s>` in a text is text
{load}
'''
_CONFIG = 'config = json.loads(pathlib.Path(__file__).with_name("config.json").read_text("utf-8"))\n'

_PAIR = """def answer(row):
    ids = numpy.array([tokenizer.encode(row["first"], row.get("second")).ids])
    logits = {call}[0]
    shares = numpy.exp(logits - numpy.logaddexp.reduce(logits)).tolist()
    return {"prediction": config["labels"][logits.argmax()], "probabilities": dict(zip(config["labels"], shares))}
"""

_CHOICE = """def answer(row):
    first = " ".join(filter(None, (row.get("context"), row.get("question"))))
    read = tokenizer.encode_batch([(first, choice) for choice in row["choices"]])
    ids, mask = (numpy.array([[getattr(each, name) for each in read]]) for name in ("ids", "attention_mask"))
    logits = {call}[0]
    best, shares = int(logits.argmax()), numpy.exp(logits - numpy.logaddexp.reduce(logits)).tolist()
    return {"prediction": best, "text": row["choices"][best], "probabilities": shares}
"""

_VECTORS = """def answer(row):
    is_query = "query" in row
    tokenizer.enable_truncation(config["query_length" if is_query else "max_length"])
    ids = numpy.array([tokenizer.encode(row["query" if is_query else "text"]).ids])
    return {"vector": {call}[0].tolist()}
"""

_BY_ROWS = """def answer(row):
    run = lambda ids: {call}
    return rows.answer(row, tokenizer, config, run)
"""

_END = """for line in fileinput.input(encoding="utf-8") if __name__ == "__main__" else ():
    print(json.dumps((row := json.loads(line)) | answer(row), ensure_ascii=False))
"""

_SPAN = '''"""A question and its context to sequences, and the model's outputs to an answer: what `run.py` calls."""

import unicodedata

import numpy as np


def top(values, n_best):
    order = np.argsort(-values, kind="stable")[:n_best]
    return np.sort(order[np.isfinite(values[order])])


def is_mark(character):
    """Whether a character completes the one before it: a mark, or a part of a Korean or halfwidth Japanese syllable."""
    return unicodedata.category(character)[0] == "M" or "\\u1160" <= character <= "\\u11ff" or (
        "\\ud7b0" <= character <= "\\ud7fb" or character in "\\uff9e\\uff9f"
    )


def answer(row, tokenizer, config, run):
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
        ids = np.array([[*head, *text.ids[place : place + size], config["eos"]]])
        logits = run(ids)[0]
        null = min(null, logits[0].sum())
        inside = np.array(offsets[place : place + size], np.int64).reshape(-1, 2)
        start = logits[len(head) :][: len(inside), 0]
        end = np.where(inside[:, 1] > inside[:, 0], logits[len(head) :][: len(inside), 1], -np.inf)
        firsts, lasts = top(start, config["n_best"]), top(end, config["n_best"])
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

_TAGS = '''"""A sentence to sequences, and the model's outputs to a tag for each word: what `run.py` calls."""

import numpy as np


def answer(row, tokenizer, config, run):
    words = row["tokens"] if "tokens" in row else row["text"].split()
    room = config["max_length"] - 2
    parts, places = [[]], []  # sequences of pieces, and where each word's label is: sequence and token
    for read in tokenizer.encode_batch(words, add_special_tokens=False):
        pieces = read.ids[:room] or [config["unk"]]
        if len(parts[-1]) + len(pieces) > room:
            parts.append([])
        is_behind = config["label_piece"] == "content" and len(pieces) > 1 and read.tokens[0] == "\\u2581"
        places.append((len(parts) - 1, len(parts[-1]) + 1 + is_behind))
        parts[-1].extend(pieces)
    rows = [np.array([[config["bos"], *part, config["eos"]]]) for part in parts]
    best = [run(ids)[0].argmax(-1) for ids in rows]
    return {"tokens": words, "prediction": [config["labels"][best[part][place]] for part, place in places]}
'''


@dataclass(frozen=True)
class Program:
    """What answers rows of a kind.

    Attributes:
        body: Python: `answer(row)`.
        row: a row, as JSON.
        reads: whether it reads `config.json`.
        mask: the attention mask of `ids`; there is padding only among choices.
        rows: Python of a file next to it, where a row is more than one sequence; empty: there is none.
    """

    body: str
    row: str
    reads: bool = True
    mask: str = "ids * 0 + 1"
    rows: str = ""


PROGRAMS: Mapping[Kind, Program] = {
    "pair": Program(_PAIR, '{"first": "A man plays.", "second": "Somebody plays."}; `second` is not of every task'),
    "choice": Program(_CHOICE, '{"context": "...", "question": "...", "choices": ["...", "..."]}', False, "mask"),
    "span": Program(_BY_ROWS, '{"question": "Who plays?", "context": "A man plays."}', rows=_SPAN),
    "tags": Program(_BY_ROWS, '{"tokens": ["A", "man", "plays"]}, or {"text": "A man plays"}', rows=_TAGS),
    "retrieval": Program(_VECTORS, '{"text": "A man plays."}, or {"query": "..."} cut as queries are'),
}
"""By kind of task that has a head, or vectors."""

_RUNTIMES: Mapping[Runtime, Mapping[str, str]] = {
    "onnx": {
        "runtime": "importlib os",
        # Before it is imported: findings/onnxruntime_reports_when_imported.sh.
        "first": 'os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else onnxruntime sends reports to its maker\n',
        "load": 'session = importlib.import_module("onnxruntime").InferenceSession(pathlib.Path(__file__).with_name("model.onnx"))',
        "call": 'session.run(None, {"input_ids": ids, "attention_mask": MASK})[0]',
    },
    "torch": {
        "runtime": "torch",
        "first": "",
        "load": 'module = torch.export.load(pathlib.Path(__file__).with_name("model.pt2")).module()',
        "call": "module(torch.from_numpy(ids), torch.from_numpy(MASK)).detach().numpy()",
    },
}


def programs(kind: Kind, runtime: Runtime, title: str) -> dict[str, str]:
    """Return the texts of `run.py`, of 15 lines at most, and of `rows.py` where the kind has one, by name.

    Args:
        title: one line of the docstring: what answers.
    """
    of_kind, parts = PROGRAMS[kind], dict(_RUNTIMES[runtime])
    parts["call"] = parts["call"].replace("MASK", of_kind.mask)
    parts["title"] = title.replace("\\", "/").replace('"', "'").rstrip(".")
    modules = {*["fileinput", "json", "numpy", "pathlib", "tokenizers"], *parts.pop("runtime").split()}
    parts["imports"] = ", ".join(sorted({*modules, *(["rows"] if of_kind.rows else [])}))
    text = _START + of_kind.body + _END
    for name, value in {**parts, "settings": _CONFIG if of_kind.reads else ""}.items():
        text = text.replace("{" + name + "}", value)
    return {"run.py": text, **({"rows.py": of_kind.rows} if of_kind.rows else {})}
