"""Global state of the process, which every public function leaves as it was: generators, environment, logging, torch.

Libraries change it while they are imported and while they run, and a caller's own program depends on it: a model that is
made after `toolkit.train` has the weights that it would have had without that call.
"""

from __future__ import annotations

import functools
import logging
import os
import random
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from toolkit.hub import restore_hub

P = ParamSpec("P")
R = TypeVar("R")


@functools.cache
def untouched(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that does the same and leaves the global state of the process as it was."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with _KEPT:
            return function(*args, **kwargs)

    return called


@dataclass(frozen=True)
class _Logger:
    """Settings of a logger."""

    level: int
    handlers: tuple[logging.Handler, ...]
    filters: tuple[Any, ...]
    propagate: bool
    disabled: bool

    @classmethod
    def of(cls, logger: logging.Logger) -> Self:
        return cls(logger.level, tuple(logger.handlers), tuple(logger.filters), logger.propagate, logger.disabled)

    def restore(self, logger: logging.Logger) -> None:
        if _Logger.of(logger) != self:
            logger.setLevel(self.level)
            logger.handlers[:], logger.filters[:] = self.handlers, self.filters
            logger.propagate, logger.disabled = self.propagate, self.disabled


class _State:
    """The global state of a moment; what is not loaded yet has none."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._random = random.getstate()
        self._loggers = {logger: _Logger.of(logger) for logger in _loggers()}
        self._logging_disabled = logging.root.manager.disable
        numpy = sys.modules.get("numpy")
        self._numpy = None if numpy is None else numpy.random.get_state()
        self._torch = _TorchState() if "torch" in sys.modules else None

    def restore(self) -> None:
        """Put the state back; loggers that were made since stay as their libraries made them."""
        is_offline = os.environ.get("HF_HUB_OFFLINE")
        for name in os.environ.keys() - self._environment.keys():
            del os.environ[name]
        for name, value in self._environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
        if os.environ.get("HF_HUB_OFFLINE") != is_offline:
            restore_hub()
        random.setstate(self._random)
        for logger, settings in self._loggers.items():
            settings.restore(logger)
        logging.disable(self._logging_disabled)
        if self._numpy is not None:
            sys.modules["numpy"].random.set_state(self._numpy)
        if self._torch is not None:
            self._torch.restore()


class _TorchState:
    """Torch's generators, threads and modes."""

    def __init__(self) -> None:
        import torch

        self._cpu = torch.get_rng_state()
        self._seed = torch.initial_seed()
        self._cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
        self._threads = torch.get_num_threads()
        self._dtype = torch.get_default_dtype()
        self._has_gradients = torch.is_grad_enabled()
        self._precision = torch.get_float32_matmul_precision()

    def restore(self) -> None:
        import torch

        torch.set_rng_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state_all(self._cuda)
        elif torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(self._seed)
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        torch.set_default_dtype(self._dtype)
        torch.set_grad_enabled(self._has_gradients)
        if torch.get_float32_matmul_precision() != self._precision:
            torch.set_float32_matmul_precision(self._precision)


class _Kept:
    """Keeps the state of the first caller that comes in until the last one is out: callers nest, and run in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._state: _State | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._state = _State()
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._state is not None:
                self._state.restore()
                self._state = None


_KEPT = _Kept()


def _loggers() -> list[logging.Logger]:
    known = list(logging.root.manager.loggerDict.values())
    return [logging.root, *(logger for logger in known if isinstance(logger, logging.Logger))]
