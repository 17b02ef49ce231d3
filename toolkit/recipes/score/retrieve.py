"""Retrieve translations with a composition's sentence vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from toolkit.composition import parse
from toolkit.config.command import command
from toolkit.errors import ToolkitError
from toolkit.evaluation.identity import identity, write_identity
from toolkit.metrics import TOP
from toolkit.recipes.score.answers import FOLDER as PREDICTIONS
from toolkit.recipes.score.bitext import search_bitexts
from toolkit.recipes.score.encoding import Reading, by_layer, readings
from toolkit.recipes.score.evaluate import choose_languages
from toolkit.recipes.score.mining import mine_corpora
from toolkit.recipes.score.own_pooling import as_trained
from toolkit.recipes.score.pool import search_pool
from toolkit.recipes.score.publish import Scored, publish, result_output
from toolkit.recipes.score.searched import Found, Search
from toolkit.recipes.session.circuits import say_path, trained_circuit
from toolkit.recipes.session.exchange import languages_scored
from toolkit.recipes.session.resources import Meter
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.together import staffed, together
from toolkit.recipes.session.traces import MadeWith, data_of
from toolkit.registry import each_once
from toolkit.report import layer_curve
from toolkit.tasks.kinds import POOLED, Kind


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

    def journey(own: Session) -> Scored:
        with staffed(own) as session:
            return _retrieve(expression, session, task, languages, lock, layers)[0]

    return together(session, journey)


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

    def journey(own: Session) -> tuple[list[Scored], Path]:
        with staffed(own) as session:
            return _compared(expressions, session, task, languages, lock, layers)

    return together(session, journey)


def _compared(
    expressions: Sequence[str],
    session: Session,
    task: str,
    languages: str | Sequence[str],
    lock: Path | None,
    layers: str,
) -> tuple[list[Scored], Path]:
    curves: dict[str, Mapping[int, float]] = {}
    results = []
    for expression in each_once([str(parse(each)) for each in expressions], "composition", said=expressions):
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
    config = session.config
    target = session.catalogue.get(task)
    scorer = SCORERS[target.kind]
    if scorer is None:
        words = command("eval", expression, "--task", task, config=config, sections=("eval", "noise"))
        raise ToolkitError(f"'{task}' is a {target.kind} task, scored by `{words}`.")
    if parse(expression).is_parallel:
        raise ToolkitError(
            f"'{expression}' gives several vectors for one sentence; retrieve with one member at a time."
        )
    wanted = choose_languages(target, languages, session)
    if not wanted:
        target.rows("score", target.languages[0], data_root=config.data_root)  # says why there are no rows
    wanted = languages_scored(expression, wanted, session)
    # Each side takes its own adapter: the other one of a pair is English, a pool is in all languages.
    others = target.reachable(data_root=config.data_root) if target.kind in POOLED else ["en"]
    spoken = list(dict.fromkeys((*wanted, *others)))
    circuit, cards = trained_circuit(expression, session, heads={}, lock=lock, languages=spoken)
    say_path(circuit, session.say)
    with (
        Meter(is_watching=config.tracking.enabled) as meter,
        circuit,
        result_output(expression, task, config, journey="retrieve", replaced=(PREDICTIONS, CURVES)) as output,
    ):
        answers = output.stage / PREDICTIONS
        write_identity(answers, identity(circuit.backbone, cards, config, target, circuit.asked))
        backbone = circuit.backbone
        settings = as_trained(config.retrieve, cards, backbone.n_layers, session.say, layers=layers)
        asked = readings(settings, backbone.n_layers, backbone.name, layers)
        found = scorer(Search(target, wanted, asked, circuit, session, output.stage, answers))
        main = [(reading, score.value) for reading, score in found.scored if score.metric not in _FURTHER]
        if layers:
            title = f"{expression} on {task}, {backbone.name}: mean over {', '.join(wanted)}"
            layer_curve(by_layer(main), output.stage / CURVES, title=title, measure=found.scored[0][1].metric)
    used = tuple(data_of(rows, "evaluation") for rows in found.rows)
    made_with = MadeWith(meter, used, tuple(cards.values()))
    scores = [score for _, score in found.scored]
    result = publish(scores, expression, target, session, journey="retrieve", made_with=made_with, output=output)
    return result, main


SCORERS: Mapping[Kind, Callable[[Search], Found] | None] = {
    "pair": None,
    "choice": None,
    "span": None,
    "tags": None,
    "bitext": search_bitexts,
    "mining": mine_corpora,
    "retrieval": search_pool,
    "text": None,
}
CURVES = "layers.png"
# Measures that come with another one, which curves show.
_FURTHER = ("precision", "recall", f"mrr_at_{TOP}")
