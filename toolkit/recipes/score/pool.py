"""Queries in each language search one pool of candidates in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toolkit.embeddings import Vectors
from toolkit.files import replace_text
from toolkit.metrics import TOP, ranked
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.score.encoding import Encoder, Reading
from toolkit.recipes.session.session import Session
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.retrieval import SearchSettings, search
from toolkit.tasks import Pool, QueryRow, Rows, Task

Encoded = dict[tuple[int, str], Vectors]


@dataclass(frozen=True)
class _Asked:
    """The queries of one language, their vectors, and their right candidates as pairs (`Pool.right`)."""

    language: str
    rows: Rows
    ids: list[str]
    vectors: Encoded
    right: tuple[list[int], list[int]]


def score_pool(
    task: Task,
    rows_by_language: Mapping[str, Rows],
    asked: Sequence[Reading],
    circuit: Circuit,
    session: Session,
    folder: Path,
    answers: Path,
) -> tuple[list[tuple[Reading, Score]], list[str]]:
    """Score every reading of each language's queries against the whole pool, and write what each query found.

    Every distinct text is encoded once, the pool once for all languages. The pool is that of all languages which can be
    reached, whatever languages the queries are in, so that one language's score does not depend on which others are asked for.

    Returns:
        The scores, mean average precision before mean reciprocal rank, and the files written, relative to `folder`.
    """
    config = session.config
    pool = task.pool("score", data_root=config.data_root)
    limits = tuple(
        config.retrieve.max_length if own is None else min(own, config.retrieve.max_length)
        for own in (task.query_tokens, task.passage_tokens)
    )
    query_encoder, passage_encoder = (
        Encoder(
            circuit, session.with_config(replace(config, retrieve=replace(config.retrieve, max_length=limit))), asked
        )
        for limit in limits
    )
    # Gold that the pool lacks must not be found out after an hour of encoding.
    right = {language: pool.right(own, f"{task.name} {language}") for language, own in rows_by_language.items()}
    pooled = f"pool={len(pool)}:{'+'.join(pool.languages)}"
    tail = passage_encoder.tail().replace("max_length=", f"max_length={query_encoder.max_length}/", 1)
    for reading in asked:
        session.say(f"{circuit.composition} on {task.name}: {reading.head()} {pooled} {tail}")
    candidates = passage_encoder([row.text for row in pool.rows], f"{task.name}: {len(pool):,} candidates")
    queries = []
    for language, own in rows_by_language.items():
        held = [row for row in own if isinstance(row, QueryRow)]
        asking = query_encoder([row.query for row in held], f"{task.name}: {language}")
        queries.append(_Asked(language, own, [row.id for row in held], asking, right[language]))
    scored: list[tuple[Reading, Score]] = []
    files: list[str] = []
    ends = np.cumsum([len(one.ids) for one in queries])[:-1]
    for reading in asked:
        # The queries of all languages in one search: an index over a million candidates is built once.
        every = search(
            np.concatenate([np.asarray(one.vectors[reading.wanted]) for one in queries]),
            candidates[reading.wanted],
            min(TOP, len(pool)),
            both=False,
            settings=SearchSettings(config.retrieve.index, config.retrieve.memory, config.retrieve.threads),
            report=session.report,
        )
        near_by, rows = (np.split(each, ends) for each in (every.forward.scores, every.forward.rows))
        for one, found, near in zip(queries, rows, near_by, strict=True):
            average, reciprocal = ranked(found, *one.right)
            measures = {f"map_at_{TOP}": float(average.mean()), f"mrr_at_{TOP}": float(reciprocal.mean())}
            place = answers / (reading.folder if len(asked) > 1 else "") / f"{task.name}.{one.language}.jsonl"
            write_predictions(_predictions(one, pool, found, average, reciprocal), place)
            name = f"{reading.folder}/{one.language}.{one.rows.split}.top{TOP}.tsv"
            _write(folder / name, one, pool, found, near)
            files.append(name)
            system = passage_encoder.system(f"{reading.head()} {pooled} {every.words} {tail}", config)
            fingerprint = pooled_fingerprint(one.rows.fingerprint, pool)
            values = Score.of(one.rows, measures, len(one.ids), system, fingerprint=fingerprint)
            scored += [(reading, score) for score in values]
    return scored, files


def pooled_fingerprint(queries: str, pool: Pool) -> str:
    """Return the fingerprint of queries together with the pool that they search."""
    return f"{queries[:8]}{pool.fingerprint[:8]}"


def _predictions(
    asked: _Asked, pool: Pool, found: np.ndarray, average: np.ndarray, reciprocal: np.ndarray
) -> list[Prediction]:
    """Return what each query found first, and what its ranking is worth."""
    right: dict[int, list[str]] = {}
    for query, row in zip(*asked.right, strict=True):
        right.setdefault(query, []).append(pool.rows[row].id)
    return [
        Prediction(
            id,
            right[number],
            pool.rows[first].id if first >= 0 else "",
            float(average[number]),
            {f"map_at_{TOP}": float(average[number]), f"mrr_at_{TOP}": float(reciprocal[number])},
        )
        for number, (id, first) in enumerate(zip(asked.ids, found[:, 0].tolist(), strict=True))
    ]


def _write(file: Path, asked: _Asked, pool: Pool, found: np.ndarray, closeness: np.ndarray) -> None:
    """Write a line for each candidate found: query, rank from 1, candidate, cosine, and whether it is right."""
    right = set(zip(*asked.right, strict=True))
    lines = ["query\trank\tcandidate\tcosine\tis_right\n"]
    for number, (id, rows, scores) in enumerate(zip(asked.ids, found.tolist(), closeness.tolist(), strict=True)):
        for rank, (row, score) in enumerate(zip(rows, scores, strict=True), 1):
            if row >= 0:  # an approximate index may find fewer
                lines.append(f"{id}\t{rank}\t{pool.rows[row].id}\t{score:.6f}\t{int((number, row) in right)}\n")
    replace_text(file, "".join(lines))
