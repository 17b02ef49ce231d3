"""The command line: `python cli.py ...` and `xstilts ...` are the same. The commands live in `toolkit/commands/`."""

from __future__ import annotations

import click

from toolkit.commands import cache, find, fusions, journeys, look, retrieval, sweeps
from toolkit.commands import robust as robustness
from toolkit.commands.options import Commands, example
from toolkit.commands.store import store

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


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


for command in (
    journeys.train,
    journeys.fuse,
    journeys.plan,
    journeys.evaluate,
    retrieval.retrieve,
    journeys.compare,
    retrieval.mine,
    robustness.robust,
    robustness.perturbations,
    sweeps.sweep,
    sweeps.status,
    sweeps.report,
    fusions.attention,
    fusions.prune,
    fusions.collapse,
    find.zoo,
    store,
    look.tasks,
    cache.cache,
    look.backbones,
    look.track,
    look.ui,
    look.doctor,
    look.demo,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
