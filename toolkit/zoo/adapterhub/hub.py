"""Adapters of the hub: the few files of one commit, in a folder that goes when they were read."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError, ZooError
from toolkit.files import file_fault
from toolkit.hub import is_hub_reachable, prepare_hub
from toolkit.hub_errors import Cause, endpoint, trouble_of
from toolkit.paths import at_home
from toolkit.space import Need, require_space
from toolkit.tasks.mirror.pins import pinned
from toolkit.zoo.adapterhub.layout import FILES, SETUP_FILE

_ADDRESS = re.compile(r"hf://([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?(?:/(?!/)([\w./-]+?))?/?")
_EXAMPLE = "hf://AdapterHub/xlm-roberta-base-sw-wiki_pfeiffer"
_MOST_FILES = 10_000
_MODELS = "models/"  # begins a model's key among the pins
_LOCAL = "download it where there is a network (`hf download {repo} --local-dir DIR`) and import DIR"
# What to do, by cause; those that are left out say it themselves (`hub_errors`).
_WAYS: Mapping[Cause, str] = {
    "absent": "correct the id, or log in with `hf auth login` or HF_TOKEN; a language adapter of AdapterHub is called like "
    + _EXAMPLE,
    "revision": "name a branch, tag or commit of it after `@`, or leave it out",
    "file": "expected a repository with what `save_adapter` writes",
    "network": _LOCAL,
}


@dataclass(frozen=True)
class Source:
    """Where a saved adapter comes from.

    Attributes:
        folder: with its files.
        name: what a card calls it: the folder's own name, or `hf://org/name@commit`.
    """

    folder: Path
    name: str


@contextmanager
def opened(src: str) -> Iterator[Source]:
    """Yield the folder that a user's text names: on this machine, or downloaded from the hub.

    Args:
        src: a folder, or `hf://org/name`, with `@revision` and with a folder in it if need be. Without a revision it is the
            one that the pins name (`models/org/name`), else that of the main branch; whichever it is, all files are of one commit.

    Raises:
        ZooError: no such folder or repository, or the hub does not give its files.
    """
    if not src.startswith("hf:"):
        folder = at_home(src)
        _require_folder(src, folder)
        yield Source(folder, folder.absolute().name)
        return
    found = _ADDRESS.fullmatch(src)
    if not found:
        raise ZooError(f"'{src}' is not a repository of the hub; expected `hf://org/name`, for example {_EXAMPLE}.")
    repo, revision, inside = found.groups()
    with tempfile.TemporaryDirectory(prefix="xstilts-import-") as scratch:
        folder = Path(scratch) / repo.rpartition("/")[2]
        folder.mkdir()
        commit = _fetch(src, repo, revision, (inside or "").strip("/"), folder)
        name = f"hf://{repo}@{commit}" + (f"/{inside}" if inside else "")
        try:
            yield Source(folder / inside if inside else folder, name)
        except ToolkitError as error:  # the folder is gone by the time that its name is read
            said = str(error).replace(str(folder / inside if inside else folder), name).replace(str(folder), name)
            raise type(error)(said) from None


def _require_folder(src: str, folder: Path) -> None:
    if folder.is_dir():
        return
    if folder.exists():
        raise ZooError(f"{src} is a file, expected the folder that `save_adapter` wrote; unpack an archive first.")
    if src.startswith(("http:", "https:")):
        hint = "expected a folder, or `hf://org/name` for a repository of the hub"
    elif re.fullmatch(r"[\w.-]+/[\w.-]+", src):
        hint = f"for a repository of the hub write hf://{src}"
    elif "@" in src:
        hint = f"what AdapterHub calls so is a repository of the hub by now: {_EXAMPLE} is sw/wiki@ukp for xlm-roberta-base"
    else:
        hint = "expected one that `save_adapter` or `save_adapter_setup` wrote, or `hf://org/name`"
    fault = "" if "\0" in src else file_fault(folder) or ""
    raise ZooError(f"There is no folder {src}{f' ({fault})' if 'denied' in fault else ''}; {hint}.")


def _fetch(src: str, repo: str, revision: str | None, inside: str, folder: Path) -> str:
    """Download the files that the library writes, of one commit; return the commit."""
    prepare_hub()
    if not is_hub_reachable.__wrapped__():  # asked anew: a network may be back
        raise ZooError(f"{src} cannot be fetched: the hub does not answer from here; {_LOCAL.format(repo=repo)}.")
    pin = None if revision else pinned(_MODELS + repo)
    try:
        return _download(src, repo, revision or (pin.commit if pin else None), inside, folder)
    except ToolkitError:
        raise
    except Exception as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        way = _WAYS.get(trouble.cause, trouble.way_out).format(repo=repo)
        raise ZooError(f"{src} cannot be fetched: {trouble.said}; {way}.") from error


def _download(src: str, repo: str, revision: str | None, inside: str, folder: Path) -> str:
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.hf_api import RepoFile

    api = HfApi(endpoint=endpoint())
    commit = str(api.model_info(repo, revision=revision).sha)
    sizes: dict[str, int] = {}
    for entry in api.list_repo_tree(repo, revision=commit, recursive=True):
        if len(sizes) > _MOST_FILES:
            raise ZooError(
                f"{src} holds more than {_MOST_FILES:,} files; name the folder in it that holds the adapter."
            )
        if isinstance(entry, RepoFile):
            sizes[entry.path] = int(entry.size)
    wanted = _wanted(sizes, inside)
    if not wanted:
        raise ZooError(
            f"{src} holds nothing that the `adapters` library saves{' in ' + inside if inside else ''} "
            f"({', '.join(file for file, _, _ in FILES.values())}); expected a repository with what `save_adapter` writes."
        )
    need = sum(sizes[path] for path in wanted)
    require_space([Need(f"the files of {repo}", folder, need, instead="name another folder with TMPDIR")])
    for path in wanted:
        hf_hub_download(repo, path, revision=commit, local_dir=folder, endpoint=endpoint())
    with suppress(OSError):
        import shutil

        shutil.rmtree(folder / ".cache")
    return commit


def _wanted(sizes: Mapping[str, int], inside: str) -> list[str]:
    """Return the files that are read: up to two folders further in, safetensors where a pickle is there as well.

    Example:
        >>> _wanted({"adapter_config.json": 9, "adapter.safetensors": 9, "pytorch_adapter.bin": 9, "README.md": 9}, "")
        ['adapter.safetensors', 'adapter_config.json']
    """
    begin = f"{inside}/" if inside else ""
    found = []
    for path in sorted(sizes):
        stem, _, file = path.rpartition("/")
        if not path.startswith(begin) or path.removeprefix(begin).count("/") > 2:
            continue
        kind = next((names for names in FILES.values() if file in names), None)
        if file == SETUP_FILE or (kind and (file != kind[2] or f"{stem}/{kind[1]}".lstrip("/") not in sizes)):
            found.append(path)
    return found
