"""Where rows come from: a mirror of the hub, the hub itself, or the built-in micro-world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.errors import ConfigError, DataError, SourceError
from toolkit.languages import LANGUAGES
from toolkit.tasks.convert import FIELDS, Fault, convert
from toolkit.tasks.mirror import find_files, held_splits, mirror_folder, read_parquet
from toolkit.tasks.rows import Opened, Row

if TYPE_CHECKING:
    import pyarrow

    from toolkit.tasks.task import Task

Column = str | tuple[str, ...]


class Source(Protocol):
    """What a task needs of the place its rows come from."""

    @property
    def splits(self) -> Mapping[str, Any]:
        """The splits that may be asked for (`train`, `dev`, `test`, `score`)."""
        ...

    def check(self, task: Task) -> None:
        """Raise a ConfigError where the source does not fit the task's kind."""
        ...

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        """Return those of the `languages` whose rows can be had."""
        ...

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> Opened:
        """Open a split in a language; rows are converted when they are asked for."""
        ...


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """A dataset of the Hugging Face Hub in parquet, read from a mirror where there is one.

    Attributes:
        path: hub id, `facebook/xnli`.
        config: config name; `{code}`, `{iso3}` and `{ud}` stand for the language: `udpos.{ud}` -> `udpos.German`;
            `{question}` for the question's, where it may be another (`Task.crosses_languages`).
        splits: for each split that may be asked for, the dataset's own splits to try in order; `a+b` joins two.
        columns: for each field of the kind (`convert.FIELDS`) its column. `choices.text` reaches into a struct; a
            tuple of columns makes a list of their values (`("ending0", "ending1")`).
        where: rows to keep, by column: the values allowed, or one text that ends in `*` for a prefix; language
            placeholders as in `config`, and `{ud_lower}`. Columns need not be among `columns`.
        revision: git revision on the hub; None: the newest.
    """

    path: str
    config: str
    splits: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, Column]
    where: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    revision: str | None = None

    def check(self, task: Task) -> None:
        needed, optional = FIELDS[task.kind]
        missing, extra = needed - set(self.columns), set(self.columns) - needed - optional
        if missing or extra:
            raise ConfigError(
                f"Task '{task.name}' of kind '{task.kind}' names columns for {', '.join(sorted(self.columns))}; "
                f"expected {', '.join(sorted(needed))}, and at most {', '.join(sorted(optional))}."
            )

    def config_for(self, language: str) -> str:
        """Return the config's name for a language.

        Example:
            >>> source = HubSource(path="google/xtreme", config="udpos.{ud}", splits={}, columns={})
            >>> source.config_for("de")
            'udpos.German'
        """
        return _fill(self.config, language)

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        folder = mirror_folder(self.path, data_root)
        if folder is None:
            return tuple(languages)
        wanted = self.splits[split]
        found = []
        for language in languages:
            config = self.config_for(language)
            name = self._choose(held_splits(folder, config), wanted)
            if name is not None and self._holds(folder, config, name, language):
                found.append(language)
        return tuple(found)

    def _holds(self, folder: Path, config: str, split: str, language: str) -> bool:
        """Whether a split that mixes languages has rows of this one."""
        chosen = {
            column: allowed
            for column, allowed in self.where.items()
            if any("{" in each for each in allowed if isinstance(each, str))
        }
        if not chosen:
            return True
        files = [each for part in split.split("+") for each in find_files(folder, config, part)]
        table = read_parquet(files, list(chosen))
        # A column that is not there is for `open` to report.
        return not set(chosen) <= set(table.column_names) or bool(
            matching(chosen, language, {column: table.column(column) for column in chosen})
        )

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> ArrowRows:
        config, wanted = self.config_for(language), self.splits[split]
        folder = mirror_folder(self.path, data_root)
        if folder is None:
            table, name, file, origin = self._from_hub(config, wanted)
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
            table = read_parquet(files, self._roots())
            place = files[0] if len(files) == 1 else files[0].parent
            name, file = found, str(place)
            origin = f"mirror: {self.path}/{place.relative_to(folder).as_posix()}"
        return ArrowRows(table, task=task, source=self, language=language, split=name, file=file, origin=origin)

    def _choose(self, held: Sequence[str], wanted: Sequence[str]) -> str | None:
        return next((each for each in wanted if all(part in held for part in each.split("+"))), None)

    def _roots(self) -> list[str]:
        """Every top-level column that is read."""
        named = [each for column in self.columns.values() for each in ([column] if isinstance(column, str) else column)]
        return list(dict.fromkeys([each.split(".")[0] for each in named] + list(self.where)))

    def _from_hub(self, config: str, wanted: Sequence[str]) -> tuple[pyarrow.Table, str, str, str]:
        from datasets import load_dataset

        for split in wanted:
            try:
                found = load_dataset(self.path, config, split=split, revision=self.revision)
            except (OSError, ValueError) as error:
                # Only a split that is not there leads to the next one: a network that fails must not change what is
                # scored. (datasets 5.0 says so in words only; tests/tasks/test_sources.py pins them.)
                if "Unknown split" in str(error) and split != wanted[-1]:
                    continue
                said = " ".join(str(error).split())[:200]
                raise SourceError(
                    f"Cannot load {self.path} '{config}' from the hub ({said}). {_ways_out(self.path)}"
                ) from error
            file = f"{self.path} {config}/{split}"
            return found.data.table, split, file, f"hub: {self.path}@{_revision(found) or 'newest'} {config}/{split}"
        raise AssertionError("a source names at least one split")


class ArrowRows:
    """An arrow table, opened for a task: columns are looked up once, rows converted when asked for."""

    def __init__(
        self, table: pyarrow.Table, *, task: Task, source: HubSource, language: str, split: str, file: str, origin: str
    ) -> None:
        self.split = split
        self.origin = origin
        self._task = task
        self._file = file
        if table.num_rows == 0:
            raise DataError(f"{file} has no rows; expected at least one for the split '{split}' of task '{task.name}'.")
        self._columns = {
            name: [self._column(table, each) for each in ([column] if isinstance(column, str) else column)]
            for name, column in source.columns.items()
        }
        self._is_list = {name for name, column in source.columns.items() if not isinstance(column, str)}
        for name in ("label", "tags"):
            if isinstance(column := source.columns.get(name), str):
                self._check_names(table, column)
        self._kept = self._filter(table, source.where, language)

    def __len__(self) -> int:
        return len(self._kept)

    def row(self, index: int) -> Row:
        there = self._kept[index]
        raw = {
            name: [column[there].as_py() for column in columns] if name in self._is_list else columns[0][there].as_py()
            for name, columns in self._columns.items()
        }
        task = self._task
        try:
            return convert(
                task.kind,
                raw,
                str(there),
                task.labels,
                may_be_unanswerable=task.may_be_unanswerable,
                may_have_other_tags=task.may_have_other_tags,
            )
        except Fault as fault:
            raise DataError(
                f"{self._file}, row {there} (counted from 0): {fault.found}; expected {fault.expected}."
            ) from None

    def _column(self, table: pyarrow.Table, path: str) -> Any:
        import pyarrow
        import pyarrow.compute

        root, *inner = path.split(".")
        if root not in table.column_names:
            raise DataError(
                f"{self._file} has no column '{root}' (it has {', '.join(table.column_names)}); "
                f"task '{self._task.name}' expected it."
            )
        column = table.column(root)
        for step in inner:
            kind = column.type
            if not pyarrow.types.is_struct(kind) or step not in [kind.field(i).name for i in range(kind.num_fields)]:
                raise DataError(f"{self._file}: column '{root}' is {kind}; task '{self._task.name}' expected '{path}'.")
            column = pyarrow.compute.struct_field(column, step)
        # One chunk, so that reaching row i does not search the chunks each time.
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)

    def _check_names(self, table: pyarrow.Table, column: str) -> None:
        """Refuse a file whose own label names stand in another order than the task's."""
        names, labels = label_names(table, column), self._task.labels
        if (names and labels and len(names) != len(labels)) or (sorted(names) == sorted(labels) and names != labels):
            raise DataError(
                f"{self._file}: column '{column}' has the labels {', '.join(names)}; "
                f"task '{self._task.name}' expected {', '.join(labels)}, in this order."
            )

    def _filter(self, table: pyarrow.Table, where: Mapping[str, tuple[object, ...]], language: str) -> Sequence[int]:
        if not where:
            return range(table.num_rows)
        kept = matching(where, language, {column: self._column(table, column) for column in where})
        if not kept:
            raise DataError(
                f"{self._file} has no row that task '{self._task.name}' keeps in language '{language}'; "
                f"expected some where {', '.join(where)} match."
            )
        return kept


@dataclass(frozen=True, kw_only=True)
class JoinedSource:
    """Several sources of one kind and label set, read as one.

    Row i of a source with n rows stands at the fraction (i + 1/2) / n of the whole, so that the sources follow each other in
    proportion to their sizes: the first 1,000 rows are a fair sample of all, and shuffling samples in that proportion.

    Attributes:
        sources: by a short name that begins the ids of its rows, `snli-17`.
    """

    sources: Mapping[str, HubSource]

    @property
    def splits(self) -> Mapping[str, Any]:
        every = list(self.sources.values())
        return {split: None for split in every[0].splits if all(split in each.splits for each in every)}

    @property
    def path(self) -> str:
        """The hub ids, for a reader."""
        return " + ".join(dict.fromkeys(each.path for each in self.sources.values()))

    def check(self, task: Task) -> None:
        for each in self.sources.values():
            each.check(task)

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        for each in self.sources.values():
            languages = each.reachable(languages, split, data_root)
        return tuple(languages)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> Opened:
        return _Joined({name: each.open(task, split, language, data_root) for name, each in self.sources.items()})


class _Joined:
    """Opened sources, their rows in proportion."""

    def __init__(self, opened: Mapping[str, Opened]) -> None:
        self._opened = opened
        self.split = "+".join(dict.fromkeys(each.split for each in opened.values()))
        self.origin = "; ".join(each.origin for each in opened.values())
        places = [
            ((2 * i + 1) / (2 * len(each)), order, name, i)
            for order, (name, each) in enumerate(opened.items())
            for i in range(len(each))
        ]
        self._order = [(name, i) for _, _, name, i in sorted(places)]

    def __len__(self) -> int:
        return len(self._order)

    def row(self, index: int) -> Row:
        name, place = self._order[index]
        row = self._opened[name].row(place)
        return replace(row, id=f"{name}-{place}")


@dataclass(frozen=True, kw_only=True)
class SampleSource:
    """The built-in micro-world: rows from a seeded generator, nothing to download.

    Attributes:
        maker: which rows: `nli`, `qa`, `choice`, `pos` or `bitext`.
        sizes: rows of each split, by the splits that may be asked for.
        seed: another seed, another world of the same kind.
    """

    maker: str
    sizes: Mapping[str, int]
    seed: int = 0

    @property
    def splits(self) -> Mapping[str, int]:
        return self.sizes

    def check(self, task: Task) -> None:
        if not task.is_generated:
            raise ConfigError(f"Task '{task.name}' has generated rows; expected is_generated to say so.")

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        return tuple(languages)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> Opened:
        from toolkit.tasks.sample import open_sample

        return open_sample(self.maker, split, language, size=self.sizes[split], seed=self.seed)


def matching(where: Mapping[str, tuple[object, ...]], language: str, columns: Mapping[str, Any]) -> list[int]:
    """Return the positions of the rows that every condition keeps, in order."""
    kept: list[int] | None = None
    for name, allowed in where.items():
        values = columns[name].to_pylist()
        filled = [_fill(each, language) if isinstance(each, str) else each for each in allowed]
        prefixes = tuple(each[:-1] for each in filled if isinstance(each, str) and each.endswith("*"))
        kept = [
            i
            for i in (range(len(values)) if kept is None else kept)
            if values[i] in filled or (prefixes and str(values[i]).startswith(prefixes))
        ]
    return kept or []


def label_names(table: pyarrow.Table, column: str) -> tuple[str, ...]:
    """Return the label names a parquet file carries for a column (hub convention), or nothing."""
    import json

    try:
        features = json.loads((table.schema.metadata or {})[b"huggingface"])["info"]["features"]
        feature = features[column]
        feature = feature.get("feature", feature) if isinstance(feature, dict) else feature[0]
        return tuple(feature.get("names") or ())
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return ()


def _fill(text: str, language: str) -> str:
    context, _, question = language.partition(".")
    found = LANGUAGES[context]
    names = {"code": found.code, "iso3": found.iso3, "ud": found.ud_name, "ud_lower": found.ud_name.lower()}
    return text.format(**names, question=question or context)


def _revision(dataset: Any) -> str:
    """The commit a hub dataset was loaded from: its download URLs carry it as `...@<commit>/...`."""
    for url in dataset.info.download_checksums or ():
        if "@" in url:
            return str(url.rsplit("@", 1)[1].split("/", 1)[0])[:12]
    return ""


def _ways_out(path: str) -> str:
    return (
        "Three ways out: name a mirror that holds it with --data-root DIR or XSTILTS_DATA; fetch it where there is a "
        f"network, `hf download {path} --repo-type dataset --local-dir DIR/{path}`; or take a task of the built-in "
        "micro-world (micro-nli, micro-qa, micro-choice, micro-pos, micro-bitext), which needs neither."
    )
