"""Score a composition on a task, zero-shot in every language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.composition import Composition, Part, parse
from toolkit.config import Config, EvalConfig
from toolkit.config.command import command, shell
from toolkit.errors import ToolkitError
from toolkit.evaluation.answers import probabilities
from toolkit.evaluation.evaluate import evaluate_each
from toolkit.evaluation.identity import identity, write_identity
from toolkit.evaluation.outputs import run_head
from toolkit.evaluation.scoring import Evaluation, Scoring
from toolkit.features import MAX_LENGTH, Features
from toolkit.features.tokenise import tokenised
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.recipes.score.answers import FOLDER, write_answers
from toolkit.recipes.score.contamination import contamination, translated
from toolkit.recipes.score.publish import Scored, publish, result_output
from toolkit.recipes.session.backbones import is_here
from toolkit.recipes.session.circuits import arithmetic, head_spec, say_path, trained_circuit
from toolkit.recipes.session.exchange import asked_of, languages_scored
from toolkit.recipes.session.features import features_for, tokenising
from toolkit.recipes.session.noise import scored_rows, with_noise
from toolkit.recipes.session.resources import Meter
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.together import together
from toolkit.recipes.session.traces import MadeWith, data_of
from toolkit.recipes.session.weights import require_trained
from toolkit.results.score import Score, System
from toolkit.tasks import BUILT_IN, Task, catalogue_of
from toolkit.tasks.kinds import RETRIEVED, Kind
from toolkit.tasks.lacking import lacking, left_out, require_some
from toolkit.tasks.rows import Row
from toolkit.tasks.siblings import siblings
from toolkit.tasks.task import Rows
from toolkit.tracking import Data
from toolkit.zoo import AdapterCard


def evaluate(
    expression: str,
    session: Session,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
) -> Scored:
    """Score a trained composition on a task, one Score per language and measure (of a `par`: and member that answers it).

    Args:
        expression: composition whose entries the zoo holds.
        session: of the configuration.
        task: the task to score; its rows must be answerable by the composition's head.
        languages: `all`, `pairs` (of a task that crosses languages every context with every question language), or
            codes. With the first two, what the reachable data lacks is left out and named.
        lock: a lock file (`zoo lock`); anything but the weights that it pins is refused.
    """
    return together(session, lambda own: _evaluated(expression, own, task, languages, lock))


def _evaluated(
    expression: str, session: Session, task: str, languages: str | Sequence[str], lock: Path | None
) -> Scored:
    config, say = session.config, session.say
    target = session.catalogue.get(task)
    if target.kind in RETRIEVED:
        words = command("retrieve", expression, "--task", task, config=config, sections=("retrieve", "noise", "store"))
        raise ToolkitError(f"'{task}' is scored by retrieval: `{words}`.")
    wanted = languages_scored(expression, choose_languages(target, languages, session), session)
    circuit, cards = trained_circuit(expression, session, heads=None, lock=lock, languages=wanted)
    say_path(circuit, say)
    scores: list[Score] = []
    used: list[Data] = []
    with (
        Meter(is_watching=config.tracking.enabled) as meter,
        circuit,
        result_output(expression, task, config, journey="eval", replaced=(FOLDER,)) as output,
    ):
        answers = output.stage / FOLDER
        write_identity(answers, identity(circuit.backbone, cards, config, target, circuit.asked))
        heads = heads_for(circuit, target, config)
        for language in wanted:
            rows = scored_rows(target, language, session)
            used.append(data_of(rows, "evaluation"))
            answered, n_truncated = answer(circuit, rows, target, session, heads=heads)
            for number, found in enumerate(answered.values(), 1):
                write_answers(
                    answers / f"member{number}" if len(heads) > 1 else answers,
                    f"{task}.{language}",
                    found,
                    may_be_unanswerable=target.may_be_unanswerable,
                    say=say,
                )
            for name, value in [note for found in answered.values() for note in found.notes.items()]:
                say(f"{task} {language}: {name} {value:.4g}.")
            if n_truncated:
                say(f"{task} {language}: {n_truncated} of {len(rows)} rows lost text to the length limit.")
            words = with_noise(protocol_words(config.eval, target, circuit), config)
            scores += scores_of(answered, rows, circuit, seed_of(cards), words)
    for sentence in (*contamination(cards.values(), target, session.zoo), *translated(cards.values())):
        say(sentence)
    made_with = MadeWith(meter, tuple(used), tuple(cards.values()))
    return publish(scores, expression, target, session, journey="eval", made_with=made_with, output=output)


def task_features(rows: Rows, target: Task, circuit: Circuit, session: Session) -> Features:
    """Return rows of a task as they are tokenised for scoring, from the cache where it has them."""
    what = f"tokenise {target.name} {rows.language}"
    return features_for(rows, target.kind, circuit.backbone, session.config.eval, session, what=what)


def answer(
    circuit: Circuit, rows: Rows, target: Task, session: Session, *, heads: Sequence[str] | None = None
) -> tuple[dict[str, Evaluation], int]:
    """Answer and score a task's rows of one language.

    Args:
        circuit: wired and loaded.
        rows: of the target, perturbed or not.
        heads: which heads answer; None: those of the circuit that can.

    Returns:
        Each head's evaluation, and how many rows lost text to the length limit.
    """
    circuit.turn_to(rows.language)
    features = task_features(rows, target, circuit, session)
    answered = evaluate_each(
        circuit,
        rows,
        features,
        heads=heads_for(circuit, target, session.config) if heads is None else heads,
        scoring=Scoring.of(rows, session.config.eval),
        what=f"{target.name} {rows.language}",
        report=session.report,
    )
    return answered, features.n_truncated


def answer_probabilities(circuit: Circuit, rows: Sequence[Row], target: Task, config: Config) -> np.ndarray:
    """Return the probability of every label or choice: float64 [N, C]; of a pair or choice task."""
    (head,) = heads_for(circuit, target, config)
    # Not cached: an attack asks about each of its rows once.
    how = tokenising(target, circuit.backbone, config.eval)
    features = tokenised(list(rows), target.kind, circuit.backbone.tokenizer, how)
    return probabilities(np.asarray(run_head(circuit, features, batch_size=config.eval.batch_size, head=head)))


def scores_of(
    answered: Mapping[str, Evaluation], rows: Rows, circuit: Circuit, seed: int, protocol: str
) -> list[Score]:
    """Return one Score for each head and measure of one language's rows."""
    found = []
    adapter = circuit.turn_to(rows.language)
    for head, evaluation in answered.items():
        system = System(asked_of(circuit, head), circuit.backbone.name, protocol, seed, adapter)
        found += Score.of(rows, evaluation.measures, evaluation.n, system)
    return found


def parts_of(expression: str, *, has_head: bool) -> tuple[Part, ...]:
    """Return the parts that an evaluation (with its head) or a retrieval (without) of a composition wires."""
    return tuple(part for part in parse(expression).parts if has_head or part.kind != "head")


def choose_languages(task: Task, languages: str | Sequence[str], session: Session) -> list[str]:
    """Return language codes of a task, the training language first.

    Args:
        languages: `all` or `pairs` (those that the reachable data holds; the rest is said), a comma list, or codes.
    """
    if languages == "pairs" and not task.crosses_languages:
        raise ToolkitError(f"'{task.name}' has context and question in one language; write --languages all, or codes.")
    if languages in ("all", "pairs"):
        every = task.pairs if languages == "pairs" else task.languages
        missing = lacking(task, data_root=session.config.data_root, has_pairs=languages == "pairs")
        wanted = [code for code in every if code not in missing]
        if missing:
            require_some(task, wanted, data_root=session.config.data_root)
            session.say(left_out(task, missing))
    else:
        asked = languages.split(",") if isinstance(languages, str) else list(languages)
        wanted = task.resolve_languages([code.strip() for code in asked])
    if not is_here(session):
        for code in wanted:
            scored_rows(task, code, session)  # rows that cannot be had are found before a large download
    return sorted(wanted, key=lambda code: (code != task.train_language, wanted.index(code)))


def heads_for(circuit: Circuit, target: Task, config: Config) -> list[str]:
    """Return the heads that can answer the target: the active one, or for a `par` those of all members that can."""
    if target.kind in RETRIEVED:
        raise ToolkitError(
            f"'{target.name}' is scored by retrieval, by vectors and no head; name a task that `eval` scores."
        )
    spec, wanted = circuit.spec, head_spec(target)
    heads = list(circuit.answers) if circuit.members else [circuit.active_head or ""]
    found = [head for head in heads if circuit.spec_of(head) == wanted]
    if not found:
        composition = circuit.composition
        if circuit.members:
            raise ToolkitError(
                f"No head of '{composition}' answers {target.name}, which needs {wanted.kind}{_labels(wanted.labels)}; "
                f"its heads are {', '.join(heads)}."
            )
        raise _of_another(spec, circuit.active_head or "", composition, target, config)
    return found


def require_answering(expression: str, target: Task, session: Session) -> None:
    """Raise as an evaluation would, before any model is loaded, where a part is missing or the head answers another task."""
    composition = parse(expression)
    if target.kind in RETRIEVED:
        require_trained(composition, session, has_head=False)
        return
    require_trained(composition, session)
    part = next((part for part in reversed(composition.parts) if part.kind == "head"), None)
    held = None if part is None else session.zoo.get(part.entry, session.shelf).heads.get(part.name)
    if part is not None and held is not None:
        spec = HeadSpec(held.kind, held.labels)
        if spec != head_spec(target):
            raise _of_another(spec, part.name, composition, target, session.config)


def _of_another(spec: HeadSpec, head: str, composition: Composition, target: Task, config: Config) -> ToolkitError:
    wanted = head_spec(target)
    return ToolkitError(
        f"The head of '{composition}' answers {head} ({spec.kind}{_labels(spec.labels)}); {target.name} "
        f"needs {wanted.kind}{_labels(wanted.labels)}; {_way_out(spec, wanted, composition, target, config)}."
    )


def _way_out(spec: HeadSpec, wanted: HeadSpec, composition: Composition, target: Task, config: Config) -> str:
    """Return what to do about a head that does not answer a task."""
    train = f"train one with `{command('train', f'{composition.chain}@{target.name}', config=config)}`"
    places = ("--backbone", config.backbone.name, "--zoo", config.zoo)
    again = shell("zoo", "import", "FOLDER", "--as", str(composition), "--replace", *places, "--labels")
    for other in siblings(target, catalogue_of(config.task_files)):
        if head_spec(other) == spec:
            return f"score '{other.name}', which has the same rows with the labels of that head, or {train}"
    if spec.kind != wanted.kind or len(spec.labels) != len(wanted.labels) or not wanted.labels:
        return train
    if spec.labels == tuple(f"LABEL_{number}" for number in range(len(spec.labels))):
        return f"if you know which class is which, name them in the head's order (`{again} A,B,...`), or {train}"
    if sorted(map(str.casefold, spec.labels)) == sorted(map(str.casefold, wanted.labels)):
        return f"if it was imported, put its classes into that order (`{again} {','.join(wanted.labels)}`), or {train}"
    return train


def _labels(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:3]) + (", ..." if len(labels) > 3 else "")
    return f" of {len(labels)} labels: {shown}" if labels else ""


def _max_length(settings: EvalConfig, kind: Kind, limit: int) -> int:
    return min(MAX_LENGTH[kind] if settings.max_length == "auto" else settings.max_length, limit)


def protocol_words(settings: EvalConfig, target: Task, circuit: Circuit) -> str:
    """Return what moves a score besides the weights, as words."""
    own = WORDS[target.kind]
    parts = [
        f"max_length={_max_length(settings, target.kind, circuit.backbone.max_tokens)}",
        arithmetic(circuit),
        own(settings) if own is not None else "",
        f"null_threshold={settings.null_threshold:g}"
        if target.metric == "squad2" or target.may_be_unanswerable
        else "",
        # Metrics of answers have the same measures; the name of a built-in task says which of them it has.
        f"metric={target.metric}" if target.metric in _OF_ANSWERS and target.name not in BUILT_IN.held else "",
    ]
    return " ".join(filter(None, parts))


_OF_ANSWERS = ("mlqa", "characters")

# Words of a protocol that only a kind has.
WORDS: Mapping[Kind, Callable[[EvalConfig], str] | None] = {
    "pair": None,
    "choice": None,
    "span": lambda settings: f"stride={settings.stride}",
    "tags": lambda settings: f"label_piece={settings.label_piece}",
    "bitext": None,
    "mining": None,
    "retrieval": None,
    "text": None,
}


def seed_of(cards: dict[str, AdapterCard]) -> int:
    """Return the seed of a composition's last entry, -1 of one that was made elsewhere."""
    last = list(cards.values())[-1]
    return -1 if last.seed is None else last.seed
