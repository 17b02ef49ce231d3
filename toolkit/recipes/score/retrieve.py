"""Retrieve translations with a composition's sentence vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.metrics import TOP, retrieval_accuracy, weighted_f1
from toolkit.recipes.score.answers import kept_answers
from toolkit.recipes.score.encoding import Encoder, Reading, by_layer, readings
from toolkit.recipes.score.evaluate import choose_languages
from toolkit.recipes.score.identity import identity, write_identity
from toolkit.recipes.score.mining import score_mining
from toolkit.recipes.score.own_pooling import as_trained
from toolkit.recipes.score.pool import score_pool
from toolkit.recipes.score.publish import Scored, publish, result_folder
from toolkit.recipes.session.circuits import say_path, trained_circuit
from toolkit.recipes.session.noise import scored_rows
from toolkit.recipes.session.resources import Meter
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.traces import MadeWith, data_of
from toolkit.report import layer_curve
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.retrieval import SearchSettings, search
from toolkit.tasks import BitextRow, get_task
from toolkit.tasks.kinds import RETRIEVED
from toolkit.tasks.task import Rows
from toolkit.tracking import Data


def retrieve(
    expression: str,
    session: Session,
    *,
    task: str = "tatoeba",
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    layers: str | None = None,
) -> Scored:
    """Search each sentence's translation among all of the other side (bitext), mine two corpora for pairs (mining), or let
    queries search a pool of candidates in all languages (retrieval).

    `config.retrieve.protocol` says how; all that is asked for is scored from the same vectors. On a bitext the default is
    the mean over all non-padding tokens of hidden state 14 of 24 (the same fraction of the depth on other backbones),
    L2-normalised; direction English -> foreign, cosine, 1-best.

    Args:
        expression: composition whose entries the zoo holds, or `backbone`.
        task: a bitext, mining or retrieval task.
        languages: `all`, or codes.
        lock: a lock file (`zoo lock`); anything but the weights that it pins is refused.
        layers: `all`, or layers with commas: each is scored, and drawn as a curve. None: the protocol's layer.
    """
    return _retrieve(expression, session, task, languages, lock, layers)[0]


def compare_layers(
    expressions: Sequence[str],
    session: Session,
    *,
    task: str = "tatoeba",
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    layers: str = "all",
) -> tuple[list[Scored], Path]:
    """Retrieve with several compositions at every layer that is named, and draw their scores as curves of one figure.

    Args:
        expressions: compositions; the others as in `retrieve`.

    Returns:
        The result of each, and the figure.
    """
    curves: dict[str, Mapping[int, float]] = {}
    results = []
    for expression in dict.fromkeys(str(parse(expression)) for expression in expressions):
        result, main = _retrieve(expression, session, task, languages, lock, layers)
        results.append(result)
        found = by_layer(main)
        curves |= {expression if len(found) == 1 else f"{expression}, {name}": found[name] for name in found}
    config = session.config
    path = Path(config.run_dir) / "retrieve" / "layers" / f"{task}.png"
    measure, codes = results[0].scores[0].metric, dict.fromkeys(score.language for score in results[0].scores)
    title = f"{task}, {config.backbone.name}: mean over {', '.join(codes)}"
    layer_curve(curves, path, title=title, measure=measure)
    return results, path


def _retrieve(
    expression: str,
    session: Session,
    task: str,
    languages: str | Sequence[str],
    lock: Path | None,
    layers: str | None,
) -> tuple[Scored, list[tuple[Reading, float]]]:
    """Return the result, and the main score of each reading and language."""
    config, say = session.config, session.say
    target = get_task(task)
    if target.kind not in RETRIEVED:
        raise ToolkitError(f"'{task}' is a {target.kind} task, scored by `xstilts eval '{expression}' --task {task}`.")
    if parse(expression).is_parallel:
        raise ToolkitError(
            f"'{expression}' gives several vectors for one sentence; retrieve with one member at a time."
        )
    wanted = choose_languages(target, languages, session)
    if not wanted:
        target.rows("score", target.languages[0], data_root=config.data_root)  # says why there are no rows
    folder = result_folder(expression, task, config, journey="retrieve")
    files: list[str] = []
    scored: list[tuple[Reading, Score]] = []
    circuit, cards = trained_circuit(expression, session, heads={}, lock=lock)
    say_path(circuit, say)
    used: list[Data] = []
    with Meter(is_watching=config.tracking.enabled) as meter, circuit, kept_answers(folder) as answers:
        settings = as_trained(config.retrieve, cards, circuit.backbone.n_layers, say, layers=layers)
        asked = readings(settings, circuit.backbone.n_layers, circuit.backbone.name, layers)
        encoder = Encoder(circuit, session, asked)
        # A limit on mining counts the lines of either side, and `score_mining` knows them.
        limit = None if target.kind == "mining" else settings.limit
        if target.kind == "retrieval":
            queries = {language: scored_rows(target, language, config, limit=limit) for language in wanted}
            used += [data_of(rows, "evaluation") for rows in queries.values()]
            found, written = score_pool(target, queries, asked, circuit, session, folder, answers)
            scored += found
            files += written
        for reading in asked if target.kind != "retrieval" else ():
            rest = reading.protocol.for_bitext() if target.kind == "bitext" else _mining_words(reading)
            say(f"{expression} on {task}: {reading.head()} {rest} {encoder.tail()}")
        write_identity(answers, identity(circuit.backbone, cards, config, task))
        for language in wanted if target.kind != "retrieval" else ():
            rows = scored_rows(target, language, config, limit=limit)
            used.append(data_of(rows, "evaluation"))
            if target.kind == "bitext":
                scored += score_bitext(rows, asked, encoder, config, partial(_file_of, answers, rows, len(asked)))
            else:
                found, written = score_mining(rows, asked, encoder, session, folder, answers)
                scored += found
                files += written
    beside = ("precision", "recall", f"mrr_at_{TOP}")
    main = [(reading, score.value) for reading, score in scored if score.metric not in beside]
    if layers:
        title = f"{expression} on {task}, {circuit.backbone.name}: mean over {', '.join(wanted)}"
        layer_curve(by_layer(main), folder / "layers.png", title=title, measure=scored[0][1].metric)
        files.append("layers.png")
    made_with = MadeWith(meter, tuple(used), tuple(cards.values()))
    scores = [score for _, score in scored]
    result = publish(scores, expression, task, session, journey="retrieve", files=files, made_with=made_with)
    return result, main


def _file_of(answers: Path, rows: Rows, n_readings: int, reading: Reading) -> Path:
    return answers / (reading.folder if n_readings > 1 else "") / f"{rows.task.name}.{rows.language}.jsonl"


def _mining_words(reading: Reading) -> str:
    return reading.protocol.for_mining(str(reading.protocol.threshold))


def score_bitext(
    rows: Rows, asked: Sequence[Reading], encoder: Encoder, config: Config, file_of: Callable[[Reading], Path]
) -> list[tuple[Reading, Score]]:
    """Score every reading of one language's pairs, and write what each sentence found, in the order of the rows.

    Args:
        rows: pairs, perturbed or not; `config.noise.apply` says what was done to them.
        asked: the readings.
        encoder: of the circuit.
        file_of: the file for what a reading found.
    """
    settings, task, language = config.retrieve, rows.task, rows.language
    # In the texts' own order: of repeated sentences the same copy is then found however the lines are ordered.
    pairs = sorted((row for row in rows if isinstance(row, BitextRow)), key=lambda row: (row.target, row.source))
    english = encoder([pair.target for pair in pairs], f"{task.name} {language}: en")
    foreign = encoder([pair.source for pair in pairs], f"{task.name} {language}: {language}")
    scored = []
    for reading in asked:
        protocol, sides = reading.protocol, (english[reading.wanted], foreign[reading.wanted])
        directions = {"en": [sides], "xx": [sides[::-1]], "both": [sides, sides[::-1]]}[protocol.queries]
        measure = weighted_f1 if protocol.metric == "weighted_f1" else retrieval_accuracy
        values, recalls, hits, nearest = [], [], np.zeros(len(pairs)), np.zeros(0, np.int64)
        for queries, corpus in directions:
            found = search(
                queries,
                corpus,
                1,
                both=False,
                settings=SearchSettings(settings.index, settings.memory, settings.threads),
            )
            ((metric, value),) = measure(found.forward.rows[:, 0], np.arange(len(pairs))).items()
            values.append(value)
            recalls.append(found)
            hits += found.forward.rows[:, 0] == np.arange(len(pairs))
            nearest = found.forward.rows[:, 0] if not len(nearest) else nearest
        worst = min(recalls, key=lambda found: found.recall)
        texts = [pair.target if protocol.queries == "xx" else pair.source for pair in pairs]
        predictions = {
            # -1, of an approximate index that found nothing, is no row.
            pair.id: Prediction(pair.id, text, texts[row] if row >= 0 else "", float(hit) / len(directions))
            for pair, text, row, hit in zip(pairs, texts, nearest, hits, strict=True)
        }
        write_predictions([predictions[row.id] for row in rows], file_of(reading))
        system = encoder.system(f"{reading.head()} {protocol.for_bitext()} {worst.words} {encoder.tail()}", config)
        own = Score.of(rows, {metric: sum(values) / len(values)}, len(pairs), system)
        scored += [(reading, score) for score in own]
    return scored
