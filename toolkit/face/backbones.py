"""Verbs of the group `backbones`: which there are, which commit is used, and whether their files are whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.face.shared import Listing, listing
from toolkit.results.result import Record


def backbones() -> Listing:
    """Return the backbones and whether each can be loaded here without a network."""
    from toolkit.modeling.backbone import KNOWN
    from toolkit.recipes.look.doctor import reachable_backbones

    found = reachable_backbones()
    rows: list[Record] = [{"backbone": name, "what": what, "is_here": found[name][0]} for name, what in KNOWN.items()]
    cells = [(name, what, found[name][1]) for name, what in KNOWN.items()]
    lines = ["Any hub id or local folder of the XLM-R family works as well."]
    return listing(rows, ("backbone", "what", "here"), cells, lines=lines)


def backbones_pin(names: Sequence[str], *, out: Path | None = None) -> Listing:
    """Write down the commit of models of the hub; from then on no other is loaded in this folder unless a setting asks.

    Args:
        names: registry names or hub ids. The commit is that of what is on this machine, else the hub's newest.
        out: the file of pins; None: what `XSTILTS_PINS` names, else `configs/pins.yaml`.

    Raises:
        ToolkitError: a name is not of the hub, or nothing of it is here and the hub cannot be asked.
    """
    from toolkit.modeling.hub_ids import HUB_IDS, check_backbone_name, is_folder
    from toolkit.modeling.published.ask import newest
    from toolkit.modeling.published.kept import whole_snapshot
    from toolkit.modeling.published.revision import PREFIX
    from toolkit.tasks.mirror.pins import pins_file, write_pins

    found: dict[str, str] = {}
    for name in names:
        check_backbone_name(name)
        if name in ("embedded", "tiny") or is_folder(name):
            raise ToolkitError(f"The backbone {name} is not a model of the hub, so it cannot move; leave it out.")
        repo = HUB_IDS.get(name, name)
        here = whole_snapshot(repo)
        commit = newest(repo) if here is None else here.name
        if commit is None:
            raise ToolkitError(
                f"Nothing of {repo} is on this machine, and the hub does not say its newest commit; run the same command where "
                "there is a network, or correct the name."
            )
        found[repo] = commit
    path = out or pins_file()
    write_pins({PREFIX + repo: commit for repo, commit in found.items()}, path)
    rows: list[Record] = [{"repo": repo, "revision": commit} for repo, commit in found.items()]
    return listing(rows, lines=[*(f"{repo}: {commit}" for repo, commit in found.items()), f"Written to {path}."])


def backbones_verify(name: str) -> Listing:
    """Read all weights of a backbone, and compare them with what was known of them.

    Args:
        name: registry name, hub id or folder.

    Raises:
        ToolkitError: it is not on this machine, or a file is damaged.
    """
    from toolkit.modeling.hub_ids import check_backbone_name
    from toolkit.modeling.identity import here
    from toolkit.modeling.published.check import check_checkpoint

    check_backbone_name(name)
    folder = here(name)
    if folder is None:
        raise ToolkitError(
            f"The backbone {name} is not on this machine, whole; a first use brings it, and there is nothing to read before."
        )
    found = check_checkpoint(folder)
    files = f"{len(found.files)} file{'s' if len(found.files) > 1 else ''}"
    lines = [f"{name}: {files} in {folder}, digest {found.digest[:12]}, {found.in_words}"]
    return listing([{"backbone": name, "folder": str(folder), "digest": found.digest}], lines=lines)
