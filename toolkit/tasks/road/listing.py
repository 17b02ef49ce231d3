"""Listing: the files of a dataset at one commit of the hub, and what its card says of configs and splits.

A listing is kept in the cache folder, so that the same road is found again where there is no network.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from toolkit.cache import cache_root
from toolkit.errors import SourceError, ToolkitError
from toolkit.files import replace_text
from toolkit.hub_errors import LASTING, Trouble, trouble_of
from toolkit.tasks.mirror.card import Configs, Names, parse_card
from toolkit.tasks.mirror.download import HubFile
from toolkit.tasks.mirror.layout import config_in, guess_configs

README = "README.md"
MAIN = "main"
# The branch in which the hub keeps the parquet files that it made of a dataset in another format.
CONVERTED = "refs/convert/parquet"
_ROWS = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".arrow", ".zip", ".gz", ".zst", ".xz", ".bz2")


@dataclass(frozen=True)
class Listing:
    """The files of a dataset at one commit.

    Attributes:
        repo: hub id.
        commit: the commit.
        asked: the branch, tag or commit that was asked for, empty for the newest of the main branch.
        files: all files, by path.
        configs: config -> split -> patterns of its files.
        names: config -> column -> names of its labels, as the dataset's README says.
        trouble: why there is no such dataset or branch, in place of files.
    """

    repo: str
    commit: str
    asked: str = ""
    files: Mapping[str, HubFile] = field(default_factory=dict)
    configs: Configs = field(default_factory=dict)
    names: Names = field(default_factory=dict)
    trouble: Trouble | None = None

    @property
    def parquet(self) -> tuple[str, ...]:
        """Paths of the parquet files, in order."""
        return tuple(sorted(path for path in self.files if path.endswith(".parquet")))

    @property
    def script(self) -> str | None:
        """The loading script, which is named like the dataset, if it has one."""
        name = f"{self.repo.rpartition('/')[2]}.py"
        return name if name in self.files else None

    @property
    def has_other_rows(self) -> bool:
        """Whether it holds rows in a format that the library `datasets` reads without a script."""
        return self.script is None and any(path.endswith(_ROWS) for path in self.files)

    @property
    def at(self) -> str:
        """The id and the beginning of the commit, for a reader."""
        return f"{self.repo}@{self.commit[:12]}" if self.commit else self.repo

    def config(self, spelt: Iterable[str]) -> str | None:
        """Return the first of a config's names that the dataset has."""
        return config_in(self.configs, list(spelt))

    def split_files(self, config: str, split: str) -> list[HubFile]:
        """Return the parquet files of a split, or of several that `+` joins; none if one of them has none."""
        found: list[HubFile] = []
        for part in split.split("+"):
            patterns = self.configs.get(config, {}).get(part, ())
            paths = [path for path in self.parquet if any(matches(path, pattern) for pattern in patterns)]
            if not paths:
                return []
            found += [self.files[path] for path in paths]
        return found

    def held(self, config: str) -> tuple[str, ...]:
        """Return the splits of a config that have files."""
        return tuple(split for split in self.configs.get(config, {}) if self.split_files(config, split))


def matches(path: str, pattern: str) -> bool:
    """Return whether a path fits a pattern of a dataset's card.

    Example:
        >>> matches("de/test-0.parquet", "de/test-*"), matches("a/b/test.parquet", "a/**/test*"), matches("a/b/c", "a/*")
        (True, True, False)
    """
    if "**" in pattern:  # the hub's own spelling of "any folder"; one level of `match` would be too few
        start, _, end = pattern.partition("**/")
        return path.startswith(start) and PurePosixPath(path).match(end)
    return path.count("/") == pattern.count("/") and PurePosixPath(path).match(pattern)


def list_dataset(api: Any, repo: str, revision: str | None, known: Listing | None = None) -> Listing:
    """Return the listing of a dataset's revision; None: the newest commit of its main branch.

    A dataset, or a revision, that does not exist is a listing with a `trouble`. A `known` listing of the same commit is it.

    Raises:
        SourceError: a path that leads out of the folder.
        Exception: what the hub's library raises, unless it says that there is no such dataset or revision.
    """
    try:
        commit = str(api.dataset_info(repo, revision=revision, timeout=60).sha)
        if known is not None and known.commit == commit:
            return known
        every = list(api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True))
        files = {each.path: _file(each) for each in every if hasattr(each, "blob_id")}
        for path in files:
            if ".." in PurePosixPath(path).parts or PurePosixPath(path).is_absolute():
                raise SourceError(
                    f"{repo} names a file '{path}', which leads out of its folder; expected a path inside it."
                )
        text = _read_card(api, repo, commit) if README in files else ""
    except ToolkitError:
        raise
    except Exception as error:
        trouble = trouble_of(error)
        if trouble is None or trouble.cause not in LASTING:
            raise
        return Listing(repo, "", revision or "", trouble=trouble)
    parquet = sorted(path for path in files if path.endswith(".parquet"))
    card = parse_card(text, f"{repo}@{commit[:12]}/{README}")
    return Listing(repo, commit, revision or "", files, card.configs or guess_configs(parquet), card.names)


def _file(told: Any) -> HubFile:
    return HubFile(told.path, told.size, told.blob_id, told.lfs.sha256 if told.lfs is not None else None)


def _read_card(api: Any, repo: str, commit: str) -> str:
    from huggingface_hub import hf_hub_url, utils

    hub: Any = utils  # which does not declare what it exports

    url = hf_hub_url(repo, README, repo_type="dataset", revision=commit, endpoint=api.endpoint)
    answer = hub.get_session().get(url, headers=hub.build_hf_headers(token=api.token), timeout=60)
    hub.hf_raise_for_status(answer)
    return str(answer.content.decode("utf-8", "replace"))


# -- kept for where there is no network -----------------------------------------------------------------------------


def keep(listing: Listing, endpoint: str) -> None:
    """Keep a listing in the cache folder; a folder that cannot be written is passed over."""
    try:
        for asked in dict.fromkeys([listing.asked, listing.commit or listing.asked]):
            named = replace(listing, asked=asked)
            replace_text(_place(listing.repo, asked, endpoint), json.dumps(asdict(named)))
    except ToolkitError:
        return


def kept(repo: str, revision: str | None, endpoint: str) -> Listing | None:
    """Return the listing that was kept last, or None."""
    try:
        found = json.loads(_place(repo, revision or "", endpoint).read_text(encoding="utf-8"))
        files = {path: HubFile(**each) for path, each in found["files"].items()}
        trouble = Trouble(**found["trouble"]) if found["trouble"] else None
        configs = {name: {split: tuple(all) for split, all in each.items()} for name, each in found["configs"].items()}
        names = {name: {column: tuple(all) for column, all in each.items()} for name, each in found["names"].items()}
        return Listing(found["repo"], found["commit"], found["asked"], files, configs, names, trouble)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _place(repo: str, asked: str, endpoint: str) -> Path:
    host = urlsplit(endpoint).netloc.replace(":", "-") or "hub"
    folder = cache_root() / "hub" / host / repo.replace("/", "--")
    return folder / f"{(asked or MAIN).replace('/', '--')}.json"
