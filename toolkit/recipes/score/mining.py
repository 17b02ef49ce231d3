"""Mine two corpora for pairs of translations: a task's against its gold, or a user's two files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from toolkit.files import replace_lines, replace_text
from toolkit.metrics.mining import quality
from toolkit.nameless import let_go
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
from toolkit.retrieval import Mined, Pairs, SearchSettings
from toolkit.retrieval.held import gathered, parts
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
    curve = corpora.curve(found)
    threshold, source = _threshold(curve.best, dev, reading, settings, report)
    kept = found.above(threshold)
    measures = quality(corpora.gold.n_among(kept), len(kept), len(corpora.gold))
    asked.session.say(
        f"{task.name} {language}: threshold {threshold:.4f} ({source}) keeps {len(kept)} of {len(found.pairs)}; {found.searched}."
    )
    name = f"{reading.folder}/{language}-en.{rows.split}"
    _write(asked.folder / name, corpora, found, kept, threshold, source, measures)
    write_predictions(_predictions(kept, corpora), asked.predictions_file(rows, reading))
    precision_recall_curve(
        {f"{language}-en": curve.drawn()},
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
    return dev.curve(dev.mined(reading, settings, report)).best, "dev"


def _predictions(kept: Pairs, corpora: Corpora) -> Iterator[Prediction]:
    """Yield what was mined for each source sentence that has a pair, mined or right; all others count nothing."""
    sources, targets = (side.ids for side in corpora.sides)
    mined = ((source, target, True) for source, target in _by_source(kept, len(sources)))
    right = ((source, target, False) for source, target in corpora.gold.pairs())
    for source, pairs in groupby(merge(mined, right), key=itemgetter(0)):
        lines: tuple[list[int], list[int]] = ([], [])
        for _, target, is_mined in pairs:
            lines[is_mined].append(target)
        theirs, ours = lines
        tp = len({*ours} & {*theirs})
        counts = {"tp": float(tp), "fp": float(len(ours) - tp), "fn": float(len(theirs) - tp)}
        right_ids, found_ids = ([targets[line] for line in each] for each in lines)  # sorted, as lines are
        yield Prediction(sources[source], right_ids, found_ids, 2 * tp / (len(ours) + len(theirs)), counts)


def _by_source(pairs: Pairs, n_sources: int) -> Iterator[tuple[int, int]]:
    """Yield source and target of each pair, by source and then by target."""
    for _, rows in gathered(pairs.sources, n_sources):
        order = rows[np.lexsort((pairs.targets[rows], pairs.sources[rows]))]
        for part in parts(len(order)):
            own = order[part]
            yield from zip(pairs.sources[own].tolist(), pairs.targets[own].tolist(), strict=True)
        let_go(pairs.sources, pairs.targets)


def _write(
    stem: Path,
    corpora: Corpora,
    found: Mined,
    kept: Pairs,
    threshold: float,
    source: str,
    measures: dict[str, float],
) -> None:
    """Write the pairs as the shared task does, `id<TAB>id`, the candidates with their score, and the threshold."""
    predictions = (f"{a}\t{b}\n" for a, b, _ in corpora.named(kept))
    candidates = (f"{a}\t{b}\t{score:.9g}\n" for a, b, score in corpora.named(found.pairs))
    # JSON knows no infinity: null says that no cut keeps a right pair.
    facts = {
        "threshold": threshold if np.isfinite(threshold) else None,
        "source": source,
        "kept": len(kept),
        "searched": found.searched,
        **measures,
    }
    replace_lines(stem.with_name(f"{stem.name}.predictions.tsv"), predictions)
    replace_lines(stem.with_name(f"{stem.name}.candidates.tsv"), candidates)
    replace_text(stem.with_name(f"{stem.name}.threshold.json"), json.dumps(facts, indent=1) + "\n")
