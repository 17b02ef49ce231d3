"""The command line: `python cli.py ...` and `xstilts ...` are the same. The commands are in `toolkit/commands/`."""

from __future__ import annotations

import click

from toolkit.commands import answer, compare, fusion, look, robust, score, sweep, train, transfer
from toolkit.commands.configs import configs
from toolkit.commands.export import export
from toolkit.commands.groups import Program, example
from toolkit.commands.publish import results
from toolkit.commands.store import cache, store
from toolkit.commands.tasks import tasks
from toolkit.commands.zoo import zoo

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(
    cls=Program,
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


main.add_section("Train", [train.train, train.fuse, train.plan, fusion.prune, fusion.collapse])
main.add_section("Score", [score.evaluate, score.retrieve, score.mine, fusion.attention])
main.add_section("Use", [answer.predict, answer.embed])
main.add_section("Compare", [compare.compare, robust.robust, transfer.similarity, transfer.rank])
main.add_section("Sweeps", [sweep.sweep, sweep.status, sweep.report])
main.add_section("Share", [zoo, export, results])
main.add_section("Data", [tasks, configs, robust.perturbations, store, cache])
main.add_section("Look", [look.doctor, look.demo, look.backbones, look.ui, look.track])

if __name__ == "__main__":
    main()
