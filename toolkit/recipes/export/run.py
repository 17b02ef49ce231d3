"""Export a composition as files that answer without the toolkit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.composition import parse
from toolkit.errors import ToolkitError, unwritable
from toolkit.files import folder_beside
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.traced import Traced, trace, weight_bytes
from toolkit.progress import under_way
from toolkit.recipes.export.compared import TOLERANCE, Compared, compare_rows, expected, largest_difference, probes
from toolkit.recipes.export.model_file import open_model, write_model
from toolkit.recipes.export.plan import (
    MODEL,
    Exporting,
    Form,
    Reading,
    computing,
    plan_export,
    settings_of,
    task_of,
)
from toolkit.recipes.export.write import described, write_rest, write_tokenizer
from toolkit.recipes.score.encoding import readings
from toolkit.recipes.score.own_pooling import as_trained
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.home import named
from toolkit.recipes.session.session import Session
from toolkit.results.result import Record, Result
from toolkit.space import Need, require_space
from toolkit.tasks.kinds import EXPORTED, RETRIEVED
from toolkit.zoo import AdapterCard


@dataclass(frozen=True, kw_only=True)
class Exported(Result):
    """Result of an export.

    Attributes:
        folder: holds the model, `run.py`, `tokenizer.json`, `config.json` and `README.md`.
        digests: SHA-256 of each file but the page.
        difference: the largest of the model's outputs from the circuit's, in fp32.
        compared: on a task's rows; None: none were given.
    """

    folder: Path
    digests: Mapping[str, str]
    difference: float
    compared: Compared | None = None

    def records(self) -> list[Record]:
        """Return one row for each file."""
        return [
            {"file": name, "bytes": (self.folder / name).stat().st_size, "sha256": digest}
            for name, digest in self.digests.items()
        ]


@dataclass(frozen=True)
class Options:
    """What may be asked for besides the composition.

    Attributes:
        form: `onnx` or `torch`.
        int8: hold weights in int8.
        vectors: give vectors of texts instead of the head's answers.
        language: that a composition which follows its rows is exported for.
        task: whose rows are answered by the circuit and the model; None: none.
        languages: of these rows.
        lock: a lock file.
    """

    form: Form = "onnx"
    int8: bool = False
    vectors: bool = False
    language: str | None = None
    task: str | None = None
    languages: str | Sequence[str] = "all"
    lock: Path | None = None


def export(expression: str, session: Session, folder: Path, options: Options) -> Exported:
    """Write a trained composition as a model, its tokenizer, and a program that answers rows with these alone.

    Raises:
        ToolkitError: the composition is not trained, the folder holds something, or the extra is not installed.
    """
    asked = plan_export(
        parse(expression), session.config, form=options.form, int8=options.int8, vectors=options.vectors
    )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ToolkitError(f"{folder} holds something already; name a new folder.")
    session = session.with_config(computing(session.config))
    circuit, cards, asked = _wired(asked, session, options)
    try:
        with circuit, folder_beside(folder.absolute()) as beside:
            found = _write(circuit, cards, asked, session, beside, options)
            if folder.exists():
                folder.rmdir()
            os.rename(beside, folder)
    except OSError as fault:
        raise unwritable(folder, fault) from None
    return _result(folder, asked, *found)


def _wired(asked: Exporting, session: Session, options: Options) -> tuple[Circuit, dict[str, AdapterCard], Exporting]:
    """Return the circuit in the language that it is exported for, its cards, and what is exported."""
    composition, languages = asked.composition, list[str]()
    if options.language is not None or composition.follows_rows:
        languages = [named(composition, options.language)]
    heads: Mapping[str, HeadSpec] | None = {} if asked.is_vectors else None
    circuit, cards = trained_circuit(str(composition), session, heads=heads, lock=options.lock, languages=languages)
    try:
        _require_exported(circuit, asked)
        if composition.follows_rows:
            asked = replace(asked, language=languages[0], language_adapter=circuit.turn_to(languages[0]))
    except BaseException:
        circuit.close()
        raise
    return circuit, cards, asked


def _require_exported(circuit: Circuit, asked: Exporting) -> None:
    """Raise where the head is one that a file cannot answer with."""
    if not asked.is_vectors and circuit.spec.kind not in EXPORTED:
        raise ToolkitError(
            f"The head of '{circuit.composition}' guesses pieces of a vocabulary of {circuit.backbone.n_pieces:,}, which is not exported; "
            "`--vectors` exports what it makes of texts, and `xstilts predict` fills masks."
        )


def _reading(
    circuit: Circuit, cards: Mapping[str, AdapterCard], asked: Exporting, session: Session, named: str | None
) -> Reading:
    backbone, most = circuit.backbone, circuit.backbone.max_tokens
    task = None if asked.is_vectors and named is None else task_of(asked.composition, session, named)
    kind = RETRIEVED[-1] if asked.is_vectors else circuit.spec.kind
    if kind not in RETRIEVED:
        return Reading(kind, circuit.spec.labels, task, None, "mean", most)
    settings = as_trained(session.config.retrieve, cards, backbone.n_layers, session.say)
    first = readings(settings, backbone.n_layers, backbone.name)[0]
    return Reading(kind, (), task, first.layer, first.protocol.pooling, most)


def _write(
    circuit: Circuit,
    cards: Mapping[str, AdapterCard],
    asked: Exporting,
    session: Session,
    folder: Path,
    options: Options,
) -> tuple[dict[str, str], float, Compared | None, list[str]]:
    """Write all files into a folder; return their digests, the largest difference, the comparison, and what to say."""
    reading = _reading(circuit, cards, asked, session, options.task)
    settings = settings_of(reading, session.config)
    traced = Traced(circuit, reading.kind, layer=reading.layer, pooling=reading.pooling)
    given = probes(reading.kind, circuit.encoder.config.vocab_size, reading.max_tokens)
    wanted = expected(traced, given)
    with under_way(session.report, "trace"):
        program = trace(traced, in_bf16=asked.weights == "bf16")
    size = weight_bytes(program)
    require_space([Need("the model", folder, size // (2 if asked.weights == "int8" else 1), 0)])
    with under_way(session.report, f"write {MODEL[asked.form]}"):
        write_model(program, reading.kind, folder, form=asked.form, int8=asked.weights == "int8")
        del program
    answer = open_model(folder, reading.kind, asked.form)
    difference = largest_difference(answer, given, wanted)
    if asked.weights == "fp32" and not difference <= TOLERANCE:
        raise RuntimeError(f"the exported model differs by {difference} from the circuit, more than {TOLERANCE}")
    compared = None
    if options.task is not None:
        compared = compare_rows(circuit, answer, session.catalogue.get(options.task), session, options.languages)
    sentences = _sentences(asked, difference, compared)
    about: dict[str, Any] = {
        **described(asked, reading, circuit.backbone, cards),
        **write_tokenizer(circuit.backbone, folder, reading.kind, settings),
        **settings,
        "largest_difference": difference,
        "measured": None if compared is None else vars(compared),
    }
    return write_rest(folder, about, asked, reading, sentences=sentences), difference, compared, sentences


def _sentences(asked: Exporting, difference: float, compared: Compared | None) -> list[str]:
    what = "vectors" if asked.is_vectors else "logits"
    found = [
        f"The largest difference of its {what} from the circuit's in fp32, on sequences of random tokens, is {difference:.1e}."
    ]
    if compared is not None:
        return [*found, compared.words()]
    if asked.weights != "fp32":
        found.append(
            f"What weights in {asked.weights} cost in score was not measured; --task TASK measures it on a task's rows."
        )
    return found


def _result(
    folder: Path,
    asked: Exporting,
    digests: Mapping[str, str],
    difference: float,
    compared: Compared | None,
    said: Sequence[str],
) -> Exported:
    sizes = [(path.name, path.stat().st_size) for path in sorted(folder.iterdir())]
    width = max(len(name) for name, _ in sizes)
    lines = [f"{name.ljust(width)}  {size / 2**20:10,.2f} MiB" for name, size in sizes]
    text = "\n".join([*lines, *said])
    return Exported(text=text, folder=folder, digests=digests, difference=difference, compared=compared)
