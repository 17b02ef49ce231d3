"""Settings that can change what a stage learns, for the keys of checkpoints and of a sweep's steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from toolkit.composition.stages import Stage
from toolkit.config import Config, TrainConfig
from toolkit.config.about import Case
from toolkit.config.keys import by_section, settings_that_change
from toolkit.tasks.kinds import Kind

ROWS_PER_STEP = "train.batch_size"
CUT = ("train.accumulate", "train.effective_batch")
"""How a step's batch is cut, and its rows said in another way: the key has `ROWS_PER_STEP` for all of it."""

# Cases that the rows of a kind bring.
CASES: Mapping[Kind, tuple[Case, ...]] = {
    "pair": (),
    "choice": (),
    "span": ("span",),
    "tags": ("tags",),
    "bitext": (),
    "mining": (),
    "retrieval": ("retrieval",),
    "text": ("text",),
}


def learning_settings(stage: Stage, config: Config, kinds: Iterable[Kind], *, processes: int = 1) -> dict[str, Any]:
    """Return the settings that can change the weights of a stage, by section; of a merge by name.

    Keys of checkpoints and of a sweep's steps read them here.

    Args:
        stage: what learns, or is merged.
        config: resolved configuration.
        kinds: of the tasks whose rows it learns from.
        processes: that train together.
    """
    if stage.merge is not None:
        dropped: list[Case] = [] if stage.merge.method == "merge" else ["dropped"]
        found = settings_that_change("merges", config, cases=dropped)
        return {key.rpartition(".")[2]: value for key, value in found.items()}
    changing = settings_that_change("weights", config, cases=cases_of(stage, config, kinds))
    for key in CUT:  # the weights are the same, however a step's batch is cut
        del changing[key]
    return by_section(changing | {ROWS_PER_STEP: config.train.rows_of_step(processes)})


def whole_settings(train: TrainConfig, *, processes: int = 1) -> dict[str, Any]:
    """Return all settings of training that a key of work may hold: how a step fits into memory is not among them."""
    found = asdict(train)
    for name in ("accumulate", "effective_batch", "recompute", "checkpoint_s"):
        del found[name]
    return found | {"batch_size": train.rows_of_step(processes)}


def cases_of(stage: Stage, config: Config, kinds: Iterable[Kind]) -> set[Case]:
    """Return the cases in which a stage learns."""
    learnt = {part.kind for part in stage.learn}
    held = {part.kind for part in stage.circuit.parts}
    found: dict[Case, bool] = {
        "passes": config.train.total_steps is None,
        "adapter": "adapter" in learnt,
        "frozen": "adapter" in held,
        "fusion": "fusion" in learnt,
        "fused": "fusion" in held,
        "mixture": len(stage.tasks) > 1,
        "augment": config.train.augment is not None,
    }
    return {case for case, holds in found.items() if holds} | {case for kind in kinds for case in CASES[kind]}


def check_lengths(kinds: Iterable[Kind], config: Config) -> None:
    """Raise where rows of a stage could not be tokenised, before the stages below it are trained.

    Raises:
        ToolkitError: windows too short, or a stride that leaves them no room to move on.
    """
    from toolkit.features.tokenise import Tokenising, check_tokenising

    for kind in dict.fromkeys(kinds):
        for settings in (config.train, config.eval):
            length = None if settings.max_length == "auto" else settings.max_length
            check_tokenising(kind, Tokenising(length, settings.stride, settings.label_piece))
