"""Rows read from the hub: parquet files by the road that answers, any other format by the library `datasets`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import SourceError
from toolkit.hub import is_hub_reachable, prepare_hub
from toolkit.hub_errors import trouble_of
from toolkit.tasks.mirror.card import with_names
from toolkit.tasks.mirror.download import cached_file, hub_api, unreachable
from toolkit.tasks.mirror.layout import read_parquet
from toolkit.tasks.road.road import Place, Road, find_road, lacks, why_passed

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Held:
    """A table of rows, and where it is from.

    Attributes:
        table: the rows.
        split: the dataset's split that answered.
        file: what to call the file in a fault.
        origin, revision: for the card; `org/name@commit`, empty where the commit is not known.
        road: the words for the place that answered.
        files: the parquet files that were read.
    """

    table: pyarrow.Table
    split: str
    file: str
    origin: str
    revision: str
    road: str = ""
    files: tuple[Path, ...] = ()


def read_from_hub(
    places: Sequence[Place], configs: Sequence[Sequence[str]], wanted: Sequence[str], columns: Sequence[str]
) -> Held:
    """Return the rows of one language.

    Args:
        places: those that may hold the task's rows (`find_road`).
        configs: for each place the names that the language's config may have.
        wanted: the splits to try, in order.
        columns: those that are read; one that a file lacks is left out.

    Raises:
        SourceError: no place holds the rows, or the hub cannot be reached.
    """
    try:
        road = find_road(places)
    except SourceError:
        if is_hub_reachable() or not _has_old_cache(places[0].path):
            raise
        return _by_library(places[0].path, configs[0], wanted, places[0].revision, "")
    listing, names = road.listing, configs[road.number]
    if not road.is_parquet:
        return _by_library(listing.repo, names, wanted, listing.commit, words_of(road, places))
    config = listing.config(names)
    found = next((split for split in wanted if config and listing.split_files(config, split)), None)
    if config is None or found is None:
        raise SourceError(
            f"The hub's dataset {listing.at} {lacks(listing, names, wanted)}; correct `config` or `splits` of the task, or "
            "pin the commit that has them."
        )
    api = hub_api(None)
    files = [cached_file(api, listing.repo, listing.commit, each) for each in listing.split_files(config, found)]
    table = read_parquet(files, columns)
    return Held(
        table=table.cast(with_names(table.schema, listing.names.get(config, {}))),
        split=found,
        file=f"{listing.repo} {config}/{found}",
        origin=f"hub: {road.words} {config}/{found}",
        revision=f"{listing.repo}@{listing.commit}",
        road=words_of(road, places),
        files=tuple(files),
    )


def words_of(road: Road, places: Sequence[Place]) -> str:
    """Return the words for the road to a task's rows."""
    if not road.passed:
        return f"rows of {road.words}"
    if not road.number:
        return f"rows of {road.words}; on its main branch {road.passed[0][1].said}"
    return f"rows of {road.words}, the same as those of {places[0].path}, which does not answer ({why_passed(road.passed)})"


# -- rows in another format, and what the library kept before this toolkit read parquet itself -------------------------


def _has_old_cache(path: str) -> bool:
    """Return whether the library `datasets` holds a dataset in its own cache, which it reads without a network."""
    from huggingface_hub import constants

    folder = Path(os.environ.get("HF_DATASETS_CACHE") or Path(constants.HF_HOME) / "datasets")
    return (folder / path.replace("/", "___")).is_dir()


def _by_library(path: str, configs: Sequence[str], wanted: Sequence[str], revision: str | None, road: str) -> Held:
    prepare_hub()
    from datasets import load_dataset

    for config, split in product(configs, wanted):
        try:
            found = load_dataset(path, config, split=split, revision=revision)
        except Exception as error:
            # Only a split or a config that is not there leads to the next one. (datasets 5.0 says so in words only;
            # tests/tasks/sources/test_on_hub.py pins them.)
            said = " ".join(str(error).split())
            if "Unknown split" in said and split != wanted[-1]:
                continue
            if "BuilderConfig" in said and "not found" in said and config != configs[-1]:
                continue
            raise _of_library(path, config, split, error) from error
        commit = _commit(found)
        at = f"{path}@{commit[:12] or 'newest'}"
        return Held(
            table=found.data.table,
            split=split,
            file=f"{path} {config}/{split}",
            origin=f"hub: {at} {config}/{split}",
            revision=f"{path}@{commit}" if commit else "",
            road=road,
        )
    raise AssertionError("a source names at least one split")


def _of_library(path: str, config: str, split: str, error: Exception) -> Exception:
    """Return the sentence for what `datasets` raised."""
    said = " ".join(str(error).split())[:200].rstrip(".")
    if "Unknown split" in said or "BuilderConfig" in said:
        return SourceError(
            f"The hub's dataset {path} lacks the split '{split}' of config '{config}' ({said}); correct `config` or `splits` "
            "of the task."
        )
    trouble = trouble_of(error)
    if trouble is not None and trouble.cause != "other":
        return unreachable(path, None, error)
    if trouble is None and not isinstance(error, ValueError | RuntimeError | TypeError):
        return error
    return SourceError(
        f"The hub's dataset {path} '{config}' is in a format that cannot be read ({said}); put its rows into a mirror as "
        "parquet (--data-root DIR), or declare files of your own in a task file."
    )


def _commit(dataset: Any) -> str:
    """The commit a hub dataset was loaded from: its download URLs carry it as `...@<commit>/...`."""
    for url in dataset.info.download_checksums or ():
        if "@" in url:
            return str(url.rsplit("@", 1)[1].split("/", 1)[0])
    return ""
