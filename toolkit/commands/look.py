"""Looking round: tasks, backbones, doctor, the records of runs, the demonstration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from toolkit.commands.options import DATA_ROOT, TASK_FILE, Commands, example, load_tasks, resolve, settings
from toolkit.commands.screen import bars, print_table, say


class TaskCommands(Commands):
    """`xstilts tasks NAME` is `xstilts tasks show NAME`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        words = args or ["list"]
        return super().resolve_command(ctx, words if words[0] in self.commands else ["show", *words])


@click.group(
    cls=TaskCommands,
    invoke_without_command=True,
    epilog=example("xstilts tasks", "xstilts tasks xquad", "xstilts tasks check mnli --backbone embedded"),
)
@TASK_FILE
@click.pass_context
def tasks(context: click.Context, task_files: tuple[Path, ...]) -> None:
    """List the tasks, show one (`xstilts tasks NAME`), or check its rows."""
    load_tasks(task_files)
    if context.invoked_subcommand is None:
        _list_tasks()


@tasks.command("list", epilog=example("xstilts tasks list"))
@TASK_FILE
def tasks_list(task_files: tuple[Path, ...]) -> None:
    """List the tasks with kind, level (syntactic or semantic), languages, metric, size, licence and what they train on."""
    load_tasks(task_files)
    _list_tasks()


@tasks.command("show", epilog=example("xstilts tasks show xquad"))
@click.argument("name")
@TASK_FILE
def tasks_show(name: str, task_files: tuple[Path, ...]) -> None:
    """Show one task."""
    from toolkit.tasks import get_task

    load_tasks(task_files)
    task = get_task(name)
    facts = {
        "task": task.name,
        "what": task.description,
        "kind": task.kind,
        "level": task.level,
        "languages": ", ".join(task.languages),
        "metric": task.metric,
        "labels": ", ".join(task.labels),
        "trains on": task.trains_on or (task.name if task.has_train else ""),
        "from": getattr(task.source, "path", "the built-in generator" if task.is_generated else "files"),
        "rows (train, dev)": ", ".join("-" if n is None else f"{n:,}" for n in task.size),
        "licence": task.licence,
        "cite": task.citation,
    }
    print_table(("", ""), [(key, value) for key, value in facts.items() if value], header=False)


@tasks.command("check", epilog=example("xstilts tasks check xquad --backbone embedded --data-root MIRROR"))
@click.argument("name")
@settings
def tasks_check(name: str, **options: Any) -> None:
    """Read a task's rows: faults, label balance, tokens, duplicates, and what the zoo's adapters have seen of them."""
    from toolkit.recipes.data.check import check
    from toolkit.recipes.session.session import Session

    config = resolve(**options)
    with bars() as report:
        found = check(name, Session.open(config, report=report))
    headers = (
        "split",
        "language",
        "rows",
        "tokens: median",
        "95 %",
        "most",
        f"over {found.limit}",
        "repeated",
        "balance",
    )
    print_table(
        headers,
        [
            (
                part.split,
                part.language,
                f"{part.n:,}",
                *(f"{n:,}" for n in part.tokens),
                f"{part.n_long:,}",
                f"{part.n_repeated:,}",
                part.balance,
            )
            for part in found.parts
        ],
    )
    for sentence in found.sentences:
        click.echo(sentence)
    if not found.sentences:
        click.echo(
            "Nothing to warn of: no faulty row, no contradiction, no row scored that an adapter of the zoo has seen."
        )


ENDPOINT = click.option(
    "--endpoint", envvar="HF_ENDPOINT", metavar="URL", help="Address of the hub. Default: https://huggingface.co."
)


@tasks.command(
    "fetch",
    epilog=example(
        "xstilts tasks fetch xnli mnli --to MIRROR", "xstilts tasks fetch panx --to MIRROR --languages en,de,sw"
    ),
)
@click.argument("names", nargs=-1)
@click.option("--suite", metavar="NAME", help="Every task of a suite, and what it trains on: xtreme or xtreme-r.")
@click.option("--to", "root", type=click.Path(path_type=Path), required=True, metavar="DIR", help="The mirror to fill.")
@click.option("--languages", metavar="CODES", help="Codes with commas, besides the training language. Default: all.")
@ENDPOINT
@TASK_FILE
def tasks_fetch(
    names: tuple[str, ...],
    suite: str | None,
    root: Path,
    languages: str | None,
    endpoint: str | None,
    task_files: tuple[Path, ...],
) -> None:
    """Fetch from the hub what the tasks NAMES read and train on, for machines without a network (--data-root DIR).

    Every file is checked against the hub's checksum. What is there and whole is not fetched again, and an interrupted run goes
    on where it stopped.
    """
    from toolkit.tasks import get_task
    from toolkit.tasks.fetch import fetch, hub_sources, with_lenders

    load_tasks(task_files)
    wanted = [get_task(name) for name in _named((*names, *_of_suite(suite)))]
    for task in with_lenders(wanted):
        if not hub_sources(task) and not task.is_generated:
            click.echo(f"{task.name}: its rows are not on the hub: {task.citation or 'your own files'}.")
    codes = None if languages is None else [code.strip() for code in languages.split(",")]
    with bars() as report:
        for one in fetch(wanted, root, languages=codes, endpoint=endpoint, report=report):
            done = f"{one.downloaded} downloaded" if one.downloaded else "all there and whole"
            click.echo(f"{one.repo}@{one.revision[:12]}: {one.files} files, {one.size / 2**20:,.1f} MiB, {done}.")
            if one.lacking:
                click.echo(f"{one.repo} does not have: {', '.join(one.lacking)}.")


@tasks.command(
    "pin",
    epilog=example("xstilts tasks pin xnli mnli", "xstilts tasks pin xquad --data-root MIRROR --out configs/pins.yaml"),
)
@click.argument("names", nargs=-1)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="YAML", help="Default: XSTILTS_PINS, else configs/pins.yaml."
)
@DATA_ROOT
@ENDPOINT
@TASK_FILE
def tasks_pin(
    names: tuple[str, ...],
    out: Path | None,
    data_root: Path | None,
    endpoint: str | None,
    task_files: tuple[Path, ...],
) -> None:
    """Write down which commit of each dataset the tasks NAMES read; from then on no other is read from this folder."""
    from toolkit.tasks import get_task
    from toolkit.tasks.fetch import find_revisions
    from toolkit.tasks.mirror.pins import pins_file, write_pins

    load_tasks(task_files)
    found = find_revisions([get_task(name) for name in _named(names)], data_root=data_root, endpoint=endpoint)
    write_pins(found, out or pins_file())
    for path, commit in found.items():
        click.echo(f"{path}: {commit}")
    click.echo(f"Written to {out or pins_file()}.")


def _of_suite(suite: str | None) -> list[str]:
    """Return the tasks of a suite and those that it trains on; a task that the catalogue lacks is named."""
    if suite is None:
        return []
    from toolkit.composition import parse
    from toolkit.tasks import TASKS
    from toolkit.tasks.suites import get_suite

    every: dict[str, None] = {}
    for entry in get_suite(suite).entries:
        trained = [leaf.name for text in entry.trains_as for leaf in parse(text).leaves()]
        every |= dict.fromkeys([entry.task, *trained])
    for name in every:
        if name not in TASKS:
            click.echo(f"{name}: the catalogue does not have it.")
    return [name for name in every if name in TASKS]


def _named(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise click.UsageError("No task is named; write their names.")
    return names


def _list_tasks() -> None:
    from toolkit.tasks import TASKS, load_own

    load_own()
    rows = [
        (
            t.name,
            t.kind,
            t.level,
            str(len(t.languages)),
            t.metric,
            " / ".join("-" if n is None else f"{n:,}" for n in t.size),
            f"{t.licence}, generated" if t.is_generated else t.licence,
            t.trains_on or ("itself" if t.has_train else "-"),
            t.description,
        )
        for t in TASKS.values()
    ]
    headers = ("task", "kind", "level", "langs", "metric", "train / dev", "licence", "trains on", "what")
    left_out = print_table(headers, rows, cut={"licence": 12, "what": 30}, drop=("what", "trains on", "level"))
    if left_out:
        say(f"Too narrow for: {', '.join(left_out)}. `xstilts tasks NAME` shows all of a task.")


@click.command(epilog=example("xstilts backbones"))
def backbones() -> None:
    """List the backbones and whether each can be loaded here without a network."""
    from toolkit.modeling.backbone import KNOWN
    from toolkit.recipes.look.doctor import reachable_backbones

    found = reachable_backbones()
    print_table(("backbone", "what", "here"), [(name, what, found[name][1]) for name, what in KNOWN.items()])
    click.echo("Any hub id or local folder of the XLM-R family works as well.")


@click.group(cls=Commands, epilog=example("xstilts track sync"))
def track() -> None:
    """Look after the records of runs."""


@track.command("sync", epilog=example("MLFLOW_TRACKING_URI=http://server:5000 xstilts track sync"))
def track_sync() -> None:
    """Upload the runs that were spooled while the tracking server could not be reached."""
    from toolkit.tracking import sync

    n = sync(Path("."))
    click.echo(f"{n} run{'' if n == 1 else 's'} uploaded.")


@click.command(epilog=example("xstilts ui", "xstilts ui --folder demo --port 5001"))
@click.option("--port", default=5000, show_default=True, help="Port on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("."),
    show_default=True,
    help="Folder that holds mlflow.db.",
)
def ui(port: int, host: str, folder: Path) -> None:
    """Open the MLflow UI on the runs of a folder (or of MLFLOW_TRACKING_URI)."""
    import os
    import subprocess

    from toolkit.tracking import tracking_uri

    uri = tracking_uri(None, folder)
    if uri.startswith("http"):
        click.echo(f"The runs are on {uri}; open it in a browser.")
        return
    # Without it MLflow 3.17 shows the pages for language model traces, all of them empty.
    page = f"http://{host}:{port}/#/experiments?workflowType=machine_learning"
    click.echo(f"{page}  (runs of {uri}; Ctrl-C ends it)")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", host, "--port", str(port)]
    sys.exit(subprocess.call(command, env=os.environ))


@click.command(epilog=example("xstilts doctor", "xstilts doctor --data-root MIRROR"))
@settings
def doctor(**options: Any) -> None:
    """Say what is installed and which backbones and data can be reached, with the mend for what cannot."""
    from toolkit.recipes.look.doctor import examine

    config = resolve(**options)
    for finding in examine(config):
        click.echo(f"{'ok  ' if finding.is_well else 'MEND'}  {finding.what}")
        if not finding.is_well:
            click.echo(f"      {finding.fix}")


@click.command(epilog=example("xstilts demo", "xstilts demo --folder /tmp/demo"))
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where the demo's zoo, runs and MLflow store go.",
)
@click.option("--backbone", default="embedded", show_default=True, metavar="NAME", help="Encoder.")
def demo(folder: Path, backbone: str) -> None:
    """Train, stack, fuse, evaluate and retrieve on the embedded backbone and the micro-world, offline, in minutes."""
    from toolkit.recipes.look.demo import demo as run

    with bars() as report:
        text = run(folder, backbone=backbone, report=report, say=say)
    click.echo(text)
