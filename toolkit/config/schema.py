"""Configuration: every section and the settings of no section, as frozen dataclasses without logic.

A field's type says what is accepted (`Literal` lists the choices, `| None` allows null); its `About` says what it means, its
range, what it can change and what other libraries call it. `convert.py` and `keys.py` read both, so a new setting is one line
here, in `learning.py` or in `scoring.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from toolkit.config.about import About
from toolkit.config.encoder import AdapterConfig, BackboneConfig
from toolkit.config.learning import MergeConfig, TrainConfig
from toolkit.config.scoring import EvalConfig, NoiseConfig, RetrieveConfig, SimilarityConfig, StoreConfig
from toolkit.config.words import FusionMode


@dataclass(frozen=True)
class TrackingConfig:
    """Where runs are recorded."""

    enabled: Annotated[bool, About("false: nothing is recorded", changes=())] = True
    uri: Annotated[
        str | None, About("MLflow tracking URI; null: MLFLOW_TRACKING_URI, else mlflow.db in `folder`", changes=())
    ] = None
    folder: Annotated[Path, About("folder of mlflow.db, mlartifacts/ and the spool", changes=())] = Path(".")
    weights_mib: Annotated[
        int,
        About("an adapter's weights are kept with its card in the tracker up to this size, in MiB", low=0, changes=()),
    ] = 64
    predictions_mib: Annotated[
        int, About("predictions are kept in the tracker up to this size, in MiB", low=0, changes=())
    ] = 64
    budget_s: Annotated[
        float | None,
        About(
            "seconds that a run may wait for its tracker, mostly at its end; what is not sent by then goes to the spool; "
            "null: 5 % of it, at least 5 s",
            low=0,
            changes=(),
        ),
    ] = None
    experiment: Annotated[str | None, About("experiment of every run; null: the task's name", changes=())] = None
    parent: Annotated[str | None, About("id of the run that runs are nested under; null: none", changes=())] = None


@dataclass(frozen=True)
class Config:
    """The whole configuration, resolved and frozen.

    Example:
        >>> Config().backbone.name
        'xlm-roberta-large'
    """

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    merge: MergeConfig = field(default_factory=MergeConfig)
    retrieve: RetrieveConfig = field(default_factory=RetrieveConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    fusion: Annotated[
        FusionMode,
        About(
            "how fusions are computed: re-associated, or by the `adapters` library's own code (never folded)",
            changes=("weights", "scores", "vectors", "similarity"),
            only=("fused",),
        ),
    ] = "fast"
    data_root: Annotated[
        Path | None, About("mirror of hub data sets; null: the variable XSTILTS_DATA, else the hub", changes=())
    ] = None
    task_files: Annotated[
        tuple[Path, ...], About("YAML files that declare tasks of your own, with commas", changes=())
    ] = ()
    cache_gib: Annotated[
        float,
        About("GiB of tokenised rows kept in the cache folder (XSTILTS_CACHE); 0: none are kept", low=0, changes=()),
    ] = 20.0
    zoo: Annotated[Path, About("folder of trained adapters", changes=())] = Path("adapter_zoo")
    run_dir: Annotated[Path, About("folder of run outputs and checkpoints", also=("output_dir",), changes=())] = Path(
        "runs"
    )
