"""Values of `auto`, decided by the kind of adapter and the backbone's width, and printed before training."""

from __future__ import annotations

from dataclasses import replace

from toolkit.config import TrainConfig

# Width from which a backbone counts as large: XLM-R Base (768) and Large (1024) take the published rates.
LARGE_WIDTH = 768
# Adapters 1e-4 and AdapterFusion 5e-5 as the `adapters` documentation has them; a narrow backbone takes five times that
# (docs/decisions/0008-settings.md says what was measured).
RATES = {True: (1e-4, 5e-5), False: (5e-4, 2.5e-4)}
FULL_RATE = 1e-5  # jiant's X-STILTs runs
EPOCHS = 3.0


def resolve(train: TrainConfig, hidden_size: int, *, is_full: bool = False) -> TrainConfig:
    """Return settings without any `auto` in `lr`, `fusion_lr` and `epochs`.

    Example:
        >>> resolve(TrainConfig(), 1024).lr, resolve(TrainConfig(), 384).lr, resolve(TrainConfig(), 1024, is_full=True).lr
        (0.0001, 0.0005, 1e-05)
    """
    lr, fusion_lr = (FULL_RATE, FULL_RATE) if is_full else RATES[hidden_size >= LARGE_WIDTH]
    return replace(
        train,
        lr=lr if train.lr == "auto" else train.lr,
        fusion_lr=fusion_lr if train.fusion_lr == "auto" else train.fusion_lr,
        epochs=EPOCHS if train.epochs == "auto" else train.epochs,
    )
