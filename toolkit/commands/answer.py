"""Commands that answer one's own rows and encode one's own texts: `predict` and `embed`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn, Unpack

import click

import toolkit
from toolkit.commands.groups import Command, example
from toolkit.commands.options import LOCK, PATH, WITHOUT, Settings, resolve, settings
from toolkit.commands.screen import echo, say, telling
from toolkit.config.command import shell
from toolkit.errors import ToolkitError

FORMAT = click.option(
    "--format",
    type=click.Choice(["jsonl", "json", "csv", "tsv", "parquet", "conll", "conllu", "lines"]),
    help="Format of FILE. Default: by its ending, or by how it begins.",
)


class PredictOptions(Settings):
    """Options of `predict`."""

    task: str | None
    language: str | None
    language_column: str | None
    without: str | None
    format: str | None
    prefix: str
    out: Path | None
    lock: Path | None


class Predict(Command):
    """`predict`, which ranked source tasks in an earlier release: who calls it so reads the new name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse the options of the earlier command in one sentence."""
        if any(word.partition("=")[0] in ("--sweep", "--by", "--variant", "--train") for word in args):
            _say_rank(args)
        return super().parse_args(ctx, args)


def _say_rank(args: list[str]) -> NoReturn:
    raise ToolkitError(
        f"`predict EXPR --task TASK FILE` answers rows of your own; source tasks are ranked by `{shell('rank', *args)}`."
    )


@click.command(
    cls=Predict,
    epilog=example(
        "xstilts predict mnli --task mnli pairs.jsonl",
        "xstilts predict mnli/squad --task squad questions.csv --out answers.csv",
        "xstilts predict 'fuse[mnli,squad]/udpos' --task udpos --language de sentences.txt --out tagged.conll",
        "cat pairs.jsonl | xstilts predict mnli --task xnli - --language-column lang",
    ),
)
@click.argument("expr")
@click.argument("file", type=PATH, required=False)
@click.option("--task", metavar="TASK", help="Task whose rows they are; `xstilts tasks TASK` shows their columns.")
@click.option("--language", metavar="CODE", help="Language of all rows. Default: the task's training language.")
@click.option("--language-column", metavar="NAME", help="Column that has each row's language.")
@WITHOUT
@FORMAT
@click.option("--prefix", default="", metavar="TEXT", help="Beginning of the names of the answers' columns.")
@click.option(
    "--out",
    type=PATH,
    metavar="PATH",
    help="File to write, by its ending: .jsonl, .csv, .tsv, .conll, .parquet. What was cut off is continued. Default: lines of JSON on stdout.",
)
@LOCK
@settings
def predict(expr: str, file: Path | None, **options: Unpack[PredictOptions]) -> None:
    """Answer the rows of FILE with EXPR: the same rows with their answers, in order (docs/use.md).

    FILE is jsonl, json, csv, tsv, parquet, CoNLL or a text a line; `-`, or no FILE: standard input. Gold labels are not needed.
    A file of any length takes the memory of some thousand rows.
    """
    task = options["task"]
    if task is None and file is not None and file.is_file():
        raise ToolkitError(f"Name the task whose rows {file} holds (`--task TASK`); `xstilts tasks` lists them.")
    if task is None:
        _say_rank([expr, *([str(file)] if file is not None else [])])
    config = resolve(options, eval__without=options["without"])
    source = _source(file)
    with telling() as tell:
        result = toolkit.predict(
            expr,
            config,
            task=task,
            source=source,
            out=options["out"],
            echo=_lines,
            language=options["language"],
            language_column=options["language_column"],
            format=options["format"],
            prefix=options["prefix"],
            lock=options["lock"],
            **tell,
        )
    say(result.text)


class EmbedOptions(Settings):
    """Options of `embed`."""

    column: str
    language: str | None
    format: str | None
    out: Path
    lock: Path | None


@click.command(
    epilog=example(
        "xstilts embed mnli sentences.txt --out vectors.npy",
        "xstilts embed backbone news.jsonl --column title --out news.parquet --set retrieve.layer=12",
    )
)
@click.argument("expr")
@click.argument("file", type=PATH, required=False)
@click.option(
    "--column", default="text", show_default=True, metavar="NAME", help="Column of texts, where FILE has columns."
)
@click.option("--language", metavar="CODE", help="Language of the texts, which `text.*/mnli` has to know.")
@FORMAT
@click.option(
    "--out", required=True, type=PATH, metavar="PATH", help="File to write: .npy (a matrix) or .parquet (the rows)."
)
@LOCK
@settings
def embed(expr: str, file: Path | None, **options: Unpack[EmbedOptions]) -> None:
    """Write a vector of each text of FILE: the unit vectors that `retrieve` compares, in the order of the texts.

    FILE is a text a line, or rows with a column of texts; `-`, or no FILE: standard input.
    """
    config = resolve(options)
    with telling() as tell:
        result = toolkit.embed(
            expr,
            config,
            source=_source(file),
            out=options["out"],
            column=options["column"],
            language=options["language"],
            format=options["format"],
            lock=options["lock"],
            **tell,
        )
    say(result.text)


def _source(file: Path | None) -> Path:
    """Return the file, or standard input, unless a person would have to type it."""
    if file is None and sys.stdin.isatty():
        raise ToolkitError("No FILE was named and standard input is a terminal; name a file of rows, or pipe them in.")
    return Path("-") if file is None else file


def _lines(text: str) -> None:
    echo(text.removesuffix("\n"))
