"""Rows of counterfactually revised SNLI as its authors publish it: tab-separated files, a folder for each part."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ConfigError, DataError, SourceError
from toolkit.files import read_regular
from toolkit.tasks.mirror.layout import data_folder
from toolkit.tasks.rows import HeldRows, PairRow
from toolkit.tasks.sources.checks import check_kind

if TYPE_CHECKING:
    from toolkit.tasks.task import Task

PARTS = ("original", "revised_premise", "revised_hypothesis", "revised_combined", "all_combined")
COLUMNS = ("sentence1", "sentence2", "gold_label")


@dataclass(frozen=True, kw_only=True)
class CounterfactualSource:
    """The files `NLI/<part>/<split>.tsv` of Kaushik et al. 2020, read from a folder.

    They are looked for in the data root itself, in `DIR/NLI` and in `DIR/<path>/NLI`.

    Attributes:
        part: one of `PARTS`.
        path: the repository that holds the files.
        splits: for each split that may be asked for, the file's name.
    """

    part: str
    path: str = "acmi-lab/counterfactually-augmented-data"
    splits: Mapping[str, str] = field(
        default_factory=lambda: {"train": "train", "dev": "dev", "test": "test", "score": "test"}
    )

    def check(self, task: Task) -> None:
        check_kind(task, "pair", "pairs of sentences")
        if self.part not in PARTS:
            raise ConfigError(f"Task '{task.name}' reads the part '{self.part}'; expected one of {', '.join(PARTS)}.")

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        return tuple(languages) if self._find(split, data_root) else ()

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> HeldRows:
        file = self._find(split, data_root)
        if file is None:
            raise SourceError(
                f"There is no NLI/{self.part}/{self.splits[split]}.tsv in {data_root or 'any folder that was named'}; expected it "
                f"in --data-root DIR or in DIR/{self.path}: `git clone https://github.com/{self.path} DIR/{self.path}` if "
                "there is a network."
            )
        rows = tuple(read_pairs(file, task.labels))
        return HeldRows(self.splits[split], f"files: NLI/{self.part}/{file.name}", rows)

    def _find(self, split: str, data_root: Path | None) -> Path | None:
        root = data_folder(data_root)
        if root is None:
            return None
        places = (root / place / self.part / f"{self.splits[split]}.tsv" for place in ("", "NLI", f"{self.path}/NLI"))
        return next((file for file in places if file.is_file()), None)


def read_pairs(file: Path, labels: Sequence[str]) -> list[PairRow]:
    """Return the rows of a file; a row's id is the part and its place, from 0.

    Raises:
        DataError: no UTF-8, other columns, an empty sentence, or a label that is none of `labels`.
    """
    try:
        text = read_regular(file).decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} cannot be read ({error}); expected tab-separated UTF-8: fetch it again.") from None
    if not lines or tuple(lines[0]) != COLUMNS:
        found = ", ".join(lines[0]) if lines else "nothing"
        raise DataError(f"{file}: the first line has {found}; expected the columns {', '.join(COLUMNS)}.")
    rows = []
    for number, cells in enumerate(lines[1:]):
        if len(cells) != 3 or not all(cell.strip() for cell in cells):
            raise DataError(
                f"{file}, row {number + 1}: {len(cells)} cells, or an empty one; expected {', '.join(COLUMNS)}."
            )
        if cells[2] not in labels:
            raise DataError(f"{file}, row {number + 1}: the label '{cells[2]}'; expected {', '.join(labels)}.")
        rows.append(PairRow(f"{file.parent.name}-{number}", cells[0], cells[1], labels.index(cells[2])))
    return rows
