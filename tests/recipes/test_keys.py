"""Every setting changes exactly the keys that its declaration names, and keys of one kind of result agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.recipes.small import FUSED, tiny_config
from toolkit.composition import parse
from toolkit.composition.stages import Stage, plan
from toolkit.config import Config, load, to_dict
from toolkit.config.convert import Declared, declared
from toolkit.config.keys import value_of
from toolkit.evaluation.identity import identity
from toolkit.recipes.score.encoding import Encoder, readings
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.facts import Facts
from toolkit.recipes.sweep.run import Asked, plan_sweep
from toolkit.recipes.train.key import stage_key
from toolkit.sweeps import Step
from toolkit.tasks import BUILT_IN, get_task

pytestmark = pytest.mark.journey

# In these settings every case holds, so that no setting is idle.
BASE = {
    "backbone.name": "tiny",
    "train.augment": "swap:0.1",
    "noise.apply": "swap:0.1",
    "noise.lexicons": "micro",
    "noise.mix_with": "de",
    "train.stride": "16",  # short enough for every length that is tried
    "eval.stride": "16",
}
# Texts that are checked when they are used, and what cannot be halved.
OTHERS: Mapping[str, str] = {
    "backbone.name": "embedded",
    "train.augment": "swap:0.3",
    "noise.apply": "swap:0.3",
    "noise.mix_with": "fr",
    "retrieve.index": "HNSW32",
    "retrieve.pooling": "cls",  # null is the mean
    "task_files": "own.yaml",
}
FUSE = "fuse[micro-nli,micro-qa]/micro-pos"
GRID = """
axes:
  intermediates: [micro-nli, micro-qa, micro-answers, micro-text]
  mixtures: {both: [micro-nli, micro-qa]}
  compositions: {each: "micro-text.*/{target}"}
  fusions: {of: {both: [micro-nli, micro-qa]}, methods: [fuse, ties]}
  targets: [micro-pos, micro-qa, micro-bitext]
  seeds: [0]
"""


def another(key: str, to: Declared) -> str:
    """Return another legal value of a setting than that of the base, as text."""
    if key in OTHERS:
        return OTHERS[key]
    now = value_of(configured(), key)
    if bool in to.kinds:
        return str(not now).lower()
    if to.choices and not (int in to.kinds or float in to.kinds):
        return next(choice for choice in to.choices if choice != now)
    if int in to.kinds or float in to.kinds:
        about = to.about
        low = about.low if about.low is not None else about.above or 0.0
        high = min(bound for bound in (about.high, about.below, low + 200.0) if bound is not None)
        tried = [low + share * (high - low) for share in (0.5, 0.25)]
        values = [round(value) if int in to.kinds else value for value in tried]
        return str(next(value for value in values if value != now))
    return "another"


def configured(**changed: str) -> Config:
    return load(None, [f"{key}={value}" for key, value in (BASE | changed).items()])


def backbone(config: Config) -> Any:
    """Return a stand-in for the backbone that a configuration loads."""
    return SimpleNamespace(
        digest=f"{config.backbone.name} {config.backbone.revision}", precision=config.backbone.precision
    )


def stage_of(text: str) -> Stage:
    return plan(parse(text), holds=lambda entry: False)[-1]


def checkpoints(config: Config, folder: Path) -> list[str]:
    """Keys of stages: a fusion under an adapter, a mixture, a retrieval task, plain text."""
    found = []
    for stage in map(stage_of, (FUSE, "mix[micro-qa,micro-pos]", "micro-answers", "micro-text")):
        rows = SimpleNamespace(fingerprint="f")
        sources = [
            SimpleNamespace(task=BUILT_IN.source_task(BUILT_IN.get(ref.name)), rows=rows, dev=rows, ref=ref)
            for ref in stage.tasks
        ]
        found.append(stage_key(stage, config, backbone(config), sources, []))
    return found


def answers(config: Config, folder: Path) -> list[str]:
    """Identities of answers of a fusion, by a head of each kind and by searching."""
    cards: dict[str, Any] = {FUSE: SimpleNamespace(digest="d")}
    asked = parse("micro-text.*/micro-nli")
    return [
        str(identity(backbone(config), cards, config, get_task(task), asked))
        for task in ("micro-nli", "micro-qa", "micro-pos", "micro-bitext")
    ]


def steps(config: Config, folder: Path, *, are_stages: bool) -> list[str]:
    """Keys of the steps of a sweep."""
    path = folder.parent / "grid.yaml"  # of all tests, which plan the same
    path.write_text(GRID, encoding="utf-8")
    given = {
        f"{section}.{name}" if isinstance(values, dict) else section: "null" if value is None else str(value)
        for section, values in to_dict(config).items()
        for name, value in (values.items() if isinstance(values, dict) else [("", values)])
        if f"{section}.{name}" not in ("train.seed", "tracking.parent") and value not in ([], ())
    }
    return [step.key for step in planned(path, tuple(given.items())) if step.is_stage == are_stages]


@cache
def planned(path: Path, given: tuple[tuple[str, str], ...]) -> tuple[Step, ...]:
    return tuple(plan_sweep(Asked(path, dict(given)), Facts(), BUILT_IN).steps)


KEYS: dict[str, tuple[Callable[[Config, Path], list[str]], set[str]]] = {
    "checkpoint": (checkpoints, {"weights"}),
    "stage of a sweep": (lambda config, folder: steps(config, folder, are_stages=True), {"weights", "merges"}),
    "kept answers": (answers, {"scores"}),
    # The key of a scoring step holds those of the stages that it scores.
    "scoring of a sweep": (
        lambda config, folder: steps(config, folder, are_stages=False),
        {"weights", "merges", "scores"},
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_setting_changes_a_key_if_and_only_if_it_can_change_what_the_key_names(name: str, tmp_path: Path) -> None:
    keys, of = KEYS[name]
    before = keys(configured(), tmp_path)
    wrong = []
    for key, setting in declared().items():
        if "sweep" in name and key == "train.seed":
            continue  # an axis of every sweep
        after = keys(configured(**{key: another(key, setting)}), tmp_path)
        if (before != after) != bool(of & set(setting.about.changes)):
            wrong.append(key)
    assert wrong == []


def test_a_setting_changes_the_key_of_vectors_if_and_only_if_it_can_change_vectors(
    trained: Config, tmp_path: Path
) -> None:
    def keys(changed: Mapping[str, str]) -> list[str]:
        sets = [f"{key}={value}" for key, value in changed.items()]
        config = tiny_config(tmp_path, *sets)
        session = Session.open(config).with_config(load(None, [], {**flat(config), "zoo": trained.zoo}))
        circuit, _ = trained_circuit(FUSED, session, heads={})
        with circuit:
            asked = readings(session.config.retrieve, circuit.backbone.n_layers, "tiny")
            return [key.digest for key in Encoder(circuit, session, asked).keys.values()]

    # Without folding: a fusion of the library's own is never folded.
    base = {"eval.fold": "false"}
    before, wrong = keys(base), []
    for key, setting in declared().items():
        if (
            key.partition(".")[0] in ("retrieve", "store", "eval", "noise", "fusion", "cache_gib")
            or key == "backbone.precision"
        ):
            to = {"eval.fold": "true", "backbone.precision": "bf16", "retrieve.layer": "2"}.get(key) or another(
                key, setting
            )
            if (before != keys({**base, key: to})) != ("vectors" in setting.about.changes):
                wrong.append(key)
    assert wrong == []


def flat(config: Config) -> dict[str, Any]:
    return {key: value_of(config, key) for key in declared()}
