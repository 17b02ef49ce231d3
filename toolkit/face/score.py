"""Journeys that score: `evaluate`, `evaluate_suite`, `retrieve` and `mine`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Unpack

from toolkit.errors import ToolkitError
from toolkit.face.shared import Telling, Working, open_session, open_site_session
from toolkit.results.result import Record, Result

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.score.publish import Scored
    from toolkit.recipes.score.suite_plan import Part
    from toolkit.recipes.score.suite_write import SuiteResult


def evaluate(
    expr: str,
    config: Config,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    **tell: Unpack[Telling],
) -> Scored:
    """Score a trained composition on a task, zero-shot in every language.

    Args:
        expr: composition whose entries the zoo holds.
        config: resolved configuration, see `toolkit.configure`.
        task: the task to score, or its rows in one language, `text.sw`; the composition's head must answer them.
        languages: `all`, `pairs` (of a task that crosses languages every context with every question language), or codes.
        lock: a lock file; anything but the weights that it pins is refused.
        tell: `report` and `say`.
    """
    from toolkit.recipes.score.evaluate import evaluate as run
    from toolkit.recipes.session.names import of_language

    session = open_session(config, tell)
    task, languages = of_language(task, languages)
    return run(session.spelled(expr), session, task=task, languages=languages, lock=lock)


def evaluate_suite(
    expr: str, config: Config, *, suite: str, instead: Mapping[str, str] | None = None, **tell: Unpack[Telling]
) -> SuiteResult:
    """Score every task of a suite that can be scored; the others are named, and the average is then called partial.

    Args:
        expr: a composition with `TARGET` in it, for example `fuse[mnli,squad]/TARGET`.
        config: resolved configuration.
        suite: `xtreme`, `xtreme-r`, `africa`, `americas`, `low-resource` or `micro`.
        instead: task -> composition to score on it, whatever `expr` says.
        tell: `report` and `say`.
    """
    from toolkit.recipes.score.suite import evaluate_suite as run

    return run(expr, open_session(config, tell), suite=suite, instead=instead)


@dataclass(frozen=True)
class SuitePlan(Result):
    """Result of planning a suite: what would score each task, and what is missing.

    Attributes:
        parts: one for each task, in the suite's order.
    """

    parts: tuple[Part, ...]

    stem: ClassVar[str] = "suite-plan"

    def records(self) -> list[Record]:
        """Return one row for each task."""
        return [
            {
                "task": part.entry.task,
                "composition": part.composition,
                "languages": ",".join(part.languages),
                "lacks": part.lacks,
                "command": part.command,
            }
            for part in self.parts
        ]


def plan_suite(expr: str, config: Config, *, suite: str, instead: Mapping[str, str] | None = None) -> SuitePlan:
    """Return what would score each task of a suite, and what is missing; arguments as for `evaluate_suite`."""
    from toolkit.recipes.score.suite_plan import describe_suite
    from toolkit.recipes.score.suite_plan import plan_suite as run

    parts = run(expr, open_session(config, {}), suite=suite, instead=instead)
    return SuitePlan(parts=parts, text=describe_suite(parts).rstrip("\n"))


def retrieve(
    expr: str,
    config: Config,
    *,
    task: str = "tatoeba",
    languages: str | Sequence[str] = "all",
    layers: str | None = None,
    lock: Path | None = None,
    **options: Unpack[Working],
) -> Scored:
    """Score a composition's sentence vectors: translations of a bitext, pairs mined from two corpora, or a retrieval task.

    Args:
        expr: composition whose entries the zoo holds, or `backbone`.
        config: resolved configuration; `retrieve.protocol` says how it is scored.
        task: a bitext, mining or retrieval task.
        languages: `all`, or codes.
        layers: `all`, or layers with commas: each is scored, and drawn as a curve. None: the protocol's layer.
        lock: a lock file; anything but the weights that it pins is refused.
        options: `report`, `say`, and `workers` and `cluster`, see `Working`.
    """
    from toolkit.recipes.score.retrieve import retrieve as run

    session = open_site_session(config, options)
    return run(session.spelled(expr), session, task=task, languages=languages, layers=layers, lock=lock)


@dataclass(frozen=True)
class LayerCurves(Result):
    """Result of retrieval at several layers with several compositions.

    Attributes:
        results: of each composition.
        figure: all curves.
    """

    results: tuple[Scored, ...]
    figure: Path

    stem: ClassVar[str] = "layers"

    def records(self) -> list[Record]:
        """Return the scores of all compositions."""
        return [row for result in self.results for row in result.records()]

    def save(self, folder: str | Path) -> Path:
        """Write text, CSV and JSON into a folder, with the figure."""
        saved = super().save(folder)
        shutil.copy2(self.figure, saved / self.figure.name)
        return saved


def compare_layers(
    exprs: Sequence[str],
    config: Config,
    *,
    task: str = "tatoeba",
    languages: str | Sequence[str] = "all",
    layers: str = "all",
    lock: Path | None = None,
    **options: Unpack[Working],
) -> LayerCurves:
    """Retrieve with several compositions at every layer that is named, and draw their scores in one figure.

    Args:
        exprs: compositions; the others as for `retrieve`.
    """
    from toolkit.recipes.score.retrieve import compare_layers as run

    session = open_site_session(config, options)
    spelled = list(map(session.spelled, exprs))
    results, figure = run(spelled, session, task=task, languages=languages, layers=layers, lock=lock)
    return LayerCurves(results=tuple(results), figure=figure, text="\n".join(each.text for each in results))


@dataclass(frozen=True)
class Mined(Result):
    """Result of mining two text files.

    Attributes:
        n: pairs found.
        path: the file of pairs, the best first.
    """

    n: int
    path: Path

    def records(self) -> list[Record]:
        """Return the pairs, as the file has them."""
        names = ("score", "source_line", "target_line", "source", "target")
        types = (float, int, int, str, str)
        lines = self.path.read_bytes().decode("utf-8").split("\n")
        rows = [line.split("\t") for line in lines if line]
        return [{name: kind(cell) for name, kind, cell in zip(names, types, row, strict=True)} for row in rows]

    def save(self, folder: str | Path) -> Path:
        """Copy the file of pairs into a folder, which is made."""
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if folder.resolve() != self.path.parent.resolve():
                shutil.copy2(self.path, folder / self.path.name)
        except OSError as fault:
            raise ToolkitError(f"Cannot write {folder}: {fault.strerror}; free space or name another folder.") from None
        return folder


def mine(
    source: Path, target: Path, config: Config, *, out: Path, expr: str = "backbone", **options: Unpack[Working]
) -> Mined:
    """Mine two text files, a sentence a line, for pairs of translations.

    Args:
        source, target: the files.
        config: resolved configuration; `retrieve` says how, its `threshold` which pairs are kept.
        out: the file to write: score, source line, target line, source, target; the best pair first.
        expr: composition that encodes.
        options: `report`, `say`, and `workers` and `cluster`, see `Working`.
    """
    from toolkit.recipes.score.mine_files import mine_files

    session = open_site_session(config, options)
    n = mine_files(Path(source), Path(target), Path(out), session, expression=session.spelled(expr))
    return Mined(n=n, path=Path(out), text=f"{n} pairs written to {out}.")
