"""Mine two corpora for pairs of translations: a task's against its gold, or a user's two files."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.config import RetrieveConfig
from toolkit.embeddings import Vectors
from toolkit.errors import DataError, ToolkitError
from toolkit.files import replace_text
from toolkit.metrics import weighted_f1
from toolkit.progress import Report, Say
from toolkit.recipes.score.encoding import Encoder, Reading, readings
from toolkit.recipes.score.own_pooling import as_trained
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.noise import noisy
from toolkit.recipes.session.session import Session
from toolkit.report import precision_recall_curve
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.retrieval import Index, Mined, Protocol, SearchSettings, Side, mine, quality, sweep
from toolkit.tasks import SentenceRow
from toolkit.tasks.sources.corpora import read_lines
from toolkit.tasks.task import Rows

Encoded = dict[tuple[int, str], Vectors]


@dataclass(frozen=True)
class Corpora:
    """Two corpora with their vectors; each distinct text is encoded once.

    Attributes:
        lines: ids and texts of the source side, and of the target side.
        places: each text's row in the vectors of its side.
        vectors: of either side, by layer and pooling.
        gold: the right pairs of ids.
    """

    lines: tuple[dict[str, str], dict[str, str]]
    places: tuple[dict[str, int], dict[str, int]]
    vectors: tuple[Encoded, Encoded]
    gold: frozenset[tuple[str, str]]

    @classmethod
    def encoded(
        cls, lines: tuple[dict[str, str], dict[str, str]], gold: frozenset[tuple[str, str]], encoder: Encoder, what: str
    ) -> Corpora:
        places: list[dict[str, int]] = []
        vectors: list[Encoded] = []
        for side, noun in zip(lines, ("source", "target"), strict=True):
            # In the texts' own order: how lines are ordered in a file then changes not even the rounding.
            texts = sorted(set(side.values()))
            places.append({text: at for at, text in enumerate(texts)})
            vectors.append(encoder(texts, f"{what}: {noun}"))
        return cls(lines, (places[0], places[1]), (vectors[0], vectors[1]), gold)

    def mined(self, reading: Reading, settings: RetrieveConfig, report: Report) -> Mined:
        """Return the candidates of a reading."""
        protocol = reading.protocol
        source, target = (
            Side.of(list(each), list(each.values()), duplicates=protocol.duplicates) for each in self.lines
        )
        x, y = (
            vectors[reading.wanted].take([places[text] for text in side.texts])
            for side, places, vectors in zip((source, target), self.places, self.vectors, strict=True)
        )
        return mine(
            source,
            target,
            x,
            y,
            protocol=protocol,
            settings=SearchSettings(settings.index, settings.memory, settings.threads),
            report=report,
        )

    def gold_search(self, reading: Reading) -> dict[str, float]:
        """Return the weighted F1 of 1-best by cosine among the sentences of the gold pairs."""
        pairs = sorted(self.gold)
        # One row for each sentence, so that a sentence with two translations is one class.
        targets = sorted({target for _, target in pairs})
        x, y = (
            vectors[reading.wanted][[places[lines[id]] for id in ids]]
            for ids, lines, places, vectors in zip(
                ([source for source, _ in pairs], targets), self.lines, self.places, self.vectors, strict=True
            )
        )
        index = Index(x.shape[1])
        index.add(y)
        _, found = index.search(x, k=1)
        rows = {target: row for row, target in enumerate(targets)}
        return weighted_f1(found[:, 0], np.array([rows[target] for _, target in pairs]))


def score_mining(
    rows: Rows,
    asked: Sequence[Reading],
    encoder: Encoder,
    session: Session,
    folder: Path,
    answers: Path,
) -> tuple[list[tuple[Reading, Score]], list[str]]:
    """Score every reading of one language's corpora, and write predictions, candidates and the curve.

    Args:
        rows: all lines of both corpora; `retrieve.limit` is applied to either side here.

    Returns:
        The scores, and the files written, relative to `folder`.
    """
    config, say, report = session.config, session.say, session.report
    task, language = rows.task, rows.language
    scored_on = _corpora(rows, config.retrieve.limit, encoder)
    dev_rows = None
    if any(reading.protocol.threshold == "dev" and reading.protocol.corpus == "whole" for reading in asked):
        # With the noise of the rows that are scored: noise lowers all margins, and a threshold of clean rows would then measure itself.
        dev_rows = noisy(task.rows("dev", language, data_root=config.data_root), task, language, config)
    is_same = dev_rows is not None and dev_rows.origin == rows.origin and dev_rows.split == rows.split
    dev = _corpora(dev_rows, config.retrieve.limit, encoder) if dev_rows is not None and not is_same else None
    if is_same:
        say(
            f"{task.name} {language}: '{rows.split}' is the only split, so that its threshold is chosen on the gold that is "
            "scored (oracle)."
        )
    scored: list[tuple[Reading, Score]] = []
    files: list[str] = []
    for reading in asked:
        protocol = reading.protocol
        if protocol.corpus == "gold":
            measures, source, searched = scored_on.gold_search(reading), "", "index=Flat"
        else:
            found = scored_on.mined(reading, config.retrieve, report)
            curve = sweep(found, scored_on.gold)
            threshold, source = _threshold(protocol, curve.best, dev, reading, config.retrieve, report)
            kept, searched = found.above(threshold), found.searched
            measures = quality(kept, scored_on.gold)
            say(
                f"{task.name} {language}: threshold {threshold:.4f} ({source}) keeps {len(kept)} of {len(found.pairs)}; {searched}."
            )
            name = f"{reading.folder}/{language}-en.{rows.split}"
            _write(folder / name, found, kept, threshold, source, measures)
            place = answers / (reading.folder if len(asked) > 1 else "") / f"{task.name}.{language}.jsonl"
            write_predictions(_predictions(kept, scored_on.gold), place)
            precision_recall_curve(
                {f"{language}-en": (list(curve.recall), list(curve.precision))},
                folder / f"{name}.curve.png",
                title=f"{encoder.circuit.composition} on {task.name} {rows.split}\n{reading.head()}",
                chosen={f"{language}-en": (measures["recall"], measures["precision"])},
            )
            files += [f"{name}.{end}" for end in ("predictions.tsv", "candidates.tsv", "threshold.json", "curve.png")]
        limit = f" limit={config.retrieve.limit}" if config.retrieve.limit else ""
        words = f"{reading.head()} {protocol.for_mining(source)} {searched} {encoder.tail()}{limit}"
        own = Score.of(rows, measures, len(scored_on.gold), encoder.system(words, config))
        scored += [(reading, score) for score in own]
    return scored, files


def mine_files(
    source: Path,
    target: Path,
    out: Path,
    session: Session,
    *,
    expression: str = "backbone",
) -> int:
    """Mine two text files, a sentence a line, and write `score, source line, target line, source, target`, best first.

    Lines count from 1. Without a threshold every candidate is written. Empty lines are left out and counted aloud.

    Returns:
        How many pairs were written.
    """
    config, say, report = session.config, session.say, session.report
    sides = [_sentences(file, say) for file in (source, target)]
    circuit, cards = trained_circuit(expression, session, heads={})
    with circuit:
        settings = as_trained(config.retrieve, cards, circuit.backbone.n_layers, say)
        asked = readings(settings, circuit.backbone.n_layers, circuit.backbone.name)
        protocol = asked[0].protocol
        if len(asked) > 1 or protocol.corpus == "gold":
            raise ToolkitError(
                f"The protocol '{config.retrieve.protocol}' mines no pairs; choose one of jiant, xtreme, laser and st."
            )
        if isinstance(config.retrieve.threshold, str):
            raise ToolkitError(
                f"The threshold '{config.retrieve.threshold}' is chosen on gold pairs, which two text files lack; give a "
                "number, or none to keep every candidate."
            )
        encoder = Encoder(circuit, session, asked)
        threshold = config.retrieve.threshold
        words = protocol.for_mining("none" if threshold is None else str(threshold))
        say(f"{expression} on {source} and {target}: {asked[0].head()} {words} {encoder.tail()}")
        corpora = Corpora.encoded((sides[0], sides[1]), frozenset(), encoder, "lines")
        found = corpora.mined(asked[0], config.retrieve, report)
    say(f"Searched with {found.searched}.")
    kept = found.pairs if threshold is None else found.above(threshold)
    replace_text(
        out,
        "".join(
            f"{score:.6f}\t{int(a)}\t{int(b)}\t{sides[0][a]}\t{sides[1][b]}\n"
            for (a, b), score in zip(kept, found.scores.tolist(), strict=False)
        ),
    )
    return len(kept)


def _sentences(file: Path, say: Say) -> dict[str, str]:
    # Numbers of equal length, so that their order as texts is their order as numbers.
    lines = read_lines(file)
    found = {f"{number:012d}": line for number, line in enumerate(lines, 1) if line}
    if len(found) < len(lines):
        say(f"{file}: {len(lines) - len(found)} empty lines were left out.")
    for number, line in found.items():
        if "\t" in line:
            raise DataError(
                f"{file}, line {int(number)} holds a tab, which parts the columns of the output; remove it."
            )
    return found


def _corpora(rows: Rows, limit: int | None, encoder: Encoder) -> Corpora:
    lines: tuple[dict[str, str], dict[str, str]] = ({}, {})
    translations: list[tuple[str, str]] = []
    for row in rows:
        if isinstance(row, SentenceRow):
            side = lines[row.side == "target"]
            if limit is None or len(side) < limit:
                side[row.id] = row.text
                translations += [(row.id, other) for other in row.translations]
    gold = frozenset(pair for pair in translations if pair[1] in lines[1])
    if not gold:
        raise DataError(
            f"{rows.origin}: no gold pair lies within the first {limit} lines; expected at least one: raise retrieve.limit."
            if limit
            else f"{rows.origin}: there is no gold pair; expected at least one."
        )
    return Corpora.encoded(lines, gold, encoder, f"{rows.task.name} {rows.language} {rows.split}")


def _threshold(
    protocol: Protocol,
    oracle: float,
    dev: Corpora | None,
    reading: Reading,
    settings: RetrieveConfig,
    report: Report,
) -> tuple[float, str]:
    """Return the threshold and where it came from in the end."""
    if not isinstance(protocol.threshold, str):
        return float(protocol.threshold), f"{protocol.threshold}"
    if protocol.threshold == "oracle" or dev is None:
        return oracle, "oracle"
    return sweep(dev.mined(reading, settings, report), dev.gold).best, "dev"


def _predictions(kept: Sequence[tuple[str, str]], gold: Collection[tuple[str, str]]) -> list[Prediction]:
    """Return what was mined for each source sentence that has a pair, mined or right; all others count nothing."""
    mined: dict[str, set[str]] = {}
    right: dict[str, set[str]] = {}
    for pairs, by_source in ((kept, mined), (gold, right)):
        for source, target in pairs:
            by_source.setdefault(source, set()).add(target)
    found = []
    for source in sorted(mined.keys() | right.keys()):
        ours, theirs = mined.get(source, set()), right.get(source, set())
        tp = len(ours & theirs)
        counts = {"tp": float(tp), "fp": float(len(ours) - tp), "fn": float(len(theirs) - tp)}
        outcome = 2 * tp / (len(ours) + len(theirs))
        found.append(Prediction(source, sorted(theirs), sorted(ours), outcome, counts))
    return found


def _write(
    stem: Path,
    found: Mined,
    kept: Sequence[tuple[str, str]],
    threshold: float,
    source: str,
    measures: dict[str, float],
) -> None:
    """Write the pairs as the shared task does, `id<TAB>id`, the candidates with their score, and the threshold."""
    predictions = "".join(f"{a}\t{b}\n" for a, b in kept)
    candidates = "".join(
        f"{a}\t{b}\t{score:.9g}\n" for (a, b), score in zip(found.pairs, found.scores.tolist(), strict=True)
    )
    # JSON knows no infinity: null says that no cut keeps a right pair.
    facts = {
        "threshold": threshold if np.isfinite(threshold) else None,
        "source": source,
        "kept": len(kept),
        "searched": found.searched,
        **measures,
    }
    replace_text(stem.with_name(f"{stem.name}.predictions.tsv"), predictions)
    replace_text(stem.with_name(f"{stem.name}.candidates.tsv"), candidates)
    replace_text(stem.with_name(f"{stem.name}.threshold.json"), json.dumps(facts, indent=1) + "\n")
