"""Doors that take a name, a number, a place or an address: every argument and option of every command, from the commands themselves."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import click

from tests.soak.journeys import JOURNEYS
from tests.soak.world import TINY

TEXTS = (
    "", " ", "-", "--", ".", "..", "/", "../../etc/passwd", "/dev/null", "/dev/zero", "/dev/null/x", "/proc/1/mem", "~nobody/x", "a" * 300,
    "a" * 5000, "x/" * 2000, "%s%n", "{0}", "${HOME}", "$(true)", "a\nb", "\x1b[31mred", "\u202egnp.exe", "\u0000".replace("\0", "\\0"), "🙂",
    "ｍｎｌｉ", "Micro-NLI", "micro_nli", "null", "nan", "[]", "{", "a,b,,c", ",", ":", "a=b", "=", "'", '"', "micro-nli.xx", "zz", "*",
    "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
)  # fmt: skip
EXPRESSIONS = (
    "", "/", "a//b", "fuse[", "fuse[]", "fuse[micro-nli]", "fuse[micro-nli,micro-nli]", "fuse[micro-nli,micro-qa", "micro-nli]", "@", "micro-nli@",
    "@micro-nli", "micro-nli@nothing", "avg[micro-nli:nan,micro-qa]", "avg[micro-nli:-1,micro-qa:1]", "merge[micro-nli:1e400,micro-qa]",
    "merge[micro-nli:0,micro-qa:0]", "seq[micro-nli]", "mix[micro-nli,micro-bitext]", "micro-nli.xx", "backbone/backbone", "nothing", "micro_nli",
    "fuse[" * 500, "micro-nli/" * 500 + "micro-nli", "fuse[par[micro-nli,micro-qa],micro-pos]/micro-choice", "TARGET", "../micro-nli", "micro-nli\n",
    "\x1b[2J", "m" * 3000, "fuse[micro-nli,micro-qa]/micro-choice/../x", "micro-nli micro-qa", "fuse[micro-nli;micro-qa]", "🙂/micro-nli",
)  # fmt: skip
NUMBERS = ("", "nan", "inf", "-inf", "-1", "1e400", "1e-400", "99999999999999999999", "-99999999999999999999", "0x10", "1.5.2", "one", "1,5", "−1", "1e", "--")  # fmt: skip
PLACES = (
    "", "http://", "http://[::1", "http://127.0.0.1:1", "http://127.0.0.1:99999/x", "http://user:secret@127.0.0.1:1/x", "hf://", "hf://a", "hf://a/b/c/d",
    "hf://../..", "s3://", "s3://bucket", "gs://bucket/x", "ssh://127.0.0.1:1/x", "ftp://127.0.0.1:1/x", "file://", "file:///proc/nowhere/at/all",
    "javascript:alert(1)", "data:,x", "nothing://x", "memory://", "://", "http:/x", "http://127.0.0.1:1/%zz", "/dev/null", "/dev/null/x", "\x1b[31m",
    "a" * 5000, "rows.jsonl", "nowhere", "github://a:b@c/", "zip://x::http://127.0.0.1:1/y", "simplecache::http://127.0.0.1:1/", "http://0/", "hf://datasets/a/b",
)  # fmt: skip
SETTINGS = (
    "", "=", "train", "train.lr", "train.lr=", "train.lr=nan", "train.lr=-1", "train.lr=1e400", "train.lr=[1]", "train.lr={a: 1}", "train.lr=true",
    "train.epochs=0", "train.epochs=-1", "train.epochs=inf", "train.batch_size=0", "train.batch_size=1.5", "train.limit=0", "train.limit=-5",
    "train.nothing=1", "nothing=1", "train.mixture=nothing", "backbone.name=", "backbone.name=../..", "zoo=", "run_dir=", "train.seed=1e400",
    "train.augment=nothing:2", "train.augment=swap:9", "noise.apply=swap", "noise.apply=swap:nan", "retrieve.layer=99", "retrieve.layer=-1",
    "retrieve.threshold=nan", "retrieve.index=Nothing", "eval.limit=0", "train.lr=!!python/object/apply:os.getcwd []", "train.lr=*a", "train.lr=&a [*a]",
    "train.lr=\x1b[31m", "cache_gib=-1", "cache_gib=nan", "tracking.uri=nothing://x", "tracking.weights_mib=-1", "adapter.reduction_factor=0",
    "adapter.dropout=2", "train.warmup_ratio=7", "merge.density=0", "data_root=", "task_files=nowhere.yaml", "fusion=nothing", "train.max_length=0",
    "train.max_length=99999999", "retrieve.memory=0", "retrieve.k=0", "store.shard=0", "train.checkpoint_every=0", "a" * 5000 + "=1", "=1", "train.=1", ".lr=1",
)  # fmt: skip
# Read when they are needed, or names of what is made.
_UNNEEDED = (
    "--data-root", "--out", "--set", "--zoo", "--store", "--mix-with", "--fields", "--lexicons", "--as", "--task", "--backbone", "--language",
    "--languages", "--folder", "--place", "--variant", "--retrain", "--shared-text", "--sweep", "--endpoint", "--host",
    "--same-as", "--metric", "--budget", "--max-changed", "folder",
)  # fmt: skip
_LONG = (("demo", "out"),)  # with most of the names it does its work, which takes minutes
_LISTS = (("doctor",), ("zoo", "list"), ("store",), ("tasks", "list"), ("configs",), ("cache",))
_TEMPLATES = {
    "ui": ("ui", "--port", "5999"), "demo": ("demo", "--backbone", "tiny", "--out", "/dev/null/x"), "doctor": ("doctor", *TINY), "backbones": ("backbones",),
    "plan": ("plan", "micro-nli", *TINY), "perturbations": ("perturbations",), "status": ("status", "sweeps/grid"), "sweep run": ("sweep", "run", "grid.yaml"),
    "sweep status": ("sweep", "status", "sweeps/grid"), "sweep report": ("sweep", "report", "sweeps/grid", "--out", "paper", "--resamples", "100"),
    "zoo list": ("zoo", "list"), "zoo show": ("zoo", "show", "micro-nli"), "zoo log": ("zoo", "log", "micro-nli"), "zoo verify": ("zoo", "verify"),
    "zoo diff": ("zoo", "diff", "micro-nli", "micro-qa"), "zoo readme": ("zoo", "readme", "micro-nli"), "tasks list": ("tasks", "list"),
    "tasks show": ("tasks", "show", "micro-nli"), "tasks fetch": ("tasks", "fetch", "xnli", "--out", "mirror", "--endpoint", "http://127.0.0.1:1"),
    "tasks pin": ("tasks", "pin", "xnli", "--endpoint", "http://127.0.0.1:1"), "configs list": ("configs", "list"), "configs show": ("configs", "show", "train/jiant"),
    "store list": ("store", "list"), "store verify": ("store", "verify"), "cache show": ("cache", "show"), "track sync": ("track", "sync"),
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """A command with something hostile for one of its parameters."""

    words: tuple[str, ...]
    parameter: str
    value: str

    @property
    def may_pass(self) -> bool:
        """Whether the command may do its work: it does not need what is named, or the name is one that a file may have."""
        return (
            self.parameter in _UNNEEDED
            or self.value.endswith("\n")
            or any(self.words[: len(one)] == one for one in _LISTS)
        )


def commands() -> dict[str, click.Command]:
    """Return every command that does something, by its words."""
    import cli

    found: dict[str, click.Command] = {}

    def walk(group: click.Group, before: str) -> None:
        for name, each in group.commands.items():
            words = f"{before} {name}".strip()
            if isinstance(each, click.Group):
                walk(each, words)
            else:
                found[words] = each

    walk(cli.main, "")
    return found


def sound(words: str) -> tuple[str, ...]:
    """Return a command line that works in the folder `full`; of a command that is not known here, its name."""
    if words in _TEMPLATES:
        return _TEMPLATES[words]
    parts = tuple(words.split())
    return next((one.words for one in JOURNEYS if one.words[: len(parts)] == parts), parts)


def given(rng: random.Random, *, each: int) -> Iterator[Given]:
    """Yield so many hostile values for each parameter of each command."""
    for words, command in commands().items():
        base = sound(words)
        for parameter in command.params:
            values = () if (words, parameter.name) in _LONG else _values(parameter)
            for value in rng.sample(values, min(each, len(values))):
                if (put := _put(base, len(words.split()), command, parameter, value)) is not None:
                    yield Given(put, parameter.opts[0], value)


def _values(parameter: click.Parameter) -> tuple[str, ...]:
    name = parameter.name or ""
    if isinstance(parameter, click.Option) and (parameter.is_flag or parameter.is_eager):
        return ()
    if isinstance(parameter.type, click.types.IntParamType | click.types.FloatParamType) or parameter.metavar in (
        "N",
        "SHARE",
        "NUMBERS",
        "DAYS",
    ):
        return NUMBERS
    if name == "sets":
        return SETTINGS
    if name in ("place", "src", "dest", "source", "endpoint", "at") and parameter.metavar != "FILE":
        return PLACES
    if name in ("expr", "exprs", "expression", "baseline", "new_name", "members", "name") or parameter.metavar in (
        "EXPR",
        "NAME",
    ):
        return EXPRESSIONS
    return TEXTS


def _put(
    base: tuple[str, ...], depth: int, command: click.Command, parameter: click.Parameter, value: str
) -> tuple[str, ...] | None:
    """Return a sound command line with a value in the place of a parameter's."""
    if isinstance(parameter, click.Option):
        option = next(one for one in parameter.opts if one.startswith("--"))
        words = list(base)
        if option in words and not parameter.multiple:
            at = words.index(option)
            del words[at : at + 2]
        return (*words, f"{option}={value}")
    if value.startswith("-"):
        return None
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    at = depth + arguments.index(parameter)
    if at >= len(base) or base[at].startswith("--"):
        return (*base[:depth], value, *base[depth:])
    return (*base[:at], value, *base[at + 1 :])
