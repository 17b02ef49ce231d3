"""Rows of a dataset of the Hugging Face Hub, from a mirror of it or the hub itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import SourceError
from toolkit.hub import prepare_hub
from toolkit.tasks.mirror.layout import find_files, held_splits, mirror_folder, read_parquet
from toolkit.tasks.mirror.manifest import held_revision
from toolkit.tasks.mirror.pins import pinned
from toolkit.tasks.sources.arrow import ArrowRows, Reading, fill, holds, roots
from toolkit.tasks.sources.checks import Column, check_columns
from toolkit.tasks.sources.label_names import check_label_map

if TYPE_CHECKING:
    import pyarrow

    from toolkit.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """A dataset of the Hugging Face Hub in parquet, read from a mirror where there is one.

    Attributes:
        path: hub id, `facebook/xnli`.
        config: config name; `{code}`, `{iso3}` and `{ud}` stand for the language: `udpos.{ud}` -> `udpos.German`;
            `{question}` for the question's, where it may be another (`Task.crosses_languages`).
        splits: for each split that may be asked for, the dataset's own splits to try in order; `a+b` joins two.
        columns: for each field of the kind (`kinds.FIELDS`) its column. `choices.text` reaches into a struct; a
            tuple of columns makes a list of their values (`("ending0", "ending1")`).
        where: rows to keep, by column: the values allowed, or one text that ends in `*` for a prefix; language
            placeholders as in `config`, and `{ud_lower}`. Columns need not be among `columns`.
        revision: git revision on the hub; None: what `configs/pins.yaml` says (`pins`), else the newest.
        label_map: other words, or indices, for the task's labels.
    """

    path: str
    config: str
    splits: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, Column]
    where: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    revision: str | None = None
    label_map: Mapping[str, str] = field(default_factory=dict)

    def check(self, task: Task) -> None:
        check_columns(task, self.columns)
        check_label_map(task, self.label_map)

    def config_for(self, language: str) -> str:
        """Return the config's name for a language.

        Example:
            >>> source = HubSource(path="google/xtreme", config="udpos.{ud}", splits={}, columns={})
            >>> source.config_for("de")
            'udpos.German'
        """
        return fill(self.config, language)

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        folder = mirror_folder(self.path, data_root)
        if folder is None:
            return tuple(languages)
        wanted = self.splits[split]
        found = []
        for language in languages:
            config = self.config_for(language)
            name = self._choose(held_splits(folder, config), wanted)
            if name is None:
                continue
            files = [each for part in name.split("+") for each in find_files(folder, config, part)]
            if holds(self.where, language, partial(read_parquet, files)):
                found.append(language)
        return tuple(found)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> ArrowRows:
        config, wanted = self.config_for(language), self.splits[split]
        revision = self.revision or pinned(self.path)
        folder = mirror_folder(self.path, data_root)
        if folder is None:
            table, name, file, commit = self._from_hub(config, wanted, revision)
            origin = f"hub: {self.path}@{commit[:12] or 'newest'} {config}/{name}"
        else:
            # A mirror that holds the dataset answers for all of it: mixing its rows with the hub's would change
            # numbers behind the user's back.
            held = held_splits(folder, config)
            found = self._choose(held, wanted)
            if found is None:
                what = f"split '{' or '.join(wanted)}' of config '{config}'" if held else f"config '{config}'"
                has = f"splits {', '.join(held)}" if held else "no such config"
                raise SourceError(f"The mirror {folder} lacks the {what} (it has {has}). {_ways_out(self.path)}")
            files = [each for part in found.split("+") for each in find_files(folder, config, part)]
            commit = held_revision(folder, files, revision)
            table = read_parquet(files, roots(self.columns, self.where))
            place = files[0] if len(files) == 1 else files[0].parent
            name, file = found, str(place)
            at = f"@{commit[:12]}" if commit else ""
            origin = f"mirror: {self.path}{at}/{place.relative_to(folder).as_posix()}"
        reading = Reading(
            columns=self.columns,
            where=self.where,
            label_map=self.label_map,
            language=language,
            split=name,
            file=file,
            origin=origin,
            revision=f"{self.path}@{commit}" if commit else "",
        )
        return ArrowRows(table, task, reading)

    def _choose(self, held: Sequence[str], wanted: Sequence[str]) -> str | None:
        return next((each for each in wanted if all(part in held for part in each.split("+"))), None)

    def _from_hub(
        self, config: str, wanted: Sequence[str], revision: str | None
    ) -> tuple[pyarrow.Table, str, str, str]:
        """Return the rows, the split that answered, what to call the file in a fault, and the commit."""
        prepare_hub()
        from datasets import load_dataset

        for split in wanted:
            try:
                found = load_dataset(self.path, config, split=split, revision=revision)
            except (OSError, ValueError) as error:
                # Only a split that is not there leads to the next one: a network that fails must not change what is
                # scored. (datasets 5.0 says so in words only; tests/tasks/sources/test_hub.py pins them.)
                if "Unknown split" in str(error) and split != wanted[-1]:
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
