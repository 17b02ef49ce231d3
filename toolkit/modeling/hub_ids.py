"""Hub ids of the backbones' published weights: data alone, so that naming one loads no torch."""

from __future__ import annotations

HUB_IDS = {"xlm-roberta-large": "FacebookAI/xlm-roberta-large", "xlm-roberta-base": "FacebookAI/xlm-roberta-base"}
# What other names hold, for a page that says what an adapter was trained for.
BASE_MODELS = {**HUB_IDS, "embedded": "intfloat/multilingual-e5-small"}
