"""Rows of a dataset of the Hugging Face Hub, from a mirror of it or the hub itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ConfigError, SourceError
from toolkit.tasks.mirror.card import with_names
from toolkit.tasks.mirror.layout import column_names, find_files, held_splits, mirror_folder, read_card, read_parquet
from toolkit.tasks.mirror.manifest import held_revision
from toolkit.tasks.mirror.pins import pinned, pins_file
from toolkit.tasks.road.listing import Listing
from toolkit.tasks.road.road import Place, find_road
from toolkit.tasks.sources.arrow import ArrowRows, Reading
from toolkit.tasks.sources.checks import Column, check_columns, parts_of
from toolkit.tasks.sources.columns import holds, lacks_column, names_declared, roots
from toolkit.tasks.sources.fill import check_placeholders, spellings
from toolkit.tasks.sources.label_names import check_label_map, check_same_names
from toolkit.tasks.sources.on_hub import Held, read_from_hub

if TYPE_CHECKING:
    from toolkit.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Another id of the hub that holds the same rows.

    Attributes:
        path: hub id.
        config: what it calls the config; None: as the dataset itself.
        evidence: what says that the rows are the same.
    """

    path: str
    evidence: str
    config: str | None = None


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
        revision: git revision on the hub; None: what `configs/pins.yaml` says (`pins`), else the newest by the first road
            that answers (`road`).
        label_map: other words, or indices, for the task's labels.
        names: language -> what the data calls it, for `{name}`.
        alternatives: other ids that hold the same rows, for where this one holds none in parquet.
    """

    path: str
    config: str
    splits: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, Column]
    where: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    revision: str | None = None
    label_map: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    alternatives: tuple[Alternative, ...] = ()

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

    def roads(self) -> tuple[HubSource, ...]:
        """Return the sources that hold the rows, in the order in which they are tried, at the revisions that are asked for.

        Raises:
            ConfigError: the dataset is pinned to another one that is not known to hold the same rows.
        """
        if self.revision is not None:
            return (replace(self, alternatives=()),)
        every = [self, *(replace(self, path=one.path, config=one.config or self.config) for one in self.alternatives)]
        pin = pinned(self.path)
        if pin is not None:
            found = next((each for each in every if each.path == pin.repo), None)
            if found is None:
                known = " or ".join(each.path for each in every)
                raise ConfigError(
                    f"{pins_file()} pins {self.path} to {pin.repo}, which is not known to hold the same rows; expected {known}."
                )
            return (replace(found, revision=pin.commit, alternatives=()),)
        return tuple(replace(each, revision=_own_pin(each.path), alternatives=()) for each in every)

    def places(self, languages: Sequence[str]) -> tuple[Place, ...]:
        """Return where the hub may hold the rows of languages."""
        splits = tuple(self.splits.values())
        return tuple(
            Place(each.path, each.revision, tuple(map(each.configs_for, languages)), splits) for each in self.roads()
        )

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        mirrored = self.mirrored(languages, data_root)
        if mirrored is None:
            return self._on_hub(languages, split)
        source, folder = mirrored
        wanted = self.splits[split]
        found = []
        for language in languages:
            config, name = source._held(folder, language, wanted)
            if name is None:
                continue
            files = [each for part in name.split("+") for each in find_files(folder, config, part)]
            if lacks_column(self.columns, language, self.names, partial(column_names, files[0])):
                continue
            if holds(self.where, language, self.names, partial(read_parquet, files)):
                found.append(language)
        return tuple(found)

    def _on_hub(self, languages: Sequence[str], split: str) -> tuple[str, ...]:
        """Return the languages that the hub holds; all of them if nothing says so: opening one says what is wrong."""
        try:
            road = find_road(self.places(languages))
        except SourceError:
            return tuple(languages)
        if not road.is_parquet:
            return tuple(languages)
        source = self.roads()[road.number]
        held = tuple(each for each in languages if source._listed(road.listing, each, self.splits[split]))
        return held or tuple(languages)

    def _listed(self, listing: Listing, language: str, wanted: Sequence[str]) -> bool:
        config = listing.config(self.configs_for(language))
        return config is not None and any(listing.split_files(config, split) for split in wanted)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> ArrowRows:
        wanted = self.splits[split]
        columns = roots(self.columns, self.where, language, self.names)
        mirrored = self.mirrored(task.pairs, data_root)
        if mirrored is None:
            configs = [each.configs_for(language) for each in self.roads()]
            held = read_from_hub(self.places(task.pairs), configs, wanted, columns)
        else:
            source, folder = mirrored
            held = source._read_mirror(folder, language, wanted, columns)
        if held.files:
            declared = partial(names_declared, self.columns, self.names)
            check_same_names(
                task,
                self.label_map,
                [declared(file, language) for file in held.files],
                lambda: (declared(file, code) for code, file in self._others(task, mirrored)),
            )
        reading = Reading(
            columns=self.columns,
            where=self.where,
            label_map=self.label_map,
            names=self.names,
            language=language,
            split=held.split,
            file=held.file,
            origin=held.origin,
            revision=held.revision,
            road=held.road,
        )
        return ArrowRows(held.table, task, reading)

    def mirrored(self, languages: Sequence[str], data_root: Path | None) -> tuple[HubSource, Path] | None:
        """Return what of `roads` a mirror holds, and its folder there.

        A mirror that holds the dataset answers for all of it: mixing its rows with the hub's would change numbers behind the
        user's back. Another id answers only if it has one of the configs: it may be there for other tasks.
        """
        for number, source in enumerate(self.roads()):
            folder = mirror_folder(source.path, data_root)
            if folder is None:
                continue
            configs = (config for language in languages for config in source.configs_for(language))
            if number == 0 or any(held_splits(folder, config) for config in configs):
                return source, folder
        return None

    def _read_mirror(self, folder: Path, language: str, wanted: Sequence[str], columns: Sequence[str]) -> Held:
        config, found = self._held(folder, language, wanted)
        if found is None:
            held = held_splits(folder, config)
            config = "' or '".join(self.configs_for(language)) if not held else config
            what = f"split '{' or '.join(wanted)}' of config '{config}'" if held else f"config '{config}'"
            has = f"splits {', '.join(held)}" if held else "no such config"
            raise SourceError(f"The mirror {folder} lacks the {what} (it has {has}). {_ways_out(self.path)}")
        files = [each for part in found.split("+") for each in find_files(folder, config, part)]
        commit = held_revision(folder, files, self.revision)
        place = files[0] if len(files) == 1 else files[0].parent
        at = f"@{commit[:12]}" if commit else ""
        table = read_parquet(files, columns)
        return Held(
            table=table.cast(with_names(table.schema, read_card(folder).names.get(config, {}))),
            split=found,
            file=str(place),
            origin=f"mirror: {self.path}{at}/{place.relative_to(folder).as_posix()}",
            revision=f"{self.path}@{commit}" if commit else "",
            files=tuple(files),
        )

    def _held(self, folder: Path, language: str, wanted: Sequence[str]) -> tuple[str, str | None]:
        """Return the config of a language that the mirror holds, and the first of the wanted splits that it has, if any."""
        configs = self.configs_for(language)
        for config in configs:
            if (name := self._choose(held_splits(folder, config), wanted)) is not None:
                return config, name
        return next((config for config in configs if held_splits(folder, config)), configs[0]), None

    def _others(self, task: Task, mirrored: tuple[HubSource, Path] | None) -> Iterator[tuple[str, Path]]:
        """Yield the first file of every split in every language that a mirror holds."""
        if mirrored is None:
            return
        source, folder = mirrored
        parts = dict.fromkeys(part for names in self.splits.values() for name in names for part in name.split("+"))
        for language in task.languages:
            for config in source.configs_for(language):
                held = held_splits(folder, config)
                yield from ((language, find_files(folder, config, part)[0]) for part in parts if part in held)

    def _choose(self, held: Sequence[str], wanted: Sequence[str]) -> str | None:
        return next((each for each in wanted if all(part in held for part in each.split("+"))), None)


def _own_pin(path: str) -> str | None:
    """Return the commit that a dataset is pinned to under its own id."""
    pin = pinned(path)
    return pin.commit if pin is not None and pin.repo == path else None


def _ways_out(path: str) -> str:
    return (
        "Three ways out: name a mirror that holds it with --data-root DIR or XSTILTS_DATA; fetch it where there is a "
        f"network, `xstilts tasks fetch TASK --out DIR` or `hf download {path} --repo-type dataset --local-dir DIR/{path}`; or take a task of the built-in "
        "micro-world (micro-nli, micro-qa, micro-choice, micro-pos, micro-bitext, micro-mining, micro-answers), which needs neither."
    )
