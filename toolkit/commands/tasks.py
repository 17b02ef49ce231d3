"""Commands of tasks: list, show, check, probe, fetch and pin."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict, Unpack

import click

import toolkit
from toolkit.commands.groups import Commands, example
from toolkit.commands.options import DATA_ROOT, PATH, TASK_FILE, Settings, resolve, settings
from toolkit.commands.screen import say, show, voice

ENDPOINT = click.option(
    "--endpoint", envvar="HF_ENDPOINT", metavar="URL", help="Address of the hub. Default: https://huggingface.co."
)


@click.group(
    cls=Commands,
    default="show",
    bare="list",
    leading=["--task-file"],
    epilog=example("xstilts tasks", "xstilts tasks xquad", "xstilts tasks check mnli --backbone embedded"),
)
def tasks() -> None:
    """List the tasks, show one (`xstilts tasks NAME`), check, probe, fetch or pin its rows."""


@tasks.command("list", epilog=example("xstilts tasks list"))
@TASK_FILE
def tasks_list(task_files: tuple[Path, ...]) -> None:
    """List the tasks with kind, level (syntactic or semantic), languages, metric, size, licence and what they train on."""
    found = toolkit.tasks_list(toolkit.configure(task_files=task_files))
    left_out = show(found, cut={"licence": 12, "what": 30}, drop=("what", "trains on", "level"))
    if left_out:
        say(f"Too narrow for: {', '.join(left_out)}. `xstilts tasks NAME` shows all of a task.")


@tasks.command("show", epilog=example("xstilts tasks show xquad"))
@click.argument("name")
@TASK_FILE
def tasks_show(name: str, task_files: tuple[Path, ...]) -> None:
    """Show one task."""
    show(toolkit.tasks_show(name, toolkit.configure(task_files=task_files)))


@tasks.command("check", epilog=example("xstilts tasks check xquad --backbone embedded --data-root MIRROR"))
@click.argument("name")
@settings
@click.pass_context
def tasks_check(context: click.Context, name: str, **options: Unpack[Settings]) -> None:
    """Read a task's rows: faults, label balance, tokens, duplicates, and what the zoo's adapters have seen of them.

    A split or a file that cannot be read costs itself alone. Exit code 1: there was one, or a faulty row.
    """
    config = resolve(options)
    with voice() as speaking:
        found = toolkit.tasks_check(name, config, report=speaking.report)
    show(found)
    if found.is_faulty:
        context.exit(1)


class FetchOptions(TypedDict):
    """Options of `tasks fetch`."""

    suite: str | None
    out: Path
    languages: str | None
    release: str | None
    endpoint: str | None
    task_files: tuple[Path, ...]


@tasks.command(
    "fetch",
    renamed={"--to": "--out"},
    epilog=example(
        "xstilts tasks fetch xnli mnli --out MIRROR",
        "xstilts tasks fetch panx --out MIRROR --languages en,de,sw",
        "xstilts tasks fetch ccg --out MIRROR --release pmb-4.0.0.zip",
    ),
)
@click.argument("names", nargs=-1)
@click.option(
    "--suite",
    metavar="NAME",
    help="Every task of a suite, and what it trains on: xtreme, xtreme-r, africa, americas or low-resource.",
)
@click.option("--out", type=PATH, required=True, metavar="PATH", help="The mirror to fill.")
@click.option(
    "--languages", metavar="CODES", help="Codes with commas, in addition to the training language. Default: all."
)
@click.option(
    "--release",
    metavar="PATH|URL",
    help="Copy of the corpus of a task that is not on the hub (ccg: the Parallel Meaning Bank 4.0.0), in place of what its "
    "makers publish: a folder, an archive, or the URL of one.",
)
@ENDPOINT
@TASK_FILE
def tasks_fetch(names: tuple[str, ...], **options: Unpack[FetchOptions]) -> None:
    """Fetch from the hub what the tasks NAMES read and train on, for machines without a network (--data-root DIR).

    Every file is checked against the hub's checksum. A whole file that is there is not fetched again, and an interrupted run
    continues where it stopped.
    """
    if not names and options["suite"] is None:
        raise click.UsageError("No task is named; write their names, or --suite NAME.")
    with voice() as speaking:
        toolkit.tasks_fetch(
            names,
            toolkit.configure(task_files=options["task_files"]),
            out=options["out"],
            suite=options["suite"],
            languages=options["languages"],
            endpoint=options["endpoint"],
            release=options["release"],
            report=speaking.report,
            say=speaking.echo,  # each line when it is done: a fetch takes long
        )


class ProbeOptions(TypedDict):
    """Options of `tasks probe`."""

    data_root: Path | None
    endpoint: str | None
    task_files: tuple[Path, ...]


@tasks.command(
    "probe",
    epilog=example(
        "xstilts tasks probe", "xstilts tasks probe cosmosqa siqa", "xstilts tasks probe mlqa --data-root MIRROR"
    ),
)
@click.argument("names", nargs=-1)
@DATA_ROOT
@ENDPOINT
@TASK_FILE
@click.pass_context
def tasks_probe(context: click.Context, names: tuple[str, ...], **options: Unpack[ProbeOptions]) -> None:
    """Say of the datasets of the tasks NAMES, or of all, whether they are where and as the tasks say.

    A table has a line for each task: which id, branch and commit answer, how many configs are there, which splits, and whether
    the columns have the types that the task reads. No rows are downloaded: of each config the end of one file is read. Exit
    code 1: one is not as its task says.
    """
    config = toolkit.configure(task_files=options["task_files"], data_root=options["data_root"])
    with voice() as speaking:
        found = toolkit.tasks_probe(names, config, endpoint=options["endpoint"], report=speaking.report)
    left_out = show(found, cut={"road": 24}, drop=("splits", "columns"))
    if left_out:
        say(f"Too narrow for: {', '.join(left_out)}.")
    if found.is_faulty:
        context.exit(1)


class PinOptions(TypedDict):
    """Options of `tasks pin`."""

    out: Path | None
    data_root: Path | None
    endpoint: str | None
    task_files: tuple[Path, ...]


@tasks.command(
    "pin",
    epilog=example("xstilts tasks pin xnli mnli", "xstilts tasks pin xquad --data-root MIRROR --out configs/pins.yaml"),
)
@click.argument("names", nargs=-1)
@click.option("--out", type=PATH, metavar="PATH", help="File of pins. Default: XSTILTS_PINS, else configs/pins.yaml.")
@DATA_ROOT
@ENDPOINT
@TASK_FILE
def tasks_pin(names: tuple[str, ...], **options: Unpack[PinOptions]) -> None:
    """Write down which commit of each dataset the tasks NAMES read; from then on no other is read from this folder."""
    if not names:
        raise click.UsageError("No task is named; write their names.")
    config = toolkit.configure(task_files=options["task_files"], data_root=options["data_root"])
    show(toolkit.tasks_pin(names, config, out=options["out"], endpoint=options["endpoint"]))
