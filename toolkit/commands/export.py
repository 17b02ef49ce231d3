"""Command `export`: a composition as files that answer without this package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Unpack

import click

import toolkit
from toolkit.commands.groups import example
from toolkit.commands.options import LANGUAGES, LOCK, PATH, Settings, resolve, settings
from toolkit.commands.screen import echo, say, show, telling
from toolkit.errors import ToolkitError


class ExportOptions(Settings):
    """Options of `export`."""

    to: Literal["adapterhub", "onnx", "torch"]
    int8: bool
    vectors: bool
    language: str | None
    task: str | None
    languages: str
    lock: Path | None


@click.command(
    epilog=example(
        "xstilts export mnli/squad saved --to onnx",
        "xstilts export 'fuse[mnli,squad]/udpos' saved --to onnx --int8 --task udpos --languages en,de",
        "xstilts export backbone vectors --to onnx --set retrieve.protocol=mteb",
        "xstilts export mnli saved --to torch",
        "xstilts export mnli saved",
    )
)
@click.argument("expr")
@click.argument("folder", type=PATH)
@click.option(
    "--to",
    type=click.Choice(["adapterhub", "onnx", "torch"]),
    default="adapterhub",
    show_default=True,
    help="adapterhub: what the `adapters` library loads; onnx, torch: one model with tokenizer and program.",
)
@click.option("--int8", is_flag=True, help="onnx: hold weights in int8, about a quarter of the size.")
@click.option("--vectors", is_flag=True, help="Vectors of texts, as `retrieve` compares them, instead of answers.")
@click.option("--language", metavar="CODE", help="Language that `text.*/mnli` is exported for.")
@click.option("--task", metavar="TASK", help="Answer its rows with EXPR and with the file, and score both.")
@LANGUAGES
@LOCK
@settings
def export(expr: str, folder: Path, **options: Unpack[ExportOptions]) -> None:
    """Write EXPR into FOLDER, for use without this package.

    With --to onnx: the folded circuit and head as `model.onnx`, its tokenizer, and a `run.py` that answers rows with
    onnxruntime and tokenizers alone (docs/export.md). --precision bf16 holds the matrices in bf16.
    """
    config, to = resolve(options), options["to"]
    if to == "adapterhub":
        if options["int8"] or options["vectors"] or options["task"] or options["lock"] or options["language"]:
            raise ToolkitError("--int8, --vectors, --language, --task and --lock go with --to onnx or --to torch.")
        show(toolkit.zoo_export(expr, config, out=folder, backbone=options["backbone"]))
        return
    with telling() as tell:
        result = toolkit.export(
            expr,
            config,
            out=folder,
            to=to,
            int8=options["int8"],
            vectors=options["vectors"],
            language=options["language"],
            task=options["task"],
            languages=options["languages"],
            lock=options["lock"],
            **tell,
        )
    echo(result.text)
    say(f"Written to {folder}/")
