"""Transfers that a finished sweep observed: the gain of each source on each target, and the zoos of the adapters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.metrics import MAIN
from toolkit.registry import unknown
from toolkit.results.summary import mean, summary
from toolkit.sweeps import CellResult, SweepResults, load_results
from toolkit.tasks import Catalogue


@dataclass(frozen=True)
class Observed:
    """A sweep as transfers from single sources to targets.

    Attributes:
        root: the sweep's folder.
        name, title: of the sweep; `experiment` is what its runs are recorded under.
        sources: tasks that were alone below a target, in the table's order.
        targets: those with an observed gain.
        gains: target -> source -> score of source/target minus that of the target alone, a fraction: mean over seeds, and
            over the languages that the target was not trained in.
        alone: target -> the score of the target alone.
        metric: target -> its main measure.
        zoos: adapter -> the zoo that holds it.
        backbone: the sweep's settings of `backbone` and `adapter.kind`, as a configuration takes them.
        seed: of the adapters in `zoos`: the sweep's first; `seeds`: how many there are.
        is_generated: whether any row scored comes from the built-in generator.
        fingerprint: changes with the gains.
        left_out: sentences about cells that were left out, and why.
    """

    root: Path
    name: str
    title: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    gains: Mapping[str, Mapping[str, float]]
    alone: Mapping[str, float]
    metric: Mapping[str, str]
    zoos: Mapping[str, Path]
    backbone: Mapping[str, str | None] = field(default_factory=dict)
    seed: int = 0
    seeds: int = 1
    is_generated: bool = False
    fingerprint: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def experiment(self) -> str:
        """The tracker's experiment of the sweep."""
        return f"sweep {self.name}"

    def configured(self, config: Config) -> Config:
        """Return a configuration with the sweep's backbone, which its adapters belong to."""
        if not self.backbone:
            return config
        known = {key: value for key, value in self.backbone.items() if key != "kind"}
        adapter = replace(config.adapter, kind=self.backbone["kind"])  # type: ignore[arg-type]
        return replace(config, backbone=replace(config.backbone, **known), adapter=adapter)  # type: ignore[arg-type]


def observe(folder: Path, catalogue: Catalogue, *, variant: str | None = None) -> Observed:
    """Read the transfers of a finished sweep.

    A source is a task that is alone below a target (`mnli/xnli`); mixtures, fusions and orders of several are not sources. A
    cell that failed is left out and reported.

    Args:
        folder: the sweep's folder.
        catalogue: of the tasks.
        variant: the point on the sweep's axis `settings`, if it has several.

    Raises:
        ToolkitError: there is no sweep, it is not finished, or it has no single source with its target alone to compare.
    """
    results = load_results(folder)
    chosen = _variant(results, variant)
    cells = [cell for cell in results.cells if cell.cell.variant == chosen]
    bases = {(cell.cell.task, cell.cell.seed): cell for cell in cells if cell.cell.is_baseline}
    tried = [cell for cell in cells if source_of(cell) is not None]
    waiting = [cell for cell in (*tried, *bases.values()) if cell.state in ("waiting", "running")]
    if waiting:
        raise ToolkitError(
            f"The sweep in {folder} is not finished: {len(waiting)} of {len(tried) + len(bases)} cells that a prediction is "
            f"compared with are not scored yet, '{waiting[0].cell.name}' first; run `xstilts sweep` on, or see `xstilts status "
            f"{folder}`."
        )
    if not bases or not tried:
        what = "no row of targets alone" if tried else "no row with one task below the target"
        raise ToolkitError(
            f"The sweep in {folder} has {what}, so there is no gain to compare a prediction with; the axis `intermediates` with "
            "its baseline gives both (configs/sweep/similarity.yaml)."
        )
    return _joined(results, tried, bases, catalogue)


def source_of(result: CellResult) -> str | None:
    """Return the task that is alone below a cell's target; None for any other cell."""
    cell = result.cell
    if cell.is_baseline or cell.group not in ("intermediates", "domains", "orders", "mixtures", "fusions"):
        return None
    if len(cell.members) != 1 or cell.composition not in (cell.members[0], f"{cell.members[0]}/{cell.task}"):
        return None
    return cell.members[0]


def _variant(results: SweepResults, variant: str | None) -> str:
    known = results.sweep.variants
    if variant is None and len(known) == 1:
        return known[0]
    if variant is None:
        raise ToolkitError(
            f"The sweep in {results.root} has {len(known)} points on its axis `settings` ({', '.join(known)}), whose gains are "
            f"not of one kind; name one with --variant."
        )
    if variant not in known:
        raise unknown("variant", variant, known)
    return variant


@dataclass
class _Sums:
    """Gains and places of adapters, collected cell by cell."""

    catalogue: Catalogue
    gains: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    alone: dict[str, dict[int, float]] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)
    zoos: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)
    taken: list[CellResult] = field(default_factory=list)


def _joined(
    results: SweepResults,
    tried: Sequence[CellResult],
    bases: Mapping[tuple[str, int], CellResult],
    catalogue: Catalogue,
) -> Observed:
    sums = _Sums(catalogue)
    for cell in tried:
        _add(sums, results, cell, bases.get((cell.cell.task, cell.cell.seed)))
    if not sums.gains:
        raise ToolkitError(
            f"Nothing of the sweep in {results.root} can be compared with a prediction: {next(iter(sums.left_out))}"
        )
    sources = tuple(dict.fromkeys(source for source in map(source_of, tried) if source is not None))
    targets = tuple(task for task in results.sweep.targets if task in sums.gains)
    gains = {
        task: {source: mean(found[source]) or 0.0 for source in sources if source in found}
        for task, found in ((task, sums.gains[task]) for task in targets)
    }
    seeds = results.sweep.seeds
    return Observed(
        root=results.root,
        name=results.sweep.name,
        title=results.sweep.title,
        sources=tuple(source for source in sources if any(source in found for found in gains.values())),
        targets=targets,
        gains=gains,
        alone={task: mean(values.values()) or 0.0 for task, values in sums.alone.items()},
        metric=sums.metrics,
        zoos=sums.zoos,
        backbone=next((found for cell in sums.taken if (found := _backbone(results, cell))), {}),
        seed=seeds[0],
        seeds=len(seeds),
        is_generated=any(score.is_generated for cell in sums.taken for score in cell.scores),
        fingerprint=_fingerprint(gains),
        left_out=tuple(sums.left_out),
    )


def _add(sums: _Sums, results: SweepResults, cell: CellResult, base: CellResult | None) -> None:
    """Add a cell's gain over its target alone, or why it has none."""
    source, task, seed = source_of(cell), cell.cell.task, cell.cell.seed
    assert source is not None
    failed = next((one for one in (base, cell) if one is not None and one.state != "done"), None)
    if base is None or failed is not None:
        why = "the target alone was not scored" if failed is None else f"'{failed.cell.name}' {failed.state}"
        sums.left_out[f"{source} for {task}, seed {seed}: {why}."] = None
        return
    target = sums.catalogue.get(task)
    metric = sums.metrics[task] = MAIN[target.metric]
    with_source, without = (_score(one, metric, target.train_language) for one in (cell, base))
    if with_source is None or without is None or with_source[1] != without[1]:
        sums.left_out[f"{source} for {task}, seed {seed}: not scored in {metric} on the target's own languages."] = None
        return
    sums.gains.setdefault(task, {}).setdefault(source, []).append(with_source[0] - without[0])
    sums.alone.setdefault(task, {})[seed] = without[0]
    sums.taken += [cell, base]
    for entry, one in ((source, cell), (task, base)):
        found = _zoo(results, one, entry)
        # Of a task that is both source and target, the adapter that others are stacked on counts.
        if found is not None and (entry == source or entry not in sums.zoos):
            sums.zoos[entry] = found


def _score(cell: CellResult, metric: str, pivot: str) -> tuple[float, tuple[str, ...]] | None:
    """Return a cell's zero-shot mean (the score of the training language if there is no other), and its languages."""
    values = {score.language: score.value for score in cell.scores if score.metric == metric}
    if not values:
        return None
    found = summary(values, pivot_language=pivot)
    return (found.mean if found.zero_shot_mean is None else found.zero_shot_mean), tuple(values)


def _zoo(results: SweepResults, cell: CellResult, entry: str) -> Path | None:
    """Return the zoo that holds an entry, of the sweep's first seed."""
    for stage in results.stages:
        is_first = stage.step.seed == results.sweep.seeds[0] and stage.step.key in cell.stages
        if is_first and stage.step.composition == entry and stage.record is not None:
            return results.root / stage.record.folder / "zoo"
    return None


def _backbone(results: SweepResults, cell: CellResult) -> dict[str, str | None]:
    for stage in results.stages:
        settings = stage.step.settings
        if stage.step.key in cell.stages and settings:
            return {
                "name": settings["backbone"]["name"],
                "revision": settings["backbone"]["revision"],
                "precision": settings["backbone"]["precision"],
                "kind": settings["adapter"]["kind"],
            }
    return {}


def _fingerprint(gains: Mapping[str, Mapping[str, float]]) -> str:
    text = repr([(task, source, round(gain, 12)) for task, found in gains.items() for source, gain in found.items()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
