"""Requests to MLflow's server that cannot be answered: an HTTP status and one sentence, in the place of MLflow's own words.

MLflow 3.17 takes requests of any size, and puts the data and a list of causes before what a model says of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.safe_text import short_words

MOST_MIB = 16
"""Size of a request that is answered, in MiB; as much text as some 20,000 rows hold."""
AT_ONCE = 64
"""Requests that are parsed, and wait for the next pass, at once."""
_MIB = 2**20
_TOO_LARGE = 413


@contextmanager
def refused() -> Iterator[None]:
    """Turn an error of the user into one of MLflow, which its server sends as HTTP 400."""
    try:
        yield
    except ToolkitError as error:
        raise _refusal(short_words(str(error))) from error


def _refusal(sentence: str) -> Exception:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    class Refused(MlflowException):
        """Its message is the sentence alone: MLflow's server sets a longer one."""

        def __setattr__(self, name: str, value: object) -> None:
            if name != "message" or not hasattr(self, "message"):
                super().__setattr__(name, value)

    return Refused(sentence, error_code=INVALID_PARAMETER_VALUE)


class _Threads:
    """The module `asyncio`, whose `to_thread` has threads for as many requests as are joined.

    By default there are as many as processors and four: other requests would wait where nothing joins them.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, "request")

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def to_thread(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return what a function returns that is called in a thread."""
        called = partial(copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, called)


def prepare_server() -> None:
    """In a process of `mlflow models serve`, let requests be joined, and answer a large one with HTTP 413 before it is parsed.

    Anywhere else nothing is done. MLflow has no settings for either; tests/recipes/answer/test_server.py notices a change of what
    is replaced here.
    """
    server: Any = sys.modules.get("mlflow.pyfunc.scoring_server")
    if server is None or "mlflow.pyfunc.scoring_server.app" not in sys.modules:
        return
    server.asyncio = _Threads()
    parse = server.invocations

    def invocations(data: bytes, *args: Any, **kwargs: Any) -> Any:
        if len(data) <= MOST_MIB * _MIB:
            return parse(data, *args, **kwargs)
        sentence = (
            f"The request is {len(data) / _MIB:.0f} MiB long; send at most {MOST_MIB} MiB at once, in several requests."
        )
        said = json.dumps({"error_code": "REQUEST_TOO_LARGE", "message": sentence})
        return server.InvocationsResponse(response=said, status=_TOO_LARGE, mimetype="application/json")

    server.invocations = invocations
