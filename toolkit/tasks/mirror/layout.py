"""A mirror: a folder with clones of hub dataset repositories, `DIR/<org>/<name>`, read without a network."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import DataError, SourceError
from toolkit.files import file_fault, read_regular
from toolkit.paths import at_home
from toolkit.tasks.mirror.card import Card, Configs, parse_card
from toolkit.tasks.mirror.manifest import read_manifest
from toolkit.tasks.mirror.shards import joined

if TYPE_CHECKING:
    import pyarrow

ENVIRONMENT = "XSTILTS_DATA"
# What the only config of a dataset that names none is called: now one, now the other.
UNNAMED = frozenset(("default", "plain_text"))


def data_folder(data_root: Path | None) -> Path | None:
    """Return the folder that data sets are looked up in: `data_root`, else the one that XSTILTS_DATA names, if any."""
    named = data_root if data_root is not None else (os.environ.get(ENVIRONMENT) or None)
    return None if named is None else at_home(named)


def mirror_root(data_root: Path | None) -> Path | None:
    """Return the mirror's folder, or None if none was named.

    Raises:
        SourceError: a mirror was named that is not a folder.
    """
    root = data_folder(data_root)
    if root is None:
        return None
    if not root.is_dir():
        how = "--data-root" if data_root is not None else ENVIRONMENT
        raise SourceError(
            f"The data mirror {root} is not a folder; expected {how} to name one that holds <org>/<name>."
        )
    return root


def mirror_folder(path: str, data_root: Path | None) -> Path | None:
    """Return the folder that mirrors a hub dataset, or None if no mirror was named or it lacks the dataset.

    Args:
        path: hub id, `facebook/xnli`.
        data_root: the mirror; None: the folder that the environment variable XSTILTS_DATA names, if any.

    Raises:
        SourceError: a mirror was named that is not a folder, or the dataset was only half fetched.
    """
    root = mirror_root(data_root)
    if root is None:
        return None
    folder = root / path
    if not folder.is_dir():
        if (meant := moved_mirror(root.resolve(), [path])) is not None:
            raise SourceError(
                f"The data mirror {root} does not hold {path}, but {meant} does; give --data-root {shlex.quote(str(meant))}."
            )
        return None
    manifest = read_manifest(folder)
    if manifest is not None and not manifest.is_whole:
        raise SourceError(
            f"The mirror {folder} was only half fetched; `xstilts tasks fetch TASK --out {root}` continues where it stopped."
        )
    return folder


def moved_mirror(root: Path, paths: Iterable[str]) -> Path | None:
    """Return the mirror that was probably meant: one in a folder that holds no dataset itself, or one that it is in.

    Args:
        root: the folder that was named as a mirror.
        paths: hub ids of data sets.
    """
    wanted = list(paths)
    if any((root / path).is_dir() for path in wanted):
        return None
    near = (*(each for each in sorted(root.iterdir()) if each.is_dir()), root.parent, root.parent.parent)
    return next((each for each in near if any((each / path).is_dir() for path in wanted)), None)


def held_splits(folder: Path, config: str) -> tuple[str, ...]:
    """Return the splits of a config that the mirrored dataset holds; none if it lacks the config."""
    configs = _configs(folder)
    splits = configs.get(config_in(configs, [config]) or "", {})
    return tuple(split for split, patterns in splits.items() if _matching(folder, patterns))


def find_files(folder: Path, config: str, split: str) -> list[Path]:
    """Return the parquet files of a split, in order."""
    configs = _configs(folder)
    return _matching(folder, configs[config_in(configs, [config]) or config][split])


def config_in(configs: Configs, spelt: Sequence[str]) -> str | None:
    """Return the first of a config's names that a dataset has, or its only config if that one has no name of its own.

    Example:
        >>> config_in({"default": {}}, ["plain_text"]), config_in({"default": {}}, ["en"])
        ('default', None)
    """
    found = next((name for name in spelt if name in configs), None)
    if found is None and len(configs) == 1 and UNNAMED & set(spelt) and UNNAMED & set(configs):
        return next(iter(configs))
    return found


def column_names(file: Path) -> list[str]:
    """Return the names of a parquet file's columns.

    Raises:
        DataError: the file is not readable as parquet.
    """
    return list(read_schema(file).names)


def read_schema(file: Path) -> pyarrow.Schema:
    """Return the columns of a parquet file, and what it says of them.

    Raises:
        DataError: the file is not readable as parquet.
    """
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_schema(file)
    except (pyarrow.ArrowException, OSError) as error:
        said = " ".join(str(error).split())[:160]
        raise DataError(
            f"{file} cannot be read as parquet ({said}); expected a parquet file: fetch it again."
        ) from error


def read_parquet(files: Sequence[Path], columns: Sequence[str]) -> pyarrow.Table:
    """Read some columns of parquet files into one table; columns that a file lacks are left out.

    Raises:
        DataError: a file is not readable as parquet, or the files do not fit together (`shards.joined`).
    """
    import pyarrow
    import pyarrow.parquet

    tables: list[pyarrow.Table] = []
    for file in files:
        try:
            names = column_names(file)
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise DataError(f"{file} has the column '{twice}' twice; expected each once.")
            # A faulty file must be able to say which columns it has: with one missing, read the others too.
            wanted = list(columns) if set(columns) <= set(names) else None
            tables.append(pyarrow.parquet.read_table(file, columns=wanted, partitioning=None))
        except (pyarrow.ArrowException, OSError) as error:
            said = " ".join(str(error).split())[:160]
            raise DataError(
                f"{file} cannot be read as parquet ({said}); expected a parquet file: fetch it again."
            ) from error
    return joined(tables, files, columns)


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    found = sorted({file for pattern in patterns for file in folder.glob(pattern) if not file.is_dir()})
    for file in found:
        if fault := file_fault(file):
            raise DataError(f"{file} {fault}; expected a parquet file: fetch it again.")
    return found


def _configs(folder: Path) -> Configs:
    """The configs of a dataset, their splits, and each split's file patterns, as its README says or its file names."""
    return read_configs(folder) or guess_configs(
        file.relative_to(folder).as_posix()
        for depth in ("*/*/*", "*/*", "*")
        for file in folder.glob(f"{depth}.parquet")
    )


def read_configs(folder: Path) -> Configs:
    """Return what the front matter of a dataset's README says: config -> split -> patterns of its files."""
    return read_card(folder).configs


def read_card(folder: Path) -> Card:
    """Return the card of a dataset in a mirror; an empty one if it has no README."""
    try:
        return _read_card(folder, (folder / "README.md").stat().st_mtime_ns)
    except FileNotFoundError:
        return Card()


@lru_cache(maxsize=64)  # one README is asked for once per language; a changed file has another time
def _read_card(folder: Path, changed: int) -> Card:
    readme = folder / "README.md"
    return parse_card(read_regular(readme).decode("utf-8", "replace"), str(readme))


def guess_configs(paths: Iterable[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return configs and splits by file name, for a dataset whose README names none.

    Example:
        >>> guess_configs(["en/test-00000-of-00001.parquet", "data/train-0.parquet", "de/train/0000.parquet"])["de"]
        {'train': ('de/train/0000.parquet',)}
    """
    configs: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in sorted(paths):
        *folders, name = path.split("/")
        config = folders[0] if folders and folders[0] != "data" else "default"
        # `<config>/<split>-*.parquet`, or `<config>/<split>/0000.parquet` if the hub converted the dataset itself.
        split = folders[1] if len(folders) > 1 else name.removesuffix(".parquet").split("-")[0]
        configs.setdefault(config, {}).setdefault(split, ())
        configs[config][split] += (path,)
    return configs
