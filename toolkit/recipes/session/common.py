"""Functions of the session for callers that still hold a configuration and two callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit.composition import Composition, Part
from toolkit.config import Config, EvalConfig, TrainConfig
from toolkit.features import Features
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.progress import Report, Say, say_nothing
from toolkit.recipes.session import backbones, circuits, features, weights
from toolkit.recipes.session.circuits import adapter_shapes, arithmetic, head_spec, say_path
from toolkit.recipes.session.session import Session, require_writable
from toolkit.recipes.session.weights import Place, file_of, places, require_locked
from toolkit.tasks.task import Rows
from toolkit.tracking import Tracker
from toolkit.zoo import AdapterCard, Zoo

__all__ = [
    "Place",
    "Say",
    "adapter_shapes",
    "arithmetic",
    "check_parents",
    "features_for",
    "file_of",
    "head_spec",
    "load_part",
    "open_backbone",
    "open_config_tracker",
    "open_zoo",
    "places",
    "require_locked",
    "require_trained",
    "require_writable",
    "say_nothing",
    "say_path",
    "shelf",
    "trained_circuit",
]


def shelf(config: Config) -> str:
    return Session.open(config).shelf


def open_zoo(config: Config) -> Zoo:
    return Session.open(config).zoo


def open_config_tracker(config: Config) -> Tracker:
    return Session.open(config).tracker


def open_backbone(config: Config, *, report: Report) -> Backbone:
    return backbones.open_backbone(Session.open(config, report=report))


def features_for(
    rows: Rows,
    kind: str,
    backbone: Backbone,
    settings: TrainConfig | EvalConfig,
    config: Config,
    *,
    what: str,
    report: Report,
    say: Say,
) -> Features:
    session = Session.open(config, report=report, say=say)
    return features.features_for(rows, kind, backbone, settings, session, what=what)


def require_trained(composition: Composition, zoo: Zoo, config: Config) -> None:
    weights.require_trained(composition, Session.open(config))


def load_part(circuit: Circuit, part: Part, zoo: Zoo, config: Config, *, place: Place | None = None) -> None:
    weights.load_part(circuit, part, Session.open(config), place=place)


def check_parents(card: AdapterCard, zoo: Zoo, config: Config) -> None:
    weights.check_parents(card, Session.open(config))


def trained_circuit(
    text: str, config: Config, *, heads: Mapping[str, HeadSpec] | None, report: Report, lock: Path | None = None
) -> tuple[Circuit, dict[str, AdapterCard]]:
    return circuits.trained_circuit(text, Session.open(config, report=report), heads=heads, lock=lock)
