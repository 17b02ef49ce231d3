"""The answers that `robust` collects: to perturbed rows, and under attack. What is kept from an earlier run is not asked again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.files import replace_text
from toolkit.modeling.circuit import Circuit
from toolkit.perturb import Noise
from toolkit.perturb.attack import Attacked, AttackSettings, Labelled, attack, attack_measures
from toolkit.progress import Progress, Report, Say
from toolkit.recipes.score.encoding import Encoder, readings
from toolkit.recipes.score.evaluate import answer, answer_probabilities, protocol_words, scores_of, seed_of
from toolkit.recipes.score.identity import identity
from toolkit.recipes.score.own_pooling import as_trained
from toolkit.recipes.score.retrieve import score_bitext
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.noise import noise_words
from toolkit.recipes.session.session import Session
from toolkit.results.predictions import Prediction, read_predictions, write_predictions
from toolkit.results.score import Score
from toolkit.results.score import from_dict as score_from_dict
from toolkit.results.score import to_dict as score_to_dict
from toolkit.tasks import Task
from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import ROW_TYPES
from toolkit.tasks.task import Rows
from toolkit.zoo import AdapterCard

# Rows attacked side by side, and written together: enough for large batches, few enough that a kill loses minutes.
BLOCK = 128


class Answering(AbstractContextManager):
    """One composition, loaded, that answers a task's rows; use it in a `with`.

    Args:
        composition: canonical text.
        target: a task that is answered by a head, or a bitext, whose translations are searched for.

    Raises:
        ToolkitError: the composition answers several times, has no head for the task, or the settings ask for several protocols.
    """

    def __init__(self, composition: str, target: Task, config: Config, report: Report, say: Say) -> None:
        self.target, self.config, self._report = target, config, report
        self._session = Session.open(config, report=report, say=say)
        is_bitext = target.kind == "bitext"
        heads: dict | None = {} if is_bitext else None
        self.circuit, self.cards = trained_circuit(composition, self._session, heads=heads)
        if self.circuit.members:
            self.circuit.close()
            raise ToolkitError(f"'{composition}' answers several times; score its members one by one.")
        self._encoder = self._bitext_encoder(self.circuit, self.cards, say) if is_bitext else None

    def _bitext_encoder(self, circuit: Circuit, cards: dict[str, AdapterCard], say: Say) -> Encoder:
        backbone = circuit.backbone
        self._readings = readings(
            as_trained(self.config.retrieve, cards, backbone.n_layers, say), backbone.n_layers, backbone.name
        )
        if len(self._readings) != 1 or self._readings[0].protocol.metric == "weighted_f1":
            circuit.close()
            raise ToolkitError(
                "Noise is scored by the accuracy of one retrieval protocol; name one with --set retrieve.protocol."
            )
        return Encoder(circuit, self._session, self._readings)

    def __enter__(self) -> Answering:
        self.circuit.__enter__()
        return self

    def __exit__(self, *fault: Any) -> None:
        self.circuit.__exit__(*fault)

    def answers(self, rows: Rows, noise: Noise | None, kept: Path) -> tuple[list[Prediction], list[Score]]:
        """Return the answers to one condition's rows in one language: those that lie in `kept`, or new ones.

        Args:
            rows: perturbed by `noise`, or clean.
            noise: what was done to them.
            kept: the file of the answers.
        """
        if self._encoder is not None:
            (reading,) = self._readings
            protocol = f"{reading.head()} {reading.protocol.for_bitext()} {self._encoder.tail()}"
        else:
            protocol = protocol_words(self.config.eval, self.target, self.circuit)
        protocol = " ".join(filter(None, (protocol, noise_words(self.config, noise) if noise else "")))
        key = self._key(rows, protocol)
        held = kept.with_suffix(".json")
        if kept.exists() and held.exists():
            values = json.loads(held.read_text(encoding="utf-8"))
            if values.get("key") == key:
                return read_predictions(kept), [score_from_dict(each) for each in values["scores"]]
        held.unlink(
            missing_ok=True
        )  # from here to the last line a kill leaves answers without a key, which are made again
        if self._encoder is not None:
            noisy = replace(self.config, noise=replace(self.config.noise, apply=str(noise) if noise else None))
            ((_, score),) = score_bitext(rows, self._readings, self._encoder, noisy, lambda _: kept)
            found, scores = read_predictions(kept), [score]
        else:
            answered, _ = answer(self.circuit, rows, self.target, self._session)
            (evaluation,) = answered.values()
            found, scores = (
                list(evaluation.predictions),
                scores_of(answered, rows, self.circuit, seed_of(self.cards), protocol),
            )
            write_predictions(found, kept)
        replace_text(held, json.dumps({"key": key, "scores": [score_to_dict(score) for score in scores]}) + "\n")
        return found, scores

    def attacked(self, rows: Rows, settings: AttackSettings, kept: Path) -> dict[str, float]:
        """Attack one language's rows, keep what became of each, and return the measures; what `kept` holds is not attacked again."""
        # Which lexicons were given is known by what they hold: files change.
        words = [hashlib.sha256(repr(sorted(each.entries.items())).encode()).hexdigest() for each in settings.lexicons]
        protocol = protocol_words(self.config.eval, self.target, self.circuit)
        key = self._key(rows, protocol, {**asdict(replace(settings, lexicons=())), "lexicons": words})
        held = kept.with_suffix(".json")
        originals: list[Labelled] = list(rows)  # type: ignore[arg-type]  # `plan_robust` refuses other kinds
        found: list[Attacked] = []
        if kept.exists() and held.exists() and json.loads(held.read_text(encoding="utf-8")).get("key") == key:
            lines = kept.read_text(encoding="utf-8").splitlines()
            found = [_from_record(json.loads(line), rows.task.kind) for line in lines]
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
                on_round=_telling(self._report, what, before, len(originals)),
            )
            records = (_record(each, row) for each, row in zip(found, originals, strict=False))
            replace_text(kept, "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in records))
        return attack_measures(found, originals, rows.task.kind)

    def _key(self, rows: Rows, protocol: str, *more: Any) -> str:
        # The protocol names this condition's noise, the identity everything else that can move an answer.
        own = identity(self.circuit.backbone, self.cards, self.config, self.target.name)
        text = json.dumps([rows.fingerprint, protocol, own, *more], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _telling(report: Report, what: str, before: int, total: int) -> Callable[[int, int], None]:
    return lambda done, _: report(Progress(what, before + done, total))


def _record(each: Attacked, original: Labelled) -> dict[str, Any]:
    return {**asdict(each), "original": asdict(original)}


def _from_record(record: dict[str, Any], kind: Kind) -> Attacked:
    row = {name: tuple(value) if isinstance(value, list) else value for name, value in record["row"].items()}
    rest = {name: value for name, value in record.items() if name not in ("row", "original")}
    return Attacked(row=ROW_TYPES[kind](**row), **rest)
