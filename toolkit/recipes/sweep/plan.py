"""Plan of a sweep: the steps that fill its cells, each once. Steps with the same key are the same work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from toolkit.composition import Composition, Name, parse
from toolkit.composition.exchange import exchanged, in_language
from toolkit.composition.stages import Stage, plan
from toolkit.config import Config, load_texts, to_dict
from toolkit.config.convert import sections
from toolkit.errors import ConfigError, ToolkitError
from toolkit.evaluation.settings import scoring_settings
from toolkit.recipes.session.home import language_of, one_language, spelled_as
from toolkit.recipes.session.limits import scoring_limit
from toolkit.recipes.sweep.facts import Facts, Need, backbone_key, step_needs, train_need
from toolkit.recipes.train.auto import EPOCHS
from toolkit.recipes.train.settings import check_lengths, learning_settings
from toolkit.sweeps import Cell, Planned, Step, Sweep
from toolkit.sweeps.values import Texts
from toolkit.tasks import Catalogue, Task
from toolkit.tasks.kinds import RETRIEVED
from toolkit.zoo.names import shelf_name

RECIPE = 1
"""Version of the recipe: raised when the same settings lead to other numbers, so that old stages are not reused."""


def make_plan(sweep: Sweep, given: Texts, facts: Facts, catalogue: Catalogue) -> Planned:
    """Return the steps that fill a sweep's cells, parents first, each step once.

    Args:
        sweep: the grid.
        given: settings from the command line; they override the file, and the axes override them.
        facts: those that are known so far; without the others the keys are provisional.
        catalogue: of the tasks.
    """
    maker = _Maker(sweep, given, facts, catalogue)
    cells = [replace(cell, key=maker.cell(cell)) for cell in sweep.cells]
    return Planned(replace(sweep, cells=tuple(cells)), tuple(maker.steps.values()), asdict(facts))


def stages_without_sharing(planned: Planned) -> int:
    """Return how many stages a shell loop over the cells would train: every cell from nothing."""
    steps = {step.key: step for step in planned.steps}

    def below(key: str) -> set[str]:
        return {key}.union(*map(below, steps[key].parents))

    return sum(steps[key].is_stage for cell in planned.sweep.cells for key in below(cell.key))


class _Maker:
    """Collects the steps of cells by key."""

    def __init__(self, sweep: Sweep, given: Texts, facts: Facts, catalogue: Catalogue) -> None:
        self.steps: dict[str, Step] = {}
        self._sweep, self._given, self._facts, self._catalogue = sweep, given, facts, catalogue
        self._resolved: dict[tuple[object, ...], Config] = {}

    def cell(self, cell: Cell) -> str:
        """Add the steps of a cell and return the key of the one that scores it."""
        target = self._catalogue.get(cell.task)
        if cell.languages not in ("all", "pairs"):
            target.resolve_languages(cell.languages.split(","))  # a wrong code is reported before anything is trained
        is_retrieval = target.kind in RETRIEVED
        composition = parse(cell.composition)
        config = self._config(cell, [cell.task], is_target=True)
        circuit, others = self._as_trained(composition, target, cell, config)
        keys: dict[str, str] = {}
        for whole in (circuit, *map(parse, others)):
            for stage in plan(whole, holds=keys.__contains__):
                is_target = not is_retrieval and stage.entry == str(circuit)
                keys[stage.entry] = self._stage(cell, stage, keys, is_target=is_target)
        needed = dict.fromkeys((*(part.entry for part in circuit.parts), *others))
        parents = tuple(keys[entry] for entry in needed)
        return self._scoring(cell, composition, target, config, parents)

    def _as_trained(
        self, composition: Composition, target: Task, cell: Cell, config: Config
    ) -> tuple[Composition, list[str]]:
        """Return a cell's composition as it is trained, and the entries of other languages that it is scored with.

        Of `text.*/mnli` these are `text.sw` and so on, one for each language that is scored and that there is text in.
        """
        if not composition.follows_rows:
            return composition, []
        home = one_language(composition, lambda name: language_of(name, self._catalogue)) or "en"
        codes = {"all": target.languages, "pairs": target.pairs}.get(cell.languages, cell.languages.split(","))
        others: dict[str, None] = {}
        lacking: list[str] = []
        for language in codes:
            entries = self._other(composition, home, language, cell)
            lacking += [] if entries else [language]
            others |= dict.fromkeys(entries)
        if lacking and config.eval.without == "refuse":
            raise ToolkitError(
                f"'{composition}' is to be scored on {target.name} in {', '.join(lacking)}, for which there is no text to train a language "
                "adapter on; name other languages, or set eval.without to skip, english or none."
            )
        circuit = in_language(composition, home)
        return circuit, [entry for entry in others if entry not in circuit.entries]

    def _other(self, composition: Composition, home: str, language: str, cell: Cell) -> list[str]:
        """Return the entries that a language takes in the place of those of the training language; none without rows to train them on."""
        for code in spelled_as(language):
            entries = [one.source.entry for one in exchanged(composition, home, code)]
            refs = [
                ref for entry in entries for stage in plan(parse(entry), holds=lambda _: False) for ref in stage.tasks
            ]
            if all(self._has_rows(ref, cell) for ref in refs):
                return entries
        return []

    def _has_rows(self, ref: Name, cell: Cell) -> bool:
        task = self._catalogue.source_task(self._catalogue.get(ref.name))
        try:
            need = train_need(ref, task, self._config(cell, [str(ref)], is_target=False))
        except ConfigError:  # the task has no such language
            return False
        return "fault" not in self._facts.rows.get(need.name, {})

    def _stage(self, cell: Cell, stage: Stage, keys: Mapping[str, str], *, is_target: bool) -> str:
        config = self._config(cell, [str(task) for task in stage.tasks], is_target=is_target)
        sources = [self._catalogue.source_task(self._catalogue.get(ref.name)) for ref in stage.tasks]
        if stage.merge is None:
            check_lengths([source.kind for source in sources], config)
        parents = tuple(keys[entry] for entry in stage.parents)
        settings = _without_places(config)
        step = Step(
            key="",
            kind="train",
            composition=stage.entry,
            seed=config.train.seed,
            parents=parents,
            settings=settings,
            learns_from=tuple(str(ref) for ref in stage.tasks),
            work="merge" if stage.merge is not None else f"train {_kinds(sources)}",
            examples=0 if stage.merge is not None else self._examples(stage.tasks, sources, config),
        )
        determined_by = {
            "learn": [asdict(part) for part in stage.learn],
            "warm_start": stage.warm_start,
            "settings": learning_settings(stage, config, [source.kind for source in sources]),
        }
        return self._add(step, determined_by)

    def _scoring(
        self, cell: Cell, composition: Composition, target: Task, config: Config, parents: tuple[str, ...]
    ) -> str:
        kind = "retrieve" if target.kind in RETRIEVED else "evaluate"
        settings = _without_places(config)
        need = Need(cell.task, "score", cell.languages, *scoring_limit(target.kind, config))
        rows = self._facts.rows.get(need.name, {})
        step = Step(
            key="",
            kind="retrieve" if kind == "retrieve" else "evaluate",
            composition=str(composition),
            seed=config.train.seed,
            parents=parents,
            settings=settings,
            task=cell.task,
            languages=cell.languages,
            work=f"{kind} {target.kind}",
            examples=rows.get("rows"),
        )
        found = scoring_settings(target, [composition], config)
        # Keys of 0.1.0 have the settings of the section themselves, and the others by section.
        own = {**found.pop("eval", {}), **found.pop("retrieve", {}), **found}
        return self._add(step, {"task": cell.task, "languages": cell.languages, "settings": own})

    def _add(self, step: Step, determined_by: dict[str, Any]) -> str:
        backbone = step.settings["backbone"]
        known: Mapping[str, Any] = self._facts.backbones.get(backbone_key(backbone), {})
        determined_by |= {
            "recipe": RECIPE,
            "kind": step.kind,
            "composition": step.composition,
            "backbone": [
                shelf_name(backbone["name"], step.settings["adapter"]["kind"]),
                backbone["revision"],
                known.get("digest", ""),
                known.get("precision", backbone["precision"]),
            ],
            "rows": {
                need.place: self._facts.rows.get(need.name, {}).get("fingerprint")
                for need in step_needs(step, self._catalogue)
            },
            "parents": step.parents,
        }
        text = json.dumps(determined_by, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.steps.setdefault(key, replace(step, key=key))
        return key

    def _config(self, cell: Cell, tasks: Sequence[str], *, is_target: bool) -> Config:
        """Return a stage's settings: of the file, its role, its tasks, the command line and the axes; the last one wins."""
        sweep = self._sweep
        names = [name for task in tasks for name in dict.fromkeys((task.partition(".")[0], task))]
        own = tuple(name for name in names if name in sweep.tasks)
        known: tuple[object, ...] = (is_target, own, cell.variant, cell.seed)
        if known not in self._resolved:
            role = "target" if is_target else "intermediate"
            self._resolved[known] = load_texts(
                [
                    ("settings", sweep.settings),
                    (role, sweep.target if is_target else sweep.intermediate),
                    *((f"tasks: {name}", sweep.tasks[name]) for name in own),
                    ("--set", self._given),
                    (f"axes: settings: {cell.variant}", cell.settings),
                    ("axes: seeds", {"train.seed": str(cell.seed)}),
                ]
            )
        return self._resolved[known]

    def _examples(self, refs: Sequence[Name], sources: Sequence[Task], config: Config) -> int | None:
        """Return how many rows a stage processes: training rows by epoch, and each dev row as a third of a row."""
        train = config.train
        sizes: list[int] = []
        for ref, source in zip(refs, sources, strict=True):
            found = self._facts.rows.get(train_need(ref, source, config).name, {}).get("rows", source.size[0])
            size = found if train.limit is None else min(found or train.limit, train.limit)
            if size is None:
                return None
            sizes.append(size)
        epochs = EPOCHS if train.epochs == "auto" else train.epochs
        rows = sum(sizes)
        total = train.total_examples
        if total is not None:
            rows = min(rows, total)
        if train.total_steps is not None:
            epochs = train.total_steps * train.rows_of_step() / max(1, rows)
        passed = int(rows * epochs)
        scored = (train.eval_limit or 2000) * len(sources) * max(1, round(epochs))
        return int(passed + scored / 3)


def _without_places(config: Config) -> dict[str, Any]:
    """Return the settings that say how to do a step, without folders and tracker."""
    return {
        key: value
        for key, value in to_dict(config).items()
        if (key in sections() and key != "tracking") or key == "fusion"
    }


def _kinds(sources: Sequence[Task]) -> str:
    return "+".join(dict.fromkeys(source.kind for source in sources))
