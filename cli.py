"""The command line: parse, call one recipe, print. `python cli.py ...` and `xstilts ...` are the same.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from toolkit.errors import ToolkitError

LOG_EVERY_S = 30.0
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Commands(click.Group):
    """Prints a `ToolkitError` as one sentence with exit code 2; everything else keeps its traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of a user's day, not of the alphabet

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)


def example(*lines: str) -> str:
    """Return worked examples as a help epilogue that click does not rewrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def settings(command: Callable) -> Callable:
    """Add the options that every journey shares; they arrive as one resolved `config`."""
    options = [
        click.option(
            "--backbone",
            envvar="XSTILTS_BACKBONE",
            metavar="NAME",
            help="Encoder: `xstilts backbones` lists them; a hub id; a folder. Default: xlm-roberta-large.",
        ),
        click.option(
            "--data-root",
            envvar="XSTILTS_DATA",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Mirror of hub data sets, looked at before the hub (DIR/<org>/<name>).",
        ),
        click.option(
            "--zoo",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of trained adapters. Default: adapter_zoo.",
        ),
        click.option(
            "--precision", type=click.Choice(["auto", "fp32", "bf16"]), help="auto: bf16 where the processor has it."
        ),
        click.option("--seed", type=int, metavar="N", help="Seeds order, initialisation and dropout. Default: 0."),
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            metavar="YAML",
            help="Configuration file; configs/ has ready ones.",
        ),
        click.option(
            "--set",
            "sets",
            multiple=True,
            metavar="KEY=VALUE",
            help="One setting, e.g. train.lr=1e-4. Repeatable; wins over the file.",
        ),
        click.option("--no-track", is_flag=True, help="Record nothing in MLflow."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def resolve(
    backbone: str | None,
    data_root: Path | None,
    zoo: Path | None,
    precision: str | None,
    seed: int | None,
    config_file: Path | None,
    sets: tuple[str, ...],
    no_track: bool,
) -> Any:
    """Turn the shared options into one frozen configuration."""
    from toolkit.config import load

    overrides = {
        "backbone.name": backbone,
        "data_root": data_root,
        "zoo": zoo,
        "backbone.precision": precision,
        "train.seed": seed,
        "tracking.enabled": False if no_track else None,
    }
    return load(config_file, sets, {key: value for key, value in overrides.items() if value is not None})


def say(sentence: str) -> None:
    """Tell the reader something that is not the result: to stderr, so that results can be piped."""
    click.echo(sentence, err=True)


def print_table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, header: bool = True) -> None:
    """Print aligned columns; piped output is never cut to a width."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*headers, box=None, pad_edge=False, show_header=header, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 240
    console.print(table)


def log_lines() -> Callable:
    """Return a progress callback for logs: a line every half minute, with the figures and the time left."""
    import time

    last: dict[str, Any] = {"what": "", "began": 0.0, "shown": 0.0}

    def report(progress: Any) -> None:
        now = time.monotonic()
        if progress.what != last["what"]:
            last.update(what=progress.what, began=now, shown=now)
        if now - last["shown"] < LOG_EVERY_S or not progress.done:
            return
        last["shown"] = now
        left_s = (now - last["began"]) / progress.done * (progress.total - progress.done)
        figures = "  ".join(f"{name} {value:.3g}" for name, value in progress.figures.items())
        say(f"{progress.what}: {progress.done}/{progress.total}  {figures}  {left_s:.0f} s left")

    return report


@contextmanager
def bars() -> Iterator[Callable]:
    """Draw progress: one bar for what is being done, with its figures; lines now and then where stderr is no terminal."""
    from toolkit.progress import Progress

    if not sys.stderr.isatty():
        yield log_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    drawn = Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar: dict[str, Any] = {}

    def report(progress: Progress) -> None:
        figures = "  ".join(f"{name} {value:.3g}" for name, value in progress.figures.items())
        if bar.get("what") != progress.what:
            if bar:
                drawn.remove_task(bar["id"])
            bar["what"], bar["id"] = progress.what, drawn.add_task(progress.what, total=progress.total, figures="")
        drawn.update(bar["id"], completed=progress.done, total=progress.total, figures=figures)

    with drawn:
        yield report


@click.group(
    cls=Commands,
    context_settings=CONTEXT,
    epilog=example(
        "xstilts demo",
        "xstilts train mnli/squad --backbone embedded --data-root MIRROR",
        "xstilts fuse mnli squad --target xquad",
        "xstilts eval 'fuse[mnli,squad]/xquad' --task xquad --languages all",
        "xstilts retrieve mnli --task tatoeba",
    ),
)
@click.version_option(package_name="xstilts", prog_name="xstilts")
def main() -> None:
    """Intermediate tasks as stackable adapters on a frozen XLM-R: train, fuse, evaluate zero-shot, retrieve, share."""


@main.command(
    epilog=example(
        "xstilts train mnli",
        "xstilts train mnli/squad --backbone embedded --set train.limit=2000",
        "xstilts train 'seq[mnli,squad]' --config configs/train/adapter.yaml",
        "xstilts train 'mix[udpos.en,udpos.de]'",
    )
)
@click.argument("expr")
@click.option("--retrain", is_flag=True, help="Train every stage again although the zoo holds it.")
@settings
def train(expr: str, retrain: bool, **options: Any) -> None:
    """Train what EXPR lacks, stage by stage, each into the zoo.

    A killed run goes on from its last checkpoint when the same command is given again.
    """
    _train(expr, resolve(**options), retrain)


@main.command(
    epilog=example(
        "xstilts fuse mnli squad --target xquad",
        "xstilts fuse mnli squad csqa --target udpos --backbone embedded --data-root MIRROR",
        "xstilts fuse mnli squad --target xquad --no-adapter",
    )
)
@click.argument("members", nargs=-1, required=True)
@click.option("--target", required=True, metavar="TASK", help="Task that the fusion is trained for.")
@click.option(
    "--no-adapter", is_flag=True, help="Learn the fusion and a head only (`fuse[...]@TASK`), no adapter on top."
)
@click.option("--retrain", is_flag=True, help="Train every stage again although the zoo holds it.")
@settings
def fuse(members: tuple[str, ...], target: str, no_adapter: bool, retrain: bool, **options: Any) -> None:
    """Fuse the adapters MEMBERS and train a target on top: `fuse[A,B,...]/TARGET`."""
    _train(f"fuse[{','.join(members)}]{'@' if no_adapter else '/'}{target}", resolve(**options), retrain)


def _train(expr: str, config: Any, retrain: bool) -> None:
    from toolkit.recipes.train import train as run

    with bars() as report:
        cards = run(expr, config, retrain=retrain, report=report, say=say)
    for card in cards:
        click.echo(
            f"{card.name}  {card.digest[:12]}  "
            + "  ".join(f"{s['task']} dev {s['metric']} {100 * s['value']:.1f}" for s in card.scores)
        )


@main.command(epilog=example("xstilts plan 'fuse[mnli,squad]/xquad'", "xstilts plan 'seq[mnli,squad]/udpos' --json"))
@click.argument("expr")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per stage.")
@settings
def plan(expr: str, as_json: bool, **options: Any) -> None:
    """Print the stages that EXPR still lacks, given what the zoo holds. Trains nothing."""
    from toolkit.composition import parse
    from toolkit.plan import describe
    from toolkit.plan import plan as stages_of
    from toolkit.tasks.trains_on import training_rows
    from toolkit.zoo import Zoo, shelf_name

    config = resolve(**options)
    held = Zoo(config.zoo)
    shelf = shelf_name(config.backbone.name, config.adapter.kind)
    stages = stages_of(parse(expr), holds=lambda entry: held.holds(entry, shelf))
    rows = {ref: training_rows(ref) for stage in stages for ref in stage.tasks}
    if not as_json:
        click.echo(describe(stages, rows=rows.__getitem__, backbone_learns=config.adapter.kind == "full"))
    for stage in stages if as_json else ():
        learn = [f"{part.kind} {part.name}" for part in stage.learn]
        tasks = [str(task) for task in stage.tasks]
        found = {
            "entry": stage.entry,
            "tasks": tasks,
            "learn": learn,
            "parents": list(stage.parents),
            "warm_start": stage.warm_start,
        }
        click.echo(json.dumps(found))


@main.command(
    "eval",
    epilog=example(
        "xstilts eval mnli --task xnli --languages all",
        "xstilts eval 'fuse[mnli,squad]/xquad' --task xquad --languages en,de,zh",
        "xstilts eval backbone@mnli --task xnli --set eval.limit=500",
    ),
)
@click.argument("expr")
@click.option("--task", required=True, metavar="TASK", help="Task whose rows are scored.")
@click.option("--languages", default="all", show_default=True, metavar="CODES", help="`all`, or codes with commas.")
@settings
def evaluate(expr: str, task: str, languages: str, **options: Any) -> None:
    """Score EXPR on a task, zero-shot in every language: table, CSV, JSON, heat map, MLflow run."""
    from toolkit.recipes.evaluate import evaluate as run

    config = resolve(**options)
    with bars() as report:
        result = run(expr, config, task=task, languages=languages, report=report, say=say)
    click.echo(result.text)
    say(f"Written to {result.folder}/")


@main.command(
    epilog=example(
        "xstilts retrieve backbone --task tatoeba",
        "xstilts retrieve mnli --task tatoeba --languages de,fr,sw --set retrieve.layer=12",
    )
)
@click.argument("expr")
@click.option("--task", default="tatoeba", show_default=True, metavar="TASK", help="Bitext task.")
@click.option("--languages", default="all", show_default=True, metavar="CODES", help="`all`, or codes with commas.")
@settings
def retrieve(expr: str, task: str, languages: str, **options: Any) -> None:
    """Retrieve translations with EXPR's sentence vectors (FAISS): accuracy per language."""
    from toolkit.recipes.retrieve import retrieve as run

    config = resolve(**options)
    with bars() as report:
        result = run(expr, config, task=task, languages=languages, report=report, say=say)
    click.echo(result.text)
    say(f"Written to {result.folder}/")


@main.group(
    cls=Commands,
    epilog=example("xstilts zoo list", "xstilts zoo show mnli/squad --backbone embedded", "xstilts zoo verify"),
)
def zoo() -> None:
    """Look at, check and clear the folder of trained adapters."""


ZOO = click.option(
    "--zoo",
    "root",
    type=click.Path(path_type=Path),
    default=Path("adapter_zoo"),
    show_default=True,
    help="Folder of trained adapters.",
)
SHELF = click.option("--backbone", envvar="XSTILTS_BACKBONE", metavar="NAME", help="Only this backbone's.")


@zoo.command("list", epilog=example("xstilts zoo list", "xstilts zoo list --backbone embedded"))
@ZOO
@SHELF
def zoo_list(root: Path, backbone: str | None) -> None:
    """Print every adapter with its backbone, size, dev scores and digest."""
    from toolkit.zoo import Zoo

    damaged: list[str] = []
    rows = []
    for card in Zoo(root).list(backbone, damaged=damaged):
        scores = ", ".join(f"{s['task']} {s['metric']} {100 * s['value']:.1f}" for s in card.scores)
        size = sum(file["bytes"] for file in card.files.values())
        rows.append((card.name, card.backbone["name"], f"{size / 1e6:.1f} MB", scores, card.digest[:12]))
    if rows:
        print_table(("adapter", "backbone", "size", "dev", "digest"), rows)
    else:
        click.echo(f"The zoo {root} holds no adapters" + (f" for {backbone}." if backbone else "."))
    for sentence in damaged:
        say(f"Damaged: {sentence}")


def _card(root: Path, name: str, backbone: str | None) -> Any:
    """Return the card of an adapter; without a backbone it must be the only one of its name."""
    from toolkit.composition import parse
    from toolkit.zoo import Zoo

    held = Zoo(root)
    text = str(parse(name))
    shelves = [card.backbone["name"] for card in held.list(damaged=[]) if card.name == text]
    if backbone is None and len(shelves) > 1:
        raise ToolkitError(f"The zoo holds '{text}' for {', '.join(shelves)}; choose one with --backbone.")
    return held.get(text, backbone or (shelves[0] if shelves else "xlm-roberta-large"))


@zoo.command("show", epilog=example("xstilts zoo show mnli/squad", "xstilts zoo show mnli --backbone embedded"))
@click.argument("name")
@ZOO
@SHELF
def zoo_show(name: str, root: Path, backbone: str | None) -> None:
    """Print an adapter's card: recipe, parents, data seen, scores, files."""
    click.echo(_card(root, name, backbone).to_text().rstrip())


@zoo.command("verify", epilog=example("xstilts zoo verify", "xstilts zoo verify mnli"))
@click.argument("name", required=False)
@ZOO
@SHELF
def zoo_verify(name: str | None, root: Path, backbone: str | None) -> None:
    """Check every file of one adapter, or of all, against the card's sha256."""
    from toolkit.zoo import Zoo

    held = Zoo(root)
    if name is None:
        faults = held.faults(backbone)
        if faults:
            raise ToolkitError("\n".join(faults))
    cards = [_card(root, name, backbone)] if name else held.list(backbone)
    for card in cards:
        held.verify(card)
        click.echo(
            f"{card.name} on {card.backbone['name']}: {len(card.files)} files, digest {card.digest[:12]}, as its card says"
        )
    if not cards:
        click.echo(f"The zoo {root} holds no adapters.")


@zoo.command("remove", epilog=example("xstilts zoo remove mnli/squad", "xstilts zoo remove mnli --force"))
@click.argument("name")
@click.option("--force", is_flag=True, help="Although another adapter was trained on top of it.")
@ZOO
@SHELF
def zoo_remove(name: str, force: bool, root: Path, backbone: str | None) -> None:
    """Remove an adapter; refused while another names it as a parent."""
    from toolkit.zoo import Zoo

    # With a backbone given no card is read, so that a damaged entry can be removed.
    shelf = backbone or _card(root, name, None).backbone["name"]
    Zoo(root).remove(name, shelf, force=force)
    click.echo(f"Removed {name} ({shelf}).")


@main.command(epilog=example("xstilts tasks", "xstilts tasks xquad"))
@click.argument("name", required=False)
def tasks(name: str | None) -> None:
    """List the tasks with kind, languages, metric and what they train on; or show one."""
    from toolkit.tasks import TASKS, get_task

    if name:
        task = get_task(name)
        facts = {
            "task": task.name,
            "what": task.description,
            "kind": task.kind,
            "languages": ", ".join(task.languages),
            "metric": task.metric,
            "labels": ", ".join(task.labels),
            "trains on": task.trains_on or (task.name if task.has_train else ""),
            "from": getattr(task.source, "path", "the built-in generator"),
            "rows (train, dev)": ", ".join("-" if n is None else f"{n:,}" for n in task.size),
            "licence": task.licence,
            "cite": task.citation,
        }
        print_table(("", ""), [(key, value) for key, value in facts.items() if value], header=False)
        return
    rows = [
        (
            t.name,
            t.kind,
            str(len(t.languages)),
            t.metric,
            t.trains_on or ("itself" if t.has_train else "-"),
            "generated" if t.is_generated else "",
            t.description,
        )
        for t in TASKS.values()
    ]
    print_table(("task", "kind", "languages", "metric", "trains on", "", "what"), rows)


@main.command(epilog=example("xstilts backbones"))
def backbones() -> None:
    """List the backbones and whether each can be loaded here without a network."""
    from toolkit.modeling.backbone import KNOWN
    from toolkit.recipes.doctor import reachable_backbones

    found = reachable_backbones()
    print_table(("backbone", "what", "here"), [(name, what, found[name][1]) for name, what in KNOWN.items()])
    click.echo("Any hub id or local folder of the XLM-R family works as well.")


@main.group(cls=Commands, epilog=example("xstilts track sync"))
def track() -> None:
    """Look after the records of runs."""


@track.command("sync", epilog=example("MLFLOW_TRACKING_URI=http://server:5000 xstilts track sync"))
def track_sync() -> None:
    """Upload the runs that were spooled while the tracking server could not be reached."""
    from toolkit.tracking import sync

    click.echo(f"{sync(Path('.'))} runs uploaded.")


@main.command(epilog=example("xstilts ui", "xstilts ui --folder demo --port 5001"))
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
    click.echo(f"http://{host}:{port}  (runs of {uri}; Ctrl-C ends it)")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", host, "--port", str(port)]
    sys.exit(subprocess.call(command, env=os.environ))


@main.command(epilog=example("xstilts doctor", "xstilts doctor --data-root MIRROR"))
@settings
def doctor(**options: Any) -> None:
    """Say what is installed and which backbones and data can be reached, with the mend for what cannot."""
    from toolkit.recipes.doctor import examine

    config = resolve(**options)
    for finding in examine(config):
        click.echo(f"{'ok  ' if finding.is_well else 'MEND'}  {finding.what}")
        if not finding.is_well:
            click.echo(f"      {finding.mend}")


@main.command(epilog=example("xstilts demo", "xstilts demo --folder /tmp/demo"))
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
    from toolkit.recipes.demo import demo as run

    with bars() as report:
        text = run(folder, backbone=backbone, report=report, say=say)
    click.echo(text)


if __name__ == "__main__":
    main()
