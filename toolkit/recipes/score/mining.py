"""Mine two corpora for pairs of translations: a task's against its gold, or a user's two files."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.files import replace_text
from toolkit.metrics.mining import quality
from toolkit.progress import Report
from toolkit.recipes.score.corpora import Corpora, corpora_of
from toolkit.recipes.score.encoding import Encoder, Reading
from toolkit.recipes.score.search_workers import search_settings
from toolkit.recipes.score.searched import Found, Scores, Search
from toolkit.recipes.session.limits import limited_rows
from toolkit.recipes.session.noise import noisy
from toolkit.report import precision_recall_curve
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.retrieval import Mined, SearchSettings, sweep
from toolkit.tasks.task import Rows


def mine_corpora(asked: Search) -> Found:
    """Mine the corpora of every language, and score every reading against their gold."""
    encoder = Encoder(asked.circuit, asked.session, asked.readings)
    for reading in asked.readings:
        asked.announce(
            f"{reading.head()} {reading.protocol.for_mining(str(reading.protocol.threshold))} {encoder.tail()}"
        )
    found = Found()
    for rows in asked.rows():
        _score(rows, encoder, asked, found)
    return found


@dataclass(frozen=True)
class _Kept:
    """Pairs that a reading keeps of the candidates of one language: their quality, and how they were found."""

    measures: dict[str, float]
    source: str
    searched: str


def _score(rows: Rows, encoder: Encoder, asked: Search, found: Found) -> None:
    """Score every reading of one language's corpora, and write predictions, candidates and the curve."""
    config = asked.session.config
    corpora = corpora_of(rows, encoder)
    dev = _dev_corpora(rows, encoder, asked)
    scored: Scores = []
    for reading in asked.readings:
        if reading.protocol.corpus == "gold":
            kept = _Kept(corpora.gold_search(reading), "", "index=Flat")
        else:
            kept = _kept(rows, reading, corpora, dev, asked)
        words = f"{reading.head()} {reading.protocol.for_mining(kept.source)} {kept.searched} {encoder.tail()}"
        own = Score.of(rows, kept.measures, len(corpora.gold), encoder.system(words, config, rows.language, "en"))
        scored += [(reading, score) for score in own]
    found.add(rows, scored)


def _dev_corpora(rows: Rows, encoder: Encoder, asked: Search) -> Corpora | None:
    """Return the corpora that a threshold is chosen on; None where no reading asks, or the scored ones are all there is."""
    task, language, config = rows.task, rows.language, asked.session.config
    if not any(one.protocol.threshold == "dev" and one.protocol.corpus == "whole" for one in asked.readings):
        return None
    # With the noise of the rows that are scored: noise lowers all margins, and a threshold of clean rows would then measure itself.
    dev = noisy(limited_rows(task, "dev", language, config), task, language, asked.session)
    if dev.origin == rows.origin and dev.split == rows.split:
        asked.session.say(
            f"{task.name} {language}: '{rows.split}' is the only split, so that its threshold is chosen on the gold that is "
            "scored (oracle)."
        )
        return None
    return corpora_of(dev, encoder)


def _kept(rows: Rows, reading: Reading, corpora: Corpora, dev: Corpora | None, asked: Search) -> _Kept:
    """Mine, cut at the threshold, and write what was found."""
    settings, report = search_settings(asked.session.config.retrieve, asked.session), asked.session.report
    task, language = rows.task, rows.language
    found = corpora.mined(reading, settings, report)
    curve = sweep(found, corpora.gold)
    threshold, source = _threshold(curve.best, dev, reading, settings, report)
    kept = found.above(threshold)
    measures = quality(kept, corpora.gold)
    asked.session.say(
        f"{task.name} {language}: threshold {threshold:.4f} ({source}) keeps {len(kept)} of {len(found.pairs)}; {found.searched}."
    )
    name = f"{reading.folder}/{language}-en.{rows.split}"
    _write(asked.folder / name, found, kept, threshold, source, measures)
    write_predictions(_predictions(kept, corpora.gold), asked.predictions_file(rows, reading))
    precision_recall_curve(
        {f"{language}-en": (list(curve.recall), list(curve.precision))},
        asked.folder / f"{name}.curve.png",
        title=f"{asked.circuit.composition} on {task.name} {rows.split}\n{reading.head()}",
        chosen={f"{language}-en": (measures["recall"], measures["precision"])},
    )
    return _Kept(measures, source, found.searched)


def _threshold(
    oracle: float,
    dev: Corpora | None,
    reading: Reading,
    settings: SearchSettings,
    report: Report,
) -> tuple[float, str]:
    """Return the threshold and where it came from in the end."""
    protocol = reading.protocol
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
