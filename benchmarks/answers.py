"""Comparison of all ways to an answer: the same rows by `eval` and by everything that answers a user's own.

    python benchmarks/answers.py --data-root MIRROR --json OUT          # embedded backbone, about ten minutes
    python benchmarks/answers.py --quick --kinds pair --json OUT        # tiny backbone, generated rows

An adapter of each kind is trained for a moment and tracked in MLflow. `KIND_WAY` is the share of rows whose answer is the one that
`eval` wrote: `command` (`xstilts predict`), `python` (`toolkit.load`), `pyfunc` (`mlflow.pyfunc.load_model` of the logged model),
`http` (`mlflow models serve`) and `file` (`run.py` of an export in fp32, its own process). Of `vectors` it is the share of texts
whose vector is that of `toolkit.load(...).embed`, within 1e-4 (fp32). Wanted: 1 everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import pandas
from measure import PROJECT, child, write
from start import posted, served

import toolkit
from toolkit.config import Config
from toolkit.results.predictions import read_predictions
from toolkit.tasks.rows import ChoiceRow, PairRow, SpanRow, TagsRow

# By kind: what is trained, on how many rows, what is answered, and in which language.
REAL = {
    "pair": ("mnli", 64, "xnli", "de"),
    "span": ("squad", 32, "xquad", "zh"),
    "tags": ("udpos", 64, "udpos", "fr"),
    "choice": ("copa", 64, "xcopa", "et"),
    "vectors": ("squad-r", 32, "xquad", "de"),
}
GENERATED = {
    "pair": ("micro-nli", 16, "micro-nli", "de"),
    "span": ("micro-qa", 16, "micro-qa", "zh"),
    "tags": ("micro-pos", 16, "micro-pos", "zh"),
    "choice": ("micro-choice", 16, "micro-choice", "de"),
    "vectors": ("micro-answers", 16, "micro-qa", "de"),
}
Answers = Sequence[Any]


def record_of(row: object) -> dict[str, Any]:
    """Return a row as a user's file has it: without gold."""
    if isinstance(row, PairRow):
        return {"first": row.first, "second": row.second}
    if isinstance(row, ChoiceRow):
        return {"context": row.context, "question": row.question, "choices": list(row.choices)}
    if isinstance(row, SpanRow):
        return {"question": row.question, "context": row.context}
    assert isinstance(row, TagsRow)
    return {"tokens": list(row.tokens)}


def lines_of(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write records, one a line."""
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


def as_published(record: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return a record by the columns of its data set, which a logged model is signed with; MLflow leaves out all others."""
    if set(record) <= set(names):
        return dict(record)
    flat = [each for value in record.values() for each in (value if isinstance(value, list) else [value])]
    return dict(zip(names, flat, strict=False))


def ways_of(expr: str, task: str, language: str, config: Config, place: Path) -> dict[str, Callable[..., Answers]]:
    """Return what answers records, by name; each takes the records and whether vectors are asked for."""
    names: list[str] = []  # of the columns that the logged model is signed with
    shared = ["--backbone", config.backbone.name, "--precision", "fp32", "--zoo", str(config.zoo)]

    def command(records: Answers, vectors: bool) -> Answers:
        file = lines_of(place / "rows.jsonl", records)
        if vectors:
            child([str(PROJECT / "cli.py"), "embed", expr, str(file), "--out", str(place / "v.npy"), *shared], place)
            return list(np.load(place / "v.npy"))
        words = ["predict", expr, "--task", task, "--language", language, str(file), *shared]
        return [json.loads(line) for line in child([str(PROJECT / "cli.py"), *words], place).lines]

    def python(records: Answers, vectors: bool) -> Answers:
        with toolkit.load(expr, config, task=None if vectors else task) as model:
            if vectors:
                return list(model.embed([each["text"] for each in records]))
            return [answer.values() for answer in model.predict(records, language=language)]

    def pyfunc(records: Answers, vectors: bool) -> Answers:
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{place}/mlflow.db")
        client = mlflow.MlflowClient()
        (logged,) = client.search_logged_models([each.experiment_id for each in client.search_experiments()])
        model = mlflow.pyfunc.load_model(f"models:/{logged.model_id}")
        mlflow.set_tracking_uri(None)
        os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it, and the next kind would be tracked there
        names[:] = model.metadata.get_input_schema().input_names()
        params = None if vectors else {"language": language}
        table = pandas.DataFrame([as_published(each, names) for each in records])
        return list(model.predict(table, params=params).to_dict("records"))

    def http(records: Answers, vectors: bool) -> Answers:
        published = [as_published(each, names) for each in records]
        asked = {"dataframe_records": published, **({} if vectors else {"params": {"language": language}})}
        with served(place) as (port, _):
            return list(posted(port, asked)["predictions"])

    def file(records: Answers, vectors: bool) -> Answers:
        toolkit.export(expr, config, out=place / "saved", vectors=vectors)
        rows = lines_of(place / "rows.jsonl", records)
        return [json.loads(line) for line in child([str(place / "saved" / "run.py"), str(rows)], place).lines]

    return {"command": command, "python": python, "pyfunc": pyfunc, "http": http, "file": file}


def plain(answer: Any) -> Any:
    """Return what is compared: a label, a text, a number or tags; or a vector."""
    if isinstance(answer, Mapping):
        answer = answer["prediction"] if "prediction" in answer else answer["vector"]
    return list(answer) if isinstance(answer, tuple | list | np.ndarray) else answer


def main() -> None:
    """Train, ask every way, compare and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny backbone, generated rows")
    parser.add_argument("--rows", type=int, default=40, help="answered, of each kind")
    parser.add_argument("--kinds", nargs="+", choices=REAL, default=list(REAL))
    parser.add_argument("--data-root", type=Path, help="a mirror of real rows")
    parser.add_argument("--json", type=Path, help="where the shares go")
    asked = parser.parse_args()
    ratios: dict[str, float] = {}
    for kind in asked.kinds:
        expr, limit, task, language = (GENERATED if asked.quick else REAL)[kind]
        with tempfile.TemporaryDirectory() as root:
            place = Path(root)
            config = toolkit.configure(
                f"train.limit={limit}",
                "train.epochs=1",
                "train.eval_limit=8",
                "backbone.precision=fp32",
                f"eval.limit={asked.rows}",
                f"tracking.folder={place}",
                backbone="tiny" if asked.quick else "embedded",
                data_root=asked.data_root,
                zoo=place / "zoo",
                run_dir=place / "runs",
            )
            toolkit.train(expr, config)
            vectors = kind == "vectors"
            rows = toolkit.get_task(task).rows("score", language, data_root=asked.data_root, limit=asked.rows)
            records = [record_of(row) for row in rows]
            ways = ways_of(expr, task, language, config, place)
            if vectors:
                records = [{"text": each["context"]} for each in records]
                wanted = [plain(each) for each in ways["python"](records, True)]
            else:
                scored = toolkit.evaluate(expr, config, task=task, languages=language)
                found = read_predictions(scored.folder / "predictions" / f"{task}.{language}.jsonl")
                wanted = [plain({"prediction": each.prediction}) for each in found]
            for name, way in ways.items():
                given = [plain(each) for each in way(records, vectors)]
                assert len(given) == len(wanted), name
                pairs = zip(given, wanted, strict=True)
                same = [np.allclose(a, b, atol=1e-4) if vectors else a == b for a, b in pairs]
                ratios[f"{kind}_{name}"] = sum(same) / len(same)
                print(f"{kind} by {name}: {sum(same)} of {len(same)}", flush=True)
    if asked.json:
        write(asked.json, ratios=ratios, details={"rows": asked.rows, "quick": asked.quick})


if __name__ == "__main__":
    main()
