"""The commands that the soak disturbs, each with the folder that it starts in."""

from __future__ import annotations

from dataclasses import dataclass

from tests.soak.world import FUSED, TINY

ZOO = ("--backbone", "tiny")
WORKERS = ("--workers", "2", *TINY)
BOTH = ("command", "worker")
OWN = ("--task-file", "mine.yaml")
PATIENT = ("--set", "tracking.budget_s=100")
FEW = ("--languages", "en,de")


@dataclass(frozen=True)
class Journey:
    """One command.

    Attributes:
        name: of the journey in reports.
        words: of the command.
        start: prepared folder that it starts in: bare, full, or spooled, where runs wait for a tracker.
        parts: processes that a signal may go to: command, worker.
        is_served: whether it ends with Ctrl-C alone, which it gets when it says so.
    """

    name: str
    words: tuple[str, ...]
    start: str = "full"
    parts: tuple[str, ...] = ("command",)
    is_served: bool = False


def _bare(name: str, *words: str, parts: tuple[str, ...] = ("command",)) -> Journey:
    return Journey(name, words, "bare", parts)


def _full(name: str, *words: str, parts: tuple[str, ...] = ("command",)) -> Journey:
    return Journey(name, words, parts=parts)


JOURNEYS = (
    _bare("train a stack", "train", "micro-nli/micro-pos", *TINY),
    _bare("train an own task", "train", "mine", *OWN, *TINY),
    _bare("train a language", "train", "micro-text.sw", "--set", "adapter.kind=seq_bn_inv", *TINY),
    _bare("train a sequence", "train", "seq[micro-nli,micro-pos]", *TINY),
    _bare("train a mixture", "train", "mix[micro-nli,micro-choice]", *TINY),
    _bare("train a merge", "train", "merge[micro-nli,micro-choice]", *TINY),
    _bare("fuse", "fuse", "micro-nli", "micro-pos", "--target", "micro-choice", *TINY),
    _bare("sweep with one worker", "sweep", "grid.yaml", *PATIENT, parts=BOTH),
    _bare("sweep with two workers", "sweep", "grid.yaml", "--workers", "2", *PATIENT, parts=BOTH),
    _bare("similarity --train", "similarity", "micro-nli", "micro-pos", "--train", *TINY),
    _bare("retrieve", "retrieve", "backbone", "--task", "micro-bitext", *FEW[:1], "de,fr", *TINY),
    _bare("retrieve layers", "retrieve", "backbone", "--task", "micro-mining", "--languages", "de", "--layers", "all", *TINY),
    _bare("retrieve with workers", "retrieve", "backbone", "--task", "micro-bitext", *FEW[:1], "de,fr", *WORKERS, parts=BOTH),
    _bare("mine with workers", "mine", "news.de", "news.en", "--out", "pairs.tsv", *WORKERS, parts=BOTH),
    _bare("mine", "mine", "news.de", "news.en", "--out", "pairs.tsv", *TINY),
    _bare("mine an own layer", "mine", "news.de", "news.en", "--out", "out/pairs.tsv", "--set", "retrieve.layer=1", *TINY),
    _bare("tasks check", "tasks", "check", "mine", *OWN, *TINY),
    _full("train again", "train", "micro-nli/micro-pos", "--retrain", "--seed", "1", *TINY),
    _full("eval", "eval", "micro-nli/micro-pos", "--task", "micro-pos", *TINY),
    _full("eval elsewhere", "eval", FUSED, "--task", "micro-choice", *FEW, "--out", "table", *TINY),
    _full("eval a suite", "eval", "micro-nli/TARGET", "--suite", "micro", "--instead", "micro-qa=micro-qa", "--instead", "micro-choice=" + FUSED, "--instead", "micro-nli=micro-nli", *TINY),
    _full("attention", "attention", FUSED, "--task", "micro-choice", *FEW, *TINY),
    _full("prune", "prune", FUSED, "--keep", "2", *FEW, *TINY),
    _full("collapse", "collapse", FUSED, *FEW, *TINY),
    _full("compare", "compare", "micro-nli/micro-pos", "micro-pos", "--task", "micro-pos", *FEW, "--resamples", "100", *TINY),
    _full("robust", "robust", "micro-nli", "--task", "micro-nli", *FEW[:1], "en", "--perturb", "swap", "--strength", "0.2", *TINY),
    _full("similarity", "similarity", "micro-nli", "micro-qa", *TINY),
    _full("similarity with workers", "similarity", "micro-nli", "micro-qa", *WORKERS, parts=BOTH),
    _full("predict", "predict", "micro-nli/micro-pos", "--task", "micro-pos", "news.de", "--out", "out/answers.jsonl", *TINY),
    _full("predict a table", "predict", "micro-nli", "--task", "micro-nli", "pairs.csv", "--out", "answers.parquet", *TINY),
    _full("embed", "embed", "micro-nli", "news.de", "--out", "vectors.npy", *TINY),
    _full("export onnx", "export", "micro-nli", "saved/onnx", "--to", "onnx", *TINY),
    _full("export torch", "export", "micro-nli", "saved/torch", "--to", "torch", *TINY),
    _full("rank", "rank", "micro-choice", "micro-nli", "micro-qa", *TINY),
    _full("report", "report", "sweeps/grid", "--out", "paper", "--resamples", "100"),
    _full("zoo push", "zoo", "push", FUSED, "elsewhere", *ZOO),
    _full("zoo pull", "zoo", "pull", "shared", "--zoo", "other"),
    _full("zoo pull --lock", "zoo", "pull", "adapter_zoo", "--lock", "zoo.lock", "--zoo", "other"),
    _full("zoo sync", "zoo", "sync", "shared"),
    _full("zoo export", "zoo", "export", FUSED, "--out", "saved/fused", *ZOO),
    _full("zoo import", "zoo", "import", "exported", "--as", "micro-nli", "--zoo", "other", *ZOO),
    _full("zoo site", "zoo", "site", "--out", "gallery"),
    _full("zoo gc", "zoo", "gc", "--yes"),
    _full("zoo lock", "zoo", "lock", "micro-nli/micro-pos", "--out", "second.lock", *ZOO),
    _full("zoo remove", "zoo", "remove", "micro-nli/micro-pos", *ZOO),
    _full("configs copy", "configs", "copy", "sweep/order-mini", "--out", "mine/grid.yaml"),
    _full("store prune", "store", "prune", "--all", "--yes"),
    _full("cache clear", "cache", "clear"),
    Journey("track sync", ("track", "sync"), "spooled"),
    _bare("tasks fetch", "tasks", "fetch", "xquad", "--out", "mirror", "--languages", "en,de", "--endpoint", "{hub}"),
    _bare("demo", "demo", "--backbone", "tiny", "--out", "demo"),
    Journey("ui", ("ui", "--port", "{port}"), is_served=True),
    Journey("ui --try", ("ui", "--try", "micro-nli", "--port", "{port}", *TINY), is_served=True),
)  # fmt: skip
