"""Retrieve translations with a composition's sentence vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.features import sentence_features
from toolkit.metrics import retrieval_accuracy
from toolkit.modeling.embed import default_layer, embed
from toolkit.progress import Progress, Report, silent
from toolkit.recipes import common
from toolkit.recipes.common import Say, say_nothing
from toolkit.recipes.evaluate import Result, choose_languages, publish
from toolkit.retrieval import Index
from toolkit.score import Score
from toolkit.tasks import BitextRow, get_task


def retrieve(
    expression: str,
    config: Config,
    *,
    task: str = "tatoeba",
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> Result:
    """Search each English sentence's translation among all foreign ones; accuracy of the nearest, per language.

    Sentence vector: mean over all non-padding tokens of one hidden state, L2-normalised; by default layer 14 of 24, at the
    same fraction of the depth on other backbones. Direction English -> foreign, cosine, 1-best (the XTREME protocol).

    Args:
        expression: composition whose entries the zoo holds, or `backbone`.
        task: a bitext task.
        languages: `all`, or codes.
        lock: a lock file (`zoo lock`); anything but the weights that it pins is refused.
    """
    target = get_task(task)
    if target.kind != "bitext":
        raise ToolkitError(f"'{task}' is a {target.kind} task, scored by `xstilts eval '{expression}' --task {task}`.")
    if parse(expression).is_parallel:
        raise ToolkitError(
            f"'{expression}' gives several vectors for one sentence; retrieve with one member at a time."
        )
    settings = config.retrieve
    circuit, _ = common.trained_circuit(expression, config, heads={}, report=report, lock=lock)
    with circuit:
        depth = circuit.backbone.n_layers
        layer = default_layer(depth) if settings.layer is None else settings.layer
        if not 0 <= layer <= depth:
            raise ToolkitError(f"Layer {layer} does not exist: {circuit.backbone.name} has layers 0 to {depth}.")
        limit = min(settings.max_length, circuit.backbone.max_tokens)
        protocol = (
            f"layer={layer}/{depth} pooling={settings.pooling} direction=en->xx index={settings.index} "
            f"max_length={limit} precision={circuit.backbone.precision}"
        )
        say(f"{expression} on {task}: {protocol}")
        scores: list[Score] = []
        for language in choose_languages(target, languages, config.data_root, say):
            rows = target.rows("score", language, data_root=config.data_root, limit=settings.limit)
            pairs = [row for row in rows if isinstance(row, BitextRow)]
            report(Progress(f"tokenise {task} {language}", 0, len(pairs)))
            sides = []
            for name, texts in (("en", [p.target for p in pairs]), (language, [p.source for p in pairs])):
                features = sentence_features(texts, circuit.backbone.tokenizer, max_length=limit)
                sides.append(
                    embed(
                        circuit,
                        features,
                        layer=layer,
                        pooling=settings.pooling,
                        batch_size=config.eval.batch_size,
                        what=f"encode {task} {language}: {name}",
                        report=report,
                    )
                )
            index = Index(sides[0].shape[1], factory=settings.index)
            index.add(sides[1])
            _, found = index.search(sides[0], k=1)
            accuracy = retrieval_accuracy(found[:, 0], np.arange(len(pairs)))["accuracy"]
            scores.append(
                Score(
                    task=task,
                    language=language,
                    metric="accuracy",
                    value=accuracy,
                    n=len(pairs),
                    composition=str(circuit.composition),
                    seed=0,
                    protocol=protocol,
                    split=rows.split,
                    backbone=circuit.backbone.name,
                    is_generated=rows.is_generated,
                    fingerprint=rows.fingerprint,
                )
            )
    return publish(scores, expression, task, config, journey="retrieve", say=say)
