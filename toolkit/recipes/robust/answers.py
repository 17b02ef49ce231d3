"""Answers of `robust` to perturbed rows and under attack; those kept from an earlier run are not computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.evaluation.identity import identity
from toolkit.files import json_of, load_json, read_regular, replace_text
from toolkit.modeling.circuit import Circuit
from toolkit.perturb import Noise
from toolkit.perturb.attack import attack
from toolkit.perturb.attacked import Attacked, AttackSettings, Labelled, attack_measures
from toolkit.progress import Progress, Report
from toolkit.recipes.score.bitext import score_bitext
from toolkit.recipes.score.encoding import Encoder, Reading, readings
from toolkit.recipes.score.evaluate import answer, answer_probabilities, protocol_words, scores_of, seed_of
from toolkit.recipes.score.own_pooling import as_trained
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.noise import noise_words
from toolkit.recipes.session.session import Session
from toolkit.results.predictions import Prediction, read_predictions, write_predictions
from toolkit.results.score import Score
from toolkit.results.score import from_dict as score_from_dict
from toolkit.results.score import to_dict as score_to_dict
from toolkit.safe_text import json_text
from toolkit.tasks import Task
from toolkit.tasks.kinds import RETRIEVED, Kind
from toolkit.tasks.rows import ROW_TYPES
from toolkit.tasks.task import Rows
from toolkit.zoo import AdapterCard

# Rows that are attacked and written together: enough for large batches, few enough that a kill loses minutes only.
BLOCK = 128


class Answering(AbstractContextManager["Answering"]):
    """One composition, loaded, that answers a task's rows; use it in a `with`.

    Args:
        name: the composition's canonical text.
        target: a task that is answered by a head, or a bitext, whose translations are searched for.
        session: of the configuration.

    Raises:
        ToolkitError: the composition answers several times, has no head for the task, or the settings ask for several protocols.
    """

    def __init__(self, name: str, target: Task, session: Session) -> None:
        self.name, self.target, self.config = name, target, session.config
        self.session = session
        is_searched = target.kind in RETRIEVED
        heads: dict[str, Any] | None = {} if is_searched else None
        self.circuit, self.cards = trained_circuit(name, session, heads=heads)
        if self.circuit.members:
            self.circuit.close()
            raise ToolkitError(f"'{name}' answers several times; score its members one by one.")
        self._search = _search(self.circuit, self.cards, session) if is_searched else None

    def __enter__(self) -> Answering:
        self.circuit.__enter__()
        return self

    def __exit__(self, *fault: Any) -> None:
        self.circuit.__exit__(*fault)

    def answers(self, rows: Rows, noise: Noise | None, kept: Path) -> tuple[list[Prediction], list[Score]]:
        """Return the answers to one condition's rows in one language: those that `kept` holds, or new ones.

        Args:
            rows: perturbed by `noise`, or clean.
            noise: the noise that they were perturbed by; None: none.
            kept: the file of the answers.
        """
        if self._search is not None:
            encoder, reading = self._search
            protocol = f"{reading.head()} {reading.protocol.for_bitext()} {encoder.tail()}"
        else:
            protocol = protocol_words(self.config.eval, self.target, self.circuit)
        protocol = " ".join(filter(None, (protocol, noise_words(self.config, noise) if noise else "")))
        key = self._key(rows, protocol)
        held = kept.with_suffix(".json")
        if kept.exists() and held.exists():
            values = _note(held)
            if values.get("key") == key:
                return read_predictions(kept), [score_from_dict(each) for each in values["scores"]]
        # From here to the last line a kill leaves answers without a key, which are computed again.
        held.unlink(missing_ok=True)
        found, scores = self._answer(rows, noise, protocol, kept)
        replace_text(held, json.dumps({"key": key, "scores": [score_to_dict(score) for score in scores]}) + "\n")
        return found, scores

    def _answer(
        self, rows: Rows, noise: Noise | None, protocol: str, kept: Path
    ) -> tuple[list[Prediction], list[Score]]:
        if self._search is not None:
            encoder, reading = self._search
            noisy = replace(self.config, noise=replace(self.config.noise, apply=str(noise) if noise else None))
            ((_, score),) = score_bitext(rows, [reading], encoder, noisy, lambda _: kept)
            return read_predictions(kept), [score]
        answered, _ = answer(self.circuit, rows, self.target, self.session)
        (evaluation,) = answered.values()
        found = list(evaluation.predictions)
        write_predictions(found, kept)
        return found, scores_of(answered, rows, self.circuit, seed_of(self.cards), protocol)

    def attacked(self, rows: Rows, settings: AttackSettings, kept: Path) -> dict[str, float]:
        """Attack one language's rows, keep the outcome of each, and return the measures; rows in `kept` are not attacked again."""
        # Lexicons are identified by their content: files change.
        words = [hashlib.sha256(repr(sorted(each.entries.items())).encode()).hexdigest() for each in settings.lexicons]
        protocol = protocol_words(self.config.eval, self.target, self.circuit)
        key = self._key(rows, protocol, {**asdict(replace(settings, lexicons=())), "lexicons": words})
        held = kept.with_suffix(".json")
        originals: list[Labelled] = list(rows)  # type: ignore[arg-type]  # `plan_robust` refuses other kinds
        found: list[Attacked] = []
        if kept.exists() and held.exists() and _note(held).get("key") == key:
            found = _records(kept, rows.task.kind)
        else:
            kept.unlink(missing_ok=True)
            replace_text(held, json.dumps({"key": key}) + "\n")
        what = f"attack {rows.task.name} {rows.language}"
        while len(found) < len(originals):
            before = len(found)
            found += attack(
                originals[before : before + BLOCK],
                lambda asked: answer_probabilities(self.circuit, asked, self.target, self.config),
                kind=rows.task.kind,
                language=rows.language.partition(".")[0],
                settings=settings,
                on_round=_telling(self.session.report, what, before, len(originals)),
            )
            records = (_record(each, row) for each, row in zip(found, originals, strict=False))
            replace_text(kept, "".join(f"{json_text(each)}\n" for each in records))
        return attack_measures(found, originals, rows.task.kind)

    def _key(self, rows: Rows, protocol: str, *more: Any) -> str:
        # The protocol has the noise of this condition, the identity everything else that can change an answer.
        own = identity(self.circuit.backbone, self.cards, self.config, self.target)
        text = json.dumps([rows.fingerprint, protocol, own, *more], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _search(circuit: Circuit, cards: Mapping[str, AdapterCard], session: Session) -> tuple[Encoder, Reading]:
    """Return how the translations of a bitext are searched for.

    Raises:
        ToolkitError: the settings ask for several protocols, or for one whose score is not a sum over rows.
    """
    backbone = circuit.backbone
    settings = as_trained(session.config.retrieve, dict(cards), backbone.n_layers, session.say)
    found = readings(settings, backbone.n_layers, backbone.name)
    if len(found) != 1 or found[0].protocol.metric == "weighted_f1":
        circuit.close()
        raise ToolkitError(
            "Noise is scored by the accuracy of one retrieval protocol; name one with --set retrieve.protocol."
        )
    return Encoder(circuit, session, found), found[0]


def _telling(report: Report, what: str, before: int, total: int) -> Callable[[int, int], None]:
    return lambda done, _: report(Progress(what, before + done, total))


def _record(each: Attacked, original: Labelled) -> dict[str, Any]:
    return {**asdict(each), "original": asdict(original)}


def _note(file: Path) -> dict[str, Any]:
    """Return what is noted next to answers; nothing where it cannot be read, and they are computed again."""
    try:
        found = load_json(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _records(file: Path, kind: Kind) -> list[Attacked]:
    """Return the attacks that a file holds, up to a line that cannot be read."""
    found: list[Attacked] = []
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        for line in read_regular(file).decode("utf-8").splitlines():
            record: Any = json_of(line)
            found.append(_from_record(record, kind))
    return found


def _from_record(record: dict[str, Any], kind: Kind) -> Attacked:
    row = {name: tuple(value) if isinstance(value, list) else value for name, value in record["row"].items()}
    rest = {name: value for name, value in record.items() if name not in ("row", "original")}
    return Attacked(row=ROW_TYPES[kind](**row), **rest)
