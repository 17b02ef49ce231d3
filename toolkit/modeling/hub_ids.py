"""Where a backbone's weights are published: data alone, so that naming it loads no torch."""

from __future__ import annotations

HUB_IDS = {"xlm-roberta-large": "FacebookAI/xlm-roberta-large", "xlm-roberta-base": "FacebookAI/xlm-roberta-base"}
# What other names hold, for a page that says what an adapter stands on.
BASE_MODELS = {**HUB_IDS, "embedded": "intfloat/multilingual-e5-small"}
