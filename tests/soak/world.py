"""The small world of the soak: a folder with rows, texts, settings and a trained zoo, copied for each command."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet

from tests import PROJECT, zygote
from tests.soak import strike
from tests.soak.traces import empty

SETTINGS = """\
backbone: {name: tiny, precision: fp32}
train: {limit: 24, epochs: 2, eval_limit: 8, batch_size: 8, checkpoint_every: 2}
eval: {limit: 8}
retrieve: {limit: 24}
similarity: {limit: 24, examples: 8}
cache_gib: 1
tracking: {budget_s: 100}
"""
GRID = """\
title: Small
axes:
  intermediates: [micro-nli]
  targets: [micro-choice]
languages: [en, de]
settings:
  backbone: {name: tiny, precision: fp32}
  train: {limit: 16, epochs: 2, eval_limit: 4, batch_size: 8, checkpoint_every: 2}
  eval: {limit: 8}
"""
OWN_TASK = """\
name: mine
kind: pair
files: {train: rows.jsonl, dev: rows.jsonl, score: rows.jsonl}
labels: ['no', 'yes']
columns: {first: a, second: b, label: gold}
"""
OWN_TAGS = """\
name: mine-conll
kind: tags
metric: accuracy
files: {train: rows.conll, dev: rows.conll, score: rows.conll}
labels: [N, V]
columns: {tokens: 0, tags: 1}
"""
AWAY = "http://127.0.0.1:1"
FUSED = "fuse[micro-nli,micro-qa,micro-pos]/micro-choice"
TINY = ("--config", "small.yaml")
PREPARED = (
    ("train", FUSED, *TINY),
    ("train", "micro-nli/micro-pos", *TINY),
    ("eval", "micro-nli/micro-pos", "--task", "micro-pos", "--languages", "en,de", *TINY),
    ("sweep", "grid.yaml", "--set", "tracking.budget_s=100"),
    ("retrieve", "backbone", "--task", "micro-bitext", "--languages", "de", *TINY),
    ("zoo", "lock", FUSED, "--backbone", "tiny"),
    ("zoo", "export", "micro-nli", "--backbone", "tiny", "--out", "exported"),
    ("zoo", "push", "micro-nli/micro-pos", "shared", "--backbone", "tiny"),
)


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: as `subprocess` has it, None where it did not end in its time and was killed.
        struck: what the hand wrote down when it sent the signal; None where it did not come to that.
        total: changes counted and seconds; None where the command was killed.
    """

    words: tuple[str, ...]
    code: int | None
    out: str
    error: str
    struck: dict[str, object] | None = None
    total: dict[str, float] | None = None

    def shown(self) -> str:
        """Return the command and its end, for a report."""
        return f"xstilts {' '.join(self.words)}: {self.code}; {self.error[-1500:]}"


@dataclass
class World:
    """Folders of a soak.

    Attributes:
        root: everything is in here.
        environment: of each command, in addition to that of this process.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def here(self) -> Path:
        """The working folder of the commands, always the same."""
        return self.root / "here"

    def begin(self, start: str) -> None:
        """Put the prepared folder `start` in the place of the working folder."""
        shutil.rmtree(self.here, ignore_errors=True)
        shutil.copytree(self.root / start, self.here)

    def prepare(self) -> None:
        """Make the folders that commands start in: `bare` with files only, `full` with what PREPARED leaves, `spooled`."""
        self.here.mkdir(parents=True)
        write_files(self.here)
        shutil.copytree(self.here, self.root / "empty")
        ended = self.run(("train", "micro-nli", *TINY))
        assert ended.code == 0, ended.shown()
        empty(self.here / "mlflow.db")  # to make it takes seconds
        shutil.copytree(self.root / "empty", self.root / "bare")
        shutil.copy2(self.here / "mlflow.db", self.root / "bare")
        self.begin("bare")
        for words in PREPARED:
            ended = self.run(words)
            assert ended.code == 0, ended.shown()
        shutil.copytree(self.here, self.root / "full")
        self._spool()
        shutil.copytree(self.here, self.root / "spooled")

    def _spool(self) -> None:
        """Leave a run in the spool that no tracker has seen."""
        self.environment["MLFLOW_TRACKING_URI"] = AWAY
        ended = self.run(("eval", "micro-nli", "--task", "micro-nli", "--languages", "en", *TINY))
        del self.environment["MLFLOW_TRACKING_URI"]
        assert ended.code == 0, ended.shown()
        (events,) = (self.here / "xstilts-spool").glob("*/events.jsonl")
        events.write_text(events.read_text().replace(f'"uri": "{AWAY}"', '"uri": null', 1))

    def start(self, words: tuple[str, ...], plan: dict[str, object] | None = None) -> zygote.Popen:
        """Start a command in the working folder; `plan` says what the hand inside does (`strike.py`)."""
        for file in self._notes():
            file.unlink(missing_ok=True)
        report, end = self._notes()
        own = {"in": "nobody", "report": str(report), "end": str(end), "zygote": str(zygote.home()), **(plan or {})}
        environment = {
            **os.environ,
            **self.environment,
            strike.VARIABLE: json.dumps(own),
            "TMPDIR": str(self.here / "tmp"),
            "XSTILTS_CACHE": str(self.here / "cache"),
            "HF_HOME": str(self.here / "cache" / "hub"),
        }
        out, error = (self.root / name for name in ("out", "error"))
        with out.open("wb") as first, error.open("wb") as second:
            return zygote.Popen(
                [sys.executable, str(PROJECT / "cli.py"), *words],
                cwd=self.here,
                env=environment,
                stdin=zygote.subprocess.DEVNULL,
                stdout=first,
                stderr=second,
                start_new_session=True,
                first=f"{strike.__name__}:arm",
            )

    def ended(self, words: tuple[str, ...], code: int | None) -> Ended:
        """Return what a command that was started last has left."""
        out, error = ((self.root / name).read_bytes().decode("utf-8", "backslashreplace") for name in ("out", "error"))
        # A process that ends while the hand writes leaves an empty note: nothing was sent.
        said = (file.read_text() if file.exists() else "" for file in self._notes())
        struck, total = (json.loads(text) if text else None for text in said)
        return Ended(words, code, out, error, struck, total)

    def run(self, words: tuple[str, ...], plan: dict[str, object] | None = None, *, timeout_s: float = 300.0) -> Ended:
        """Run a command to its end; one that takes longer is killed, and its code is None."""
        process = self.start(words, plan)
        code: int | None = None
        try:
            code = process.wait(timeout_s)
        except zygote.subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return self.ended(words, code)

    def _notes(self) -> tuple[Path, Path]:
        return self.root / "struck.json", self.root / "ended.json"


def write_files(folder: Path) -> None:
    """Write the files that a user would bring."""
    for name in ("tmp", "cache", "configs"):
        (folder / name).mkdir()
    (folder / "configs" / "pins.yaml").write_text(f"facebook/xnli: '{'0a' * 20}'\n")
    (folder / "small.yaml").write_text(SETTINGS)
    (folder / "grid.yaml").write_text(GRID)
    (folder / "mine.yaml").write_text(OWN_TASK)
    rows = [{"a": f"It rains on day {n}.", "b": f"Day {n} is wet.", "gold": ("no", "yes")[n % 2]} for n in range(40)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for kind, cells in (("csv", ","), ("tsv", "\t")):
        (folder / f"rows.{kind}").write_text(
            "\n".join([cells.join(rows[0]), *(cells.join(map(str, row.values())) for row in rows), ""])
        )
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "rows.parquet")
    (folder / "rows.conll").write_text("".join(f"Rain N\nfell V\n{n} N\n\n" for n in range(40)))
    for kind in ("csv", "tsv", "parquet"):
        (folder / f"mine-{kind}.yaml").write_text(OWN_TASK.replace("mine", f"mine-{kind}").replace("jsonl", kind))
    (folder / "mine-conll.yaml").write_text(OWN_TAGS)
    (folder / "pairs.csv").write_text("first,second\n" + "".join(f"Rain {n},Day {n}\n" for n in range(40)))
    for side, word in (("de", "Satz"), ("en", "sentence")):
        (folder / f"news.{side}").write_text("".join(f"{word} {n} {n * n}\n" for n in range(60)))


@contextmanager
def worlds(root: Path, **environment: str) -> Iterator[World]:
    """Make a world below `root` and remove it afterwards."""
    world = World(root, environment)
    world.prepare()
    try:
        yield world
    finally:
        shutil.rmtree(root, ignore_errors=True)
