"""Values of `auto`, decided by the kind of adapter and the backbone's width and printed before training; shares of a step's batch."""

from __future__ import annotations

from dataclasses import replace

from toolkit.config import TrainConfig
from toolkit.errors import ToolkitError

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


def in_shares(train: TrainConfig, *, processes: int = 1) -> TrainConfig:
    """Return settings that say into how many shares a step's batch is cut; `auto` stays, with the rows of a step.

    Raises:
        ToolkitError: settings that contradict each other.

    Example:
        >>> in_shares(TrainConfig(batch_size=8, effective_batch=64), processes=2).accumulate
        4
        >>> in_shares(TrainConfig(batch_size="auto")).effective_batch
        32
    """
    if train.batch_size == "auto":
        if train.accumulate != 1:
            raise ToolkitError(
                f"--set train.batch_size=auto finds train.accumulate itself, and was given {train.accumulate}; leave it out, "
                "and say how many rows a step has with --set train.effective_batch=N."
            )
        return replace(train, effective_batch=train.rows_of_step(processes))
    if train.effective_batch is None:
        return train
    n_shares = -(-train.effective_batch // (train.batch_size * processes))
    if train.accumulate not in (1, n_shares):
        raise ToolkitError(
            f"A step of train.effective_batch={train.effective_batch} rows takes {n_shares} shares of train.batch_size="
            f"{train.batch_size}{f' in {processes} processes' * (processes > 1)}, and train.accumulate is {train.accumulate}; leave "
            "train.accumulate out."
        )
    return replace(train, accumulate=n_shares)


def with_shares(train: TrainConfig, n_shares: int, *, processes: int = 1) -> TrainConfig:
    """Return settings of `auto` with what was found: the shares that each process takes, and the rows of one."""
    assert train.effective_batch is not None
    rows = -(-train.effective_batch // (n_shares * processes))
    return replace(train, batch_size=rows, accumulate=n_shares)
