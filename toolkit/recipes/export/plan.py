"""Plan of an export: which function of a composition, in which form, and what its program needs to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Literal

from toolkit.composition import Composition
from toolkit.config import Config, EvalConfig
from toolkit.config.words import Pooling
from toolkit.errors import ToolkitError
from toolkit.features import MAX_LENGTH
from toolkit.features.span import MIN_CONTEXT, check_windows
from toolkit.recipes.session.limits import tokens_read
from toolkit.recipes.session.session import Session
from toolkit.tasks import Task
from toolkit.tasks.kinds import Kind

Form = Literal["onnx", "torch"]
Weights = Literal["fp32", "bf16", "int8"]
MODEL: Mapping[Form, str] = {"onnx": "model.onnx", "torch": "model.pt2"}
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Exporting:
    """What is exported.

    Attributes:
        composition: canonical.
        form: `onnx` or `torch`.
        weights: how they are held: `fp32`, `bf16` (matrices, widened where they are used) or `int8`.
        is_vectors: whether it gives vectors of texts instead of its head's answers.
        language, language_adapter: of a composition that follows its rows, what it is exported for and takes; else empty.
    """

    composition: Composition
    form: Form
    weights: Weights
    is_vectors: bool
    language: str = ""
    language_adapter: str = ""

    @property
    def title(self) -> str:
        """What is exported, for a reader."""
        return f"{self.composition}{self.language and f' for rows in {self.language}'}"


def plan_export(expression: Composition, config: Config, *, form: Form, int8: bool, vectors: bool) -> Exporting:
    """Return what is exported.

    Raises:
        ToolkitError: the extra is not installed, or what is asked for does not exist.
    """
    if expression.is_parallel:
        raise ToolkitError(f"'{expression}' gives several answers to one row; export one member at a time.")
    if form == "onnx":
        require_extra()
    elif int8:
        raise ToolkitError("--int8 goes with --to onnx; a program of torch holds fp32, or bf16 (--precision bf16).")
    if config.backbone.precision == "fp16":
        raise ToolkitError(
            "An export holds its weights in fp32 or bf16, not in fp16; give --precision bf16, or leave it out."
        )
    is_bf16 = config.backbone.precision == "bf16"
    if int8 and is_bf16:
        raise ToolkitError("Weights are held either in int8 or in bf16; leave --int8 or --precision bf16 out.")
    weights: Weights = "int8" if int8 else "bf16" if is_bf16 else "fp32"
    is_headless = expression.is_backbone and expression.head is None
    return Exporting(expression, form, weights, vectors or is_headless)


def require_extra() -> None:
    """Raise where a package that writes or runs ONNX is not installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ToolkitError(
            f"Export to ONNX needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed; "
            "run `pip install 'xstilts[export]'`."
        )


def computing(config: Config) -> Config:
    """Return the configuration that a model is traced with: in fp32, whatever this processor multiplies fast, and folded."""
    return replace(
        config,
        backbone=replace(config.backbone, precision="fp32", kernels="plain"),
        eval=replace(config.eval, fold=True),
        fusion="fast",
    )


def task_of(composition: Composition, session: Session, named: str | None) -> Task | None:
    """Return the task whose rows a head answers: the one that is named, else the one of the head's name, if there is one."""
    if named is not None:
        return session.catalogue.get(named)
    head = str(composition.head_name.name) if composition.parts else ""
    return session.catalogue.get(head) if head in session.catalogue else None


@dataclass(frozen=True)
class Reading:
    """How rows become tokens and outputs answers.

    Attributes:
        kind: of the rows.
        labels: of the head.
        task: whose rows they are; None: not a task of the catalogue.
        layer, pooling: of vectors.
        max_tokens: of the backbone.
    """

    kind: Kind
    labels: tuple[str, ...]
    task: Task | None
    layer: int | None
    pooling: Pooling
    max_tokens: int


def settings_of(reading: Reading, config: Config) -> dict[str, Any]:
    """Return what the program reads from `config.json` besides the tokenizer's ids."""
    return SETTINGS[reading.kind](reading, config)


def _length(reading: Reading, settings: EvalConfig) -> int:
    own = (reading.task and reading.task.passage_tokens) or MAX_LENGTH[reading.kind]
    return tokens_read("eval.max_length", settings.max_length, own=own, most=reading.max_tokens)


def _of_rows(reading: Reading, config: Config) -> dict[str, Any]:
    return {"max_length": _length(reading, config.eval)}


def _of_pairs(reading: Reading, config: Config) -> dict[str, Any]:
    return {"labels": list(reading.labels), **_of_rows(reading, config)}


def _of_spans(reading: Reading, config: Config) -> dict[str, Any]:
    settings, task = config.eval, reading.task
    length = _length(reading, settings)
    check_windows(length, settings.stride)
    has_null = task is not None and (task.metric == "squad2" or task.may_be_unanswerable)
    return {
        "max_length": length,
        "stride": settings.stride,
        "question_length": max(length - settings.stride - 4 - MIN_CONTEXT, MIN_CONTEXT),
        "n_best": settings.n_best,
        "max_answer_tokens": settings.max_answer_tokens,
        "null_threshold": settings.null_threshold if has_null else None,
    }


def _of_tags(reading: Reading, config: Config) -> dict[str, Any]:
    return {**_of_pairs(reading, config), "label_piece": config.eval.label_piece}


def _of_vectors(reading: Reading, config: Config) -> dict[str, Any]:
    length = config.retrieve.max_length
    most, task = tokens_read("retrieve.max_length", length, own=length, most=reading.max_tokens), reading.task
    asked = (task.passage_tokens, task.query_tokens) if task else (None, None)
    length, query_length = (min(own or most, most) for own in asked)
    return {"max_length": length, "query_length": query_length, "layer": reading.layer, "pooling": reading.pooling}


SETTINGS: Mapping[Kind, Callable[[Reading, Config], dict[str, Any]]] = {
    "pair": _of_pairs,
    "choice": _of_rows,
    "span": _of_spans,
    "tags": _of_tags,
    "retrieval": _of_vectors,
}
"""By kind of task that has a head, or vectors."""
