"""Result of a journey: the family of values that every function of `toolkit` returns."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from toolkit.errors import ToolkitError, unwritable
from toolkit.files import replace_text
from toolkit.outputs import Output
from toolkit.safe_text import csv_rows, csv_text, json_text, visible

if TYPE_CHECKING:
    from pandas import DataFrame

Plain = str | int | float | bool | None
Record = Mapping[str, Plain]


@dataclass(frozen=True, kw_only=True)
class Result(ABC):
    """What a journey found: `text` for people, `table()` for further work, `save(folder)` for the disk.

    A subclass says what its rows are; the rest is the same for all journeys.

    Attributes:
        text: the result for people, as the command line prints it.
    """

    stem: ClassVar[str] = "result"  # of the names of the files that `save` writes

    text: str

    @abstractmethod
    def records(self) -> Sequence[Record]:
        """Return the rows of the table: flat mappings with the same keys, fractions for scores."""

    def table(self) -> DataFrame:
        """Return the rows as a pandas DataFrame; without rows it is empty."""
        from pandas import DataFrame

        return DataFrame([dict(record) for record in self.records()])

    def save(self, folder: str | Path) -> Path:
        """Write what was found into a folder, which is made, and return it."""
        with Output(Path(folder)) as output:
            records = self.records()
            replace_text(output.stage / f"{self.stem}.txt", visible(self.text).rstrip("\n") + "\n")
            replace_text(output.stage / f"{self.stem}.csv", as_csv(records))
            lines = ",\n".join(json_text(dict(record)) for record in records)
            replace_text(output.stage / f"{self.stem}.json", f"[\n{lines}\n]\n" if records else "[]\n")
            output.commit()
        output.release()
        return output.folder


@dataclass(frozen=True, kw_only=True)
class WrittenResult(Result):
    """Result of a journey that leaves its files in `folder`: `save` copies them.

    Attributes:
        folder: where the journey wrote.
        output: what it wrote, whatever another process puts into the folder later; None: what is in the folder is taken.
        written: relative path -> size and time of change (ns) of each file when the result was made.
    """

    folder: Path
    output: Output | None = field(default=None, repr=False, compare=False)
    written: Mapping[str, tuple[int, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "written", _files(self._source))
        if self.output is not None:
            self.output.release()

    @property
    def _source(self) -> Path:
        stage = None if self.output is None else self.output.stage
        return stage if stage is not None and stage.is_dir() else self.folder

    def draw(self, folder: Path) -> None:
        """Draw into a folder what is drawn only where it is saved; most journeys draw nothing later."""

    def save(self, folder: str | Path) -> Path:
        """Copy the files of the journey into another folder, which is made, add what `draw` draws, and return it.

        Raises:
            ToolkitError: a file was changed or removed after the journey ended, or the folder cannot be written.
        """
        folder = Path(folder)
        if folder.resolve() == self.folder.resolve():
            self.draw(folder)
            return folder
        now = _files(self._source)
        for name, state in self.written.items():
            if now.get(name) != state:
                what = "was changed" if name in now else "was removed"
                raise ToolkitError(
                    f"{self.folder / name} {what} after this result was made; run the journey again, then save."
                )
        with Output(folder) as output:
            try:
                for name in self.written:
                    (output.stage / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(self._source / name, output.stage / name)
            except OSError as fault:
                raise unwritable(folder, fault) from None
            self.draw(output.stage)
            output.commit()
        output.release()  # not with the value: what draws may hold this frame for a while
        return folder


def as_csv(records: Sequence[Record]) -> str:
    """Return records as CSV with a header, all digits of every value; without records nothing.

    Example:
        >>> as_csv([{"task": "xnli", "value": 0.5}])
        'task,value\\nxnli,0.5\\n'
    """
    if not records:
        return ""
    columns = list(records[0])
    return csv_text(columns, ([record[name] for name in columns] for record in records))


def from_csv(text: str) -> list[Record]:
    """Return the rows of a CSV with a header; a column holds integers, floats, booleans or texts, an empty cell is None.

    Example:
        >>> from_csv("task,value,n,is_best\\nxnli,0.5,10,True\\nxquad,,20,False\\n")[1]
        {'task': 'xquad', 'value': None, 'n': 20, 'is_best': False}
    """
    rows = csv_rows(text)
    columns = {name: _typed([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    return [{name: column[number] for name, column in columns.items()} for number in range(len(rows))]


def _typed(cells: Sequence[str]) -> list[Plain]:
    if set(cells) - {""} <= {"True", "False"}:
        return [None if cell == "" else cell == "True" for cell in cells]
    for convert in (int, float):
        try:
            return [None if cell == "" else convert(cell) for cell in cells]
        except ValueError:
            continue
    return list(cells)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            state = path.stat()
            found[path.relative_to(folder).as_posix()] = (state.st_size, state.st_mtime_ns)
    return found
