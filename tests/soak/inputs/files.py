"""Doors that take a file: the command, the file in its folder, and which damages it need not refuse."""

from __future__ import annotations

from dataclasses import dataclass

from tests.soak.world import FUSED, TINY

ZOO = ("--backbone", "tiny")
OWN = ("--task-file", "mine.yaml")
PREDICTED = ("--out", "answers.jsonl", *TINY)
_STACK = "adapter_zoo/tiny/micro-nli+micro-pos"
_SHARED = "shared/tiny/micro-nli"
ANYTHING = ("*",)
_TEXTS = (
    "without its last line",
    "a byte changed",
    "another file behind it",
    "a text",
    "null",
    "a list",
    "an empty mapping",
    "a mapping of something else",
    "a number",
    "deep",
    "aliases of aliases",
    "a tag that asks for Python",
    "one long line",
    "escape sequences",
    "the first half",
)


@dataclass(frozen=True)
class Door:
    """A command that reads a file.

    Attributes:
        words: of the command.
        path: of the file, in the folder `full`; a pattern that has one match at least, of which the first is damaged.
        passes: damages after which the command may end with 0, because what is read is whole, not read, or made again.
    """

    words: tuple[str, ...]
    path: str
    passes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The command and the file."""
        return f"{' '.join(self.words)} | {self.path}"


def _door(path: str, *words: str, passes: tuple[str, ...] = ()) -> Door:
    return Door(words, path, passes)


_EVAL = ("eval", "micro-nli/micro-pos", "--task", "micro-pos", "--languages", "en", *TINY)
_SOUND = ("another file behind it", "without its last line", "a byte changed", "the first half")
_SETTINGS = (*_SOUND, "empty", "null", "an empty mapping")

DOORS = (
    _door("small.yaml", "plan", "micro-nli", *TINY, passes=_SETTINGS),
    _door("small.yaml", "doctor", *TINY, passes=_SETTINGS),
    _door("grid.yaml", "sweep", "grid.yaml", "--dry-run", passes=_SOUND),
    _door("mine.yaml", "train", "mine", *OWN, *TINY, passes=_SOUND),
    _door("mine.yaml", "tasks", "check", "mine", *OWN, *TINY, passes=_SOUND),
    _door("mine.yaml", "tasks", "show", "mine", *OWN, passes=_SOUND),
    _door("rows.jsonl", "train", "mine", *OWN, *TINY, passes=_SOUND),
    _door("rows.jsonl", "tasks", "check", "mine", *OWN, *TINY, passes=_SOUND),
    _door("rows.csv", "train", "mine-csv", "--task-file", "mine-csv.yaml", *TINY, passes=_SOUND),
    _door("rows.tsv", "train", "mine-tsv", "--task-file", "mine-tsv.yaml", *TINY, passes=_SOUND),
    _door(
        "rows.parquet",
        "train",
        "mine-parquet",
        "--task-file",
        "mine-parquet.yaml",
        *TINY,
        passes=("a byte changed", "another file behind it"),
    ),
    _door("rows.conll", "train", "mine-conll", "--task-file", "mine-conll.yaml", *TINY, passes=_SOUND),
    _door("zoo.lock", "eval", FUSED, "--task", "micro-choice", "--languages", "en", "--lock", "zoo.lock", *TINY),
    _door(
        "zoo.lock",
        "zoo",
        "pull",
        "adapter_zoo",
        "--lock",
        "zoo.lock",
        "--zoo",
        "other",
        passes=("without its last line",),
    ),
    _door("zoo.lock", "zoo", "gc", "--lock", "zoo.lock"),
    _door(f"{_STACK}/card.yaml", *_EVAL),
    _door(f"{_STACK}/card.yaml", "train", "micro-nli/micro-pos/micro-qa", *TINY),
    *(
        _door(f"{_STACK}/card.yaml", "zoo", verb, *rest, passes=ANYTHING if verb in ("list", "site") else ())
        for verb, *rest in (
            ("list",),
            ("show", "micro-nli/micro-pos", *ZOO),
            ("log", "micro-nli/micro-pos", *ZOO),
            ("verify",),
            ("site", "--out", "gallery"),
            ("push", "micro-nli/micro-pos", "elsewhere", *ZOO),
            ("export", "micro-nli/micro-pos", "--out", "saved", *ZOO),
            ("diff", "micro-nli/micro-pos", "micro-nli", *ZOO),
            ("lock", "micro-nli/micro-pos", *ZOO),
            ("readme", "micro-nli/micro-pos", *ZOO),
            ("sync", "elsewhere"),
            ("gc",),
        )
    ),
    _door(f"{_STACK}/adapter.safetensors", *_EVAL),
    _door(f"{_STACK}/head.micro-pos.safetensors", *_EVAL),
    _door(f"{_STACK}/adapter.safetensors", "zoo", "verify"),
    _door(f"{_STACK}/adapter.safetensors", "zoo", "push", "micro-nli/micro-pos", "elsewhere", *ZOO),
    _door(f"{_STACK}/adapter.safetensors", "zoo", "export", "micro-nli/micro-pos", "--out", "saved", *ZOO),
    _door(f"{_STACK}/adapter.safetensors", "zoo", "diff", "micro-nli/micro-pos", "micro-nli", *ZOO),
    _door(f"{_STACK}/scores.jsonl", "zoo", "list", passes=ANYTHING),
    _door(f"{_STACK}/scores.jsonl", "zoo", "site", "--out", "gallery", passes=ANYTHING),
    _door(f"{_STACK}/scores.jsonl", *_EVAL, passes=ANYTHING),
    _door(f"{_SHARED}/card.yaml", "zoo", "pull", "shared", "micro-nli", "--zoo", "other"),
    _door(f"{_SHARED}/card.yaml", "zoo", "pull", "shared", "--zoo", "other"),
    _door(f"{_SHARED}/card.yaml", "zoo", "sync", "shared", "--zoo", "other"),
    _door(f"{_SHARED}/adapter.safetensors", "zoo", "pull", "shared", "micro-nli", "--zoo", "other"),
    _door(f"{_SHARED}/adapter.safetensors", "zoo", "sync", "shared", "--zoo", "other"),
    _door("news.de", "predict", "micro-nli/micro-pos", "--task", "micro-pos", "news.de", *PREDICTED, passes=_TEXTS),
    _door("pairs.csv", "predict", "micro-nli", "--task", "micro-nli", "pairs.csv", *PREDICTED, passes=_SOUND),
    _door("news.de", "mine", "news.de", "news.en", "--out", "pairs.tsv", *TINY, passes=_TEXTS),
    _door("news.en", "mine", "news.de", "news.en", "--out", "pairs.tsv", *TINY, passes=_TEXTS),
    _door("news.de", "collapse", FUSED, "--languages", "en", "--text", "news.de", *TINY, passes=_TEXTS),
    _door("sweeps/grid/sweep.json", "status", "sweeps/grid"),
    _door("sweeps/grid/sweep.json", "report", "sweeps/grid", "--resamples", "100", "--out", "paper"),
    _door("sweeps/grid/sweep.json", "sweep", "grid.yaml", passes=("gone", "a link to nothing")),  # it is made again
    _door("sweeps/grid/cells/*.json", "status", "sweeps/grid", passes=ANYTHING),
    _door("sweeps/grid/cells/*.json", "report", "sweeps/grid", "--resamples", "100", "--out", "paper", passes=ANYTHING),
    _door("sweeps/grid/cells/*.json", "sweep", "grid.yaml", passes=ANYTHING),
    _door("sweeps/grid/stages/*.json", "sweep", "grid.yaml", passes=ANYTHING),
    _door("sweeps/grid/sweep.json", "rank", "micro-choice", "--sweep", "sweeps/grid", *TINY),
    _door(
        "embeddings/**/*.safetensors",
        "retrieve",
        "backbone",
        "--task",
        "micro-bitext",
        "--languages",
        "de",
        *TINY,
        passes=ANYTHING,
    ),
    _door("embeddings/**/*.safetensors", "store", "list", passes=ANYTHING),
    _door("embeddings/**/*.safetensors", "store", "verify", passes=("gone", "a link to nothing")),
    _door(
        "embeddings/**/*.json",
        "retrieve",
        "backbone",
        "--task",
        "micro-bitext",
        "--languages",
        "de",
        *TINY,
        passes=ANYTHING,
    ),
    _door("embeddings/**/*.json", "store", "list", passes=ANYTHING),
    _door("embeddings/**/*.json", "store", "verify"),
    _door("embeddings/**/*.json", "store", "prune", "--all", "--yes", passes=ANYTHING),
    _door("cache/**/*.*", "train", "micro-nli/micro-pos", "--retrain", *TINY, passes=ANYTHING),
    _door("cache/**/*.*", "cache", "show", passes=ANYTHING),
    _door("cache/**/*.*", "cache", "clear", passes=ANYTHING),
    _door(
        "runs/eval/**/identity.json",
        "compare",
        "micro-nli/micro-pos",
        "micro-pos",
        "--task",
        "micro-pos",
        "--languages",
        "en",
        "--resamples",
        "100",
        *TINY,
        passes=ANYTHING,
    ),
    _door(
        "runs/eval/**/micro-pos.en.jsonl",
        "compare",
        "micro-nli/micro-pos",
        "micro-pos",
        "--task",
        "micro-pos",
        "--languages",
        "en",
        "--resamples",
        "100",
        *TINY,
        passes=ANYTHING,
    ),
    _door("mlflow.db", *_EVAL, passes=ANYTHING),
    _door(
        "exported/**/adapter_config.json",
        "zoo",
        "import",
        "exported",
        "--as",
        "micro-nli",
        "--zoo",
        "other",
        *ZOO,
        passes=("UTF-16",),
    ),
    _door("exported/**/adapter.safetensors", "zoo", "import", "exported", "--as", "micro-nli", "--zoo", "other", *ZOO),
    _door(
        "exported/**/head_config.json",
        "zoo",
        "import",
        "exported",
        "--as",
        "micro-nli",
        "--zoo",
        "other",
        *ZOO,
        passes=("UTF-16",),
    ),
    _door("configs/pins.yaml", "tasks", "check", "xnli", *TINY),
    _door("configs/pins.yaml", "tasks", "pin", "xnli", "--endpoint", "http://127.0.0.1:1"),
)
