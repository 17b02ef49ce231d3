"""Key of a stage: equal keys learn equal weights, so a checkpoint under it can be continued."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from toolkit.composition.stages import Stage
from toolkit.config import Config
from toolkit.modeling.backbone import Backbone
from toolkit.recipes.train.settings import learning_settings
from toolkit.recipes.train.sources import Source
from toolkit.version import __version__
from toolkit.zoo import AdapterCard


def stage_key(
    stage: Stage,
    config: Config,
    backbone: Backbone,
    sources: Sequence[Source],
    parents: Sequence[AdapterCard],
    *,
    processes: int = 1,
) -> str:
    """Return what identifies a stage: everything that can change its weights, by however many processes it is trained."""
    kinds = [source.task.kind for source in sources]
    determined_by = {
        "entry": stage.entry,
        **({} if stage.entry == stage.trained_as else {"trained_as": stage.trained_as}),
        "learn": [asdict(part) for part in stage.learn],
        "warm_start": stage.warm_start,
        "backbone": backbone.digest,
        "precision": backbone.precision,
        "settings": learning_settings(stage, config, kinds, processes=processes),
        "rows": [(source.rows.fingerprint, source.dev.fingerprint) for source in sources],
        "parents": [{"name": parent.name, "digest": parent.digest} for parent in parents],
        "version": __version__,
    }
    return hashlib.sha256(json.dumps(determined_by, sort_keys=True, default=str).encode()).hexdigest()[:16]
