"""Rows of a dataset of the Hugging Face Hub, from a mirror of it or the hub itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import SourceError
from toolkit.hub import prepare_hub
from toolkit.tasks.mirror.layout import column_names, find_files, held_splits, mirror_folder, read_parquet
from toolkit.tasks.mirror.manifest import held_revision
from toolkit.tasks.mirror.pins import pinned
from toolkit.tasks.sources.arrow import ArrowRows, Reading, holds, lacks_column, names_declared, roots
from toolkit.tasks.sources.checks import Column, check_columns, parts_of
from toolkit.tasks.sources.fill import check_placeholders, spellings
from toolkit.tasks.sources.label_names import check_label_map, check_same_names

if TYPE_CHECKING:
    import pyarrow

    from toolkit.tasks.task import Task


_NO_CONFIG = re.compile(r"BuilderConfig .* not found")


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """A dataset of the Hugging Face Hub in parquet, read from a mirror where there is one.

    Attributes:
        path: hub id, `facebook/xnli`.
        config: config name; `{code}`, `{iso3}` and `{ud}` stand for the language: `udpos.{ud}` -> `udpos.German`
            (`fill.spellings`), `{question}` for the question's, where it may be another (`Task.crosses_languages`).
        splits: for each split that may be asked for, the dataset's own splits to try in order; `a+b` joins two.
        columns: for each field of the kind (`kinds.FIELDS`) its column. `choices.text` reaches into a struct; a
            tuple of columns makes a list of their values (`("ending0", "ending1")`). Placeholders as in `config`.
        where: rows to keep, by column: the values allowed, or one text that ends in `*` for a prefix;
            placeholders as in `config`. Columns need not be among `columns`.
        revision: git revision on the hub; None: what `configs/pins.yaml` says (`pins`), else the newest.
        label_map: other words, or indices, for the task's labels.
        names: language -> what the data calls it, for `{name}`.
    """

    path: str
    config: str
    splits: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, Column]
    where: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    revision: str | None = None
    label_map: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def check(self, task: Task) -> None:
        self.check_texts(task)
        check_columns(task, self.columns)
        check_label_map(task, self.label_map)

    def check_texts(self, task: Task) -> None:
        """Raise a ConfigError if a placeholder does not exist."""
        values = [each for allowed in self.where.values() for each in allowed]
        columns = [each for column in self.columns.values() for each in parts_of(column)]
        check_placeholders(f"Task '{task.name}'", [self.config, *columns, *values])

    def config_for(self, language: str) -> str:
        """Return the usual one of `configs_for`."""
        return self.configs_for(language)[0]

    def configs_for(self, language: str) -> tuple[str, ...]:
        """Return the config's names for a language, the usual one first.

        Example:
            >>> source = HubSource(path="google/xtreme", config="tatoeba.{iso3}", splits={}, columns={})
            >>> source.configs_for("sw")
            ('tatoeba.swh', 'tatoeba.swa')
        """
        return spellings(self.config, language, self.names)

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        folder = mirror_folder(self.path, data_root)
        if folder is None:
            return tuple(languages)
        wanted = self.splits[split]
        found = []
        for language in languages:
            config, name = self._held(folder, language, wanted)
            if name is None:
                continue
            files = [each for part in name.split("+") for each in find_files(folder, config, part)]
            if lacks_column(self.columns, language, self.names, partial(column_names, files[0])):
                continue
            if holds(self.where, language, self.names, partial(read_parquet, files)):
                found.append(language)
        return tuple(found)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> ArrowRows:
        wanted = self.splits[split]
        revision = self.revision or pinned(self.path)
        folder = mirror_folder(self.path, data_root)
        if folder is None:
            table, name, file, commit = self._from_hub(self.configs_for(language), wanted, revision)
            origin = f"hub: {self.path}@{commit[:12] or 'newest'} {file.removeprefix(self.path).strip()}"
        else:
            # A mirror that holds the dataset answers for all of it: mixing its rows with the hub's would change
            # numbers behind the user's back.
            config, found = self._held(folder, language, wanted)
            if found is None:
                held = held_splits(folder, config)
                config = "' or '".join(self.configs_for(language)) if not held else config
                what = f"split '{' or '.join(wanted)}' of config '{config}'" if held else f"config '{config}'"
                has = f"splits {', '.join(held)}" if held else "no such config"
                raise SourceError(f"The mirror {folder} lacks the {what} (it has {has}). {_ways_out(self.path)}")
            files = [each for part in found.split("+") for each in find_files(folder, config, part)]
            commit = held_revision(folder, files, revision)
            declared = partial(names_declared, self.columns, self.names)
            check_same_names(
                task,
                self.label_map,
                [declared(file, language) for file in files],
                lambda: (declared(file, code) for code, file in self._others(task, folder)),
            )
            table = read_parquet(files, roots(self.columns, self.where, language, self.names))
            place = files[0] if len(files) == 1 else files[0].parent
            name, file = found, str(place)
            at = f"@{commit[:12]}" if commit else ""
            origin = f"mirror: {self.path}{at}/{place.relative_to(folder).as_posix()}"
        reading = Reading(
            columns=self.columns,
            where=self.where,
            label_map=self.label_map,
            names=self.names,
            language=language,
            split=name,
            file=file,
            origin=origin,
            revision=f"{self.path}@{commit}" if commit else "",
        )
        return ArrowRows(table, task, reading)

    def _held(self, folder: Path, language: str, wanted: Sequence[str]) -> tuple[str, str | None]:
        """Return the config of a language that the mirror holds, and the first of the wanted splits that it has, if any."""
        configs = self.configs_for(language)
        for config in configs:
            if (name := self._choose(held_splits(folder, config), wanted)) is not None:
                return config, name
        return next((config for config in configs if held_splits(folder, config)), configs[0]), None

    def _others(self, task: Task, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield the first file of every split in every language that the mirror holds."""
        parts = dict.fromkeys(part for names in self.splits.values() for name in names for part in name.split("+"))
        for language in task.languages:
            for config in self.configs_for(language):
                held = held_splits(folder, config)
                yield from ((language, find_files(folder, config, part)[0]) for part in parts if part in held)

    def _choose(self, held: Sequence[str], wanted: Sequence[str]) -> str | None:
        return next((each for each in wanted if all(part in held for part in each.split("+"))), None)

    def _from_hub(
        self, configs: Sequence[str], wanted: Sequence[str], revision: str | None
    ) -> tuple[pyarrow.Table, str, str, str]:
        """Return the rows, the split that answered, what to call the file in a fault, and the commit."""
        prepare_hub()
        from datasets import load_dataset

        for config, split in product(configs, wanted):
            try:
                found = load_dataset(self.path, config, split=split, revision=revision)
            except (OSError, ValueError) as error:
                # Only a split or a config that is not there leads to the next one: a network that fails must not change
                # what is scored. (datasets 5.0 says so in words only; tests/tasks/sources/test_hub.py pins them.)
                if "Unknown split" in str(error) and split != wanted[-1]:
                    continue
                if _NO_CONFIG.search(str(error)) and config != configs[-1]:
                    continue
                said = " ".join(str(error).split())[:200]
                raise SourceError(
                    f"Cannot load {self.path} '{config}' from the hub ({said}). {_ways_out(self.path)}"
                ) from error
            file = f"{self.path} {config}/{split}"
            return found.data.table, split, file, _commit(found)
        raise AssertionError("a source names at least one split")


def _commit(dataset: Any) -> str:
    """The commit a hub dataset was loaded from: its download URLs carry it as `...@<commit>/...`."""
    for url in dataset.info.download_checksums or ():
        if "@" in url:
            return str(url.rsplit("@", 1)[1].split("/", 1)[0])
    return ""


def _ways_out(path: str) -> str:
    return (
        "Three ways out: name a mirror that holds it with --data-root DIR or XSTILTS_DATA; fetch it where there is a "
        f"network, `xstilts tasks fetch TASK --out DIR` or `hf download {path} --repo-type dataset --local-dir DIR/{path}`; or take a task of the built-in "
        "micro-world (micro-nli, micro-qa, micro-choice, micro-pos, micro-bitext, micro-mining, micro-answers), which needs neither."
    )
