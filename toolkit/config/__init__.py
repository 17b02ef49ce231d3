"""Configuration: what can be set (`schema`) and how it is read (`load`)."""

from toolkit.config.encoder import AdapterConfig, BackboneConfig
from toolkit.config.learning import MergeConfig, TrainConfig
from toolkit.config.load import from_dict, load, load_texts, settings, to_dict, to_yaml
from toolkit.config.schema import Config, TrackingConfig
from toolkit.config.scoring import EvalConfig, RetrieveConfig, SimilarityConfig, StoreConfig

__all__ = [
    "AdapterConfig",
    "BackboneConfig",
    "Config",
    "EvalConfig",
    "MergeConfig",
    "RetrieveConfig",
    "SimilarityConfig",
    "StoreConfig",
    "TrackingConfig",
    "TrainConfig",
    "from_dict",
    "load",
    "load_texts",
    "settings",
    "to_dict",
    "to_yaml",
]
