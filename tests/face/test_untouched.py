"""Every public function leaves the global state of the process as it was."""

from __future__ import annotations

import inspect
import logging
import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import toolkit
from tests.recipes.small import tiny_config
from toolkit.face.untouched import untouched

LOGGER = logging.getLogger("test of untouched")


def state() -> dict[str, Any]:
    return {
        "random": random.getstate(),
        "numpy": np.random.get_state()[1].tobytes(),  # noqa: NPY002
        "torch": torch.get_rng_state().numpy().tobytes(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "products": torch.get_float32_matmul_precision(),
        "environment": dict(os.environ),
        "loggers": {
            name: (logger.level, tuple(logger.handlers), tuple(logger.filters), logger.propagate, logger.disabled)
            for name in ("", LOGGER.name, "adapters", "transformers", "mlflow", "alembic")
            for logger in [logging.getLogger(name)]
        },
        "disabled": logging.root.manager.disable,
    }


def disturb() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_float32_matmul_precision("medium")
    os.environ["XSTILTS_ADDED"] = "1"
    os.environ["PATH"] = "changed"
    os.environ.pop("HOME", None)
    LOGGER.setLevel(logging.ERROR)
    LOGGER.addHandler(logging.NullHandler())
    LOGGER.addFilter(lambda record: False)
    LOGGER.propagate, LOGGER.disabled = False, True
    logging.getLogger().addHandler(logging.NullHandler())
    logging.disable(logging.CRITICAL)


def test_what_a_function_changes_is_put_back() -> None:
    before = state()
    assert untouched(lambda: (disturb(), "found")[1])() == "found"
    assert state() == before


def test_it_is_put_back_after_an_error_too() -> None:
    before = state()

    def fail() -> None:
        disturb()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        untouched(fail)()
    assert state() == before


def test_functions_that_overlap_put_back_what_the_first_one_found() -> None:
    before, is_in, may_end = state(), threading.Event(), threading.Event()

    @untouched
    def long() -> None:
        disturb()
        is_in.set()
        may_end.wait(60)

    thread = threading.Thread(target=long)
    thread.start()
    is_in.wait(60)
    untouched(lambda: None)()
    assert os.environ["XSTILTS_ADDED"] == "1"  # the other one still needs it
    may_end.set()
    thread.join()
    assert state() == before


def test_the_libraries_of_the_hub_are_on_line_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants as constants

    from toolkit import hub

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "is_hub_reachable", lambda: False)
    during: list[bool] = []

    def look() -> None:
        hub.prepare_hub()
        during.append(constants.HF_HUB_OFFLINE and os.environ["HF_HUB_OFFLINE"] == "1")

    untouched(look)()
    assert during == [True]
    assert (constants.HF_HUB_OFFLINE, "HF_HUB_OFFLINE" in os.environ) == (False, False)


def test_every_journey_of_the_package_is_one() -> None:
    names = [name for name in toolkit.__all__ if inspect.isfunction(getattr(toolkit, name))]
    homes = {name: sys.modules[getattr(toolkit, name).__module__].__name__ for name in names}
    journeys = [name for name in names if homes[name].startswith("toolkit.face.")]
    assert len(journeys) > 50
    assert [name for name in journeys if not hasattr(getattr(toolkit, name), "__wrapped__")] == []
    assert sorted(set(names) - set(journeys)) == ["configure", "get_task", "load_task"]
    assert toolkit.train is toolkit.train


@pytest.mark.journey
def test_training_distilling_and_scoring_leave_everything_as_it_was(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "train.limit=16")
    before = state()
    toolkit.train("micro-nli/micro-qa", config)
    assert state() == before
    toolkit.collapse("micro-nli/micro-qa", config)
    assert state() == before
    toolkit.evaluate("micro-nli/micro-qa", config, task="micro-qa", languages="en,de")
    assert state() == before
