"""Queries in each language search one pool of candidates in all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toolkit.config import RetrieveConfig
from toolkit.embeddings import Vectors
from toolkit.files import replace_text
from toolkit.metrics import TOP, ranked
from toolkit.recipes.score.encoding import Encoder, Reading
from toolkit.recipes.score.search_workers import search_settings
from toolkit.recipes.score.searched import Found, Search
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.retrieval import search
from toolkit.tasks import Pool, QueryRow, Rows
from toolkit.tasks.lacking import left_out

Encoded = Mapping[tuple[int, str], Vectors | np.ndarray]


@dataclass(frozen=True)
class _Queries:
    """The queries of one language, their vectors, and their right candidates as pairs (`Pool.right`)."""

    rows: Rows
    ids: list[str]
    vectors: Encoded
    right: tuple[list[int], list[int]]


@dataclass(frozen=True)
class _Encoded:
    """A pool and the queries to it, as vectors.

    Attributes:
        pool: the candidates.
        candidates: their vectors.
        queries: of each language.
        encoder: of the candidates.
        tail: the last words of every protocol.
        whole: number of candidates that the pool was drawn from.
    """

    pool: Pool
    candidates: Encoded
    queries: list[_Queries]
    encoder: Encoder
    tail: str
    whole: int

    @property
    def words(self) -> str:
        """Words of a protocol that say what the pool is."""
        drawn = "" if len(self.pool) == self.whole else f"/{self.whole}"
        return f"pool={len(self.pool)}{drawn}:{'+'.join(self.pool.languages)}"


def search_pool(asked: Search) -> Found:
    """Score every reading of each language's queries against the pool, and write what each query found.

    Every distinct text is encoded once, the pool once for all languages. The pool is that of all languages which can be
    reached, whatever languages the queries are in, so that one language's score does not depend on which others are asked
    for. Mean average precision comes before mean reciprocal rank.
    """
    encoded = _encoded(asked)
    found = Found(rows=[one.rows for one in encoded.queries])
    for reading in asked.readings:
        _score(reading, encoded, asked, found)
    return found


def _encoded(asked: Search) -> _Encoded:
    task, config = asked.target, asked.session.config
    pool = task.pool("score", data_root=config.data_root)
    if missing := [code for code in task.languages if code not in pool.languages]:
        asked.session.say(f"The pool of {left_out(task, missing)}")
    every, whole = list(asked.rows()), len(pool)
    pool = searched_pool(pool, every, config.retrieve)
    _say_what_is_searched(asked, len(pool), whole)
    queries, passages = (_encoder(asked, own) for own in (task.query_tokens, task.passage_tokens))
    # Gold that the pool lacks must not be found out after an hour of encoding.
    right = [(rows, pool.right(rows, f"{task.name} {rows.language}")) for rows in every]
    tail = passages.tail().replace("max_length=", f"max_length={queries.max_length}/", 1)
    encoded = _Encoded(pool, {}, [], passages, tail, whole)
    for reading in asked.readings:
        asked.announce(f"{reading.head()} {encoded.words} {tail}")
    spoken = [row.language for row in pool.rows]
    candidates = passages.by_language([row.text for row in pool.rows], spoken, f"{task.name}: {len(pool):,} candidates")
    held: list[_Queries] = []
    if asked.session.staff is not None:
        asked_for = [{row.query for row in rows if isinstance(row, QueryRow)} for rows in every]
        queries.ahead([sorted(texts) for texts in asked_for], f"{task.name}: queries")
    for rows, pairs in right:
        own = [row for row in rows if isinstance(row, QueryRow)]
        queries.turn_to(rows.language)
        vectors = queries([row.query for row in own], f"{task.name}: {rows.language}")
        held.append(_Queries(rows, [row.id for row in own], vectors, pairs))
    return replace(encoded, candidates=candidates, queries=held)


def searched_pool(pool: Pool, rows: Iterable[Rows], settings: RetrieveConfig) -> Pool:
    """Return the candidates that the queries of all languages search: all, or what `retrieve.pool_limit` draws."""
    if settings.pool_limit is None:
        return pool
    return pool.drawn(settings.pool_limit, (row for each in rows for row in each), seed=settings.seed)


def _say_what_is_searched(asked: Search, size: int, whole: int) -> None:
    settings, name = asked.session.config.retrieve, asked.target.name
    if settings.pool_limit is not None:
        asked.session.say(
            f"{name}: {size:,} of {whole:,} candidates are searched: all right ones, and those that "
            f"retrieve.pool_limit={settings.pool_limit} drew. Fewer candidates are easier to search: such a score is compared with "
            "scores of the same draw only."
        )
    elif settings.limit is not None:
        asked.session.say(
            f"{name}: retrieve.limit={settings.limit} draws the questions of each language; they search all {whole:,} "
            "candidates, which are encoded once and kept (store.folder), so that a score depends on no limit. "
            "`--set retrieve.pool_limit=500` searches some candidates only, which is another measure."
        )


def _encoder(asked: Search, own: int | None) -> Encoder:
    """Return an encoder with a side's own limit on tokens, where it has a smaller one."""
    config = asked.session.config
    limit = config.retrieve.max_length
    if own is not None and own < limit:
        limit = min(own, asked.circuit.backbone.max_tokens)
    limited = replace(config, retrieve=replace(config.retrieve, max_length=limit))
    return Encoder(asked.circuit, asked.session.with_config(limited), asked.readings)


def _score(reading: Reading, encoded: _Encoded, asked: Search, done: Found) -> None:
    """Score one reading in every language."""
    config, pool = asked.session.config, encoded.pool
    # The queries of all languages in one search: an index over a million candidates is built once.
    every = search(
        np.concatenate([np.asarray(one.vectors[reading.wanted]) for one in encoded.queries]),
        encoded.candidates[reading.wanted],
        min(TOP, len(pool)),
        both=False,
        settings=search_settings(config.retrieve, asked.session),
        report=asked.session.report,
    )
    ends = np.cumsum([len(one.ids) for one in encoded.queries])[:-1]
    near_by, found_by = (np.split(each, ends) for each in (every.forward.scores, every.forward.rows))
    words = f"{reading.head()} {encoded.words} {every.words} {encoded.tail}"
    for one, found, near in zip(encoded.queries, found_by, near_by, strict=True):
        average, reciprocal = ranked(found, *one.right)
        measures = {f"map_at_{TOP}": float(average.mean()), f"mrr_at_{TOP}": float(reciprocal.mean())}
        write_predictions(
            _predictions(one, pool, found, average, reciprocal), asked.predictions_file(one.rows, reading)
        )
        name = f"{reading.folder}/{one.rows.language}.{one.rows.split}.top{TOP}.tsv"
        _write(asked.folder / name, one, pool, found, near)
        fingerprint = pooled_fingerprint(one.rows.fingerprint, pool)
        system = encoded.encoder.system(words, config, one.rows.language, *pool.languages)
        values = Score.of(one.rows, measures, len(one.ids), system, fingerprint=fingerprint)
        done.scored += [(reading, score) for score in values]


def pooled_fingerprint(queries: str, pool: Pool) -> str:
    """Return the fingerprint of queries together with the pool that they search."""
    return f"{queries[:8]}{pool.fingerprint[:8]}"


def _predictions(
    asked: _Queries, pool: Pool, found: np.ndarray, average: np.ndarray, reciprocal: np.ndarray
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


def _write(file: Path, asked: _Queries, pool: Pool, found: np.ndarray, closeness: np.ndarray) -> None:
    """Write a line for each candidate found: query, rank from 1, candidate, cosine, and whether it is right."""
    right = set(zip(*asked.right, strict=True))
    lines = ["query\trank\tcandidate\tcosine\tis_right\n"]
    for number, (id, rows, scores) in enumerate(zip(asked.ids, found.tolist(), closeness.tolist(), strict=True)):
        for rank, (row, score) in enumerate(zip(rows, scores, strict=True), 1):
            if row >= 0:  # an approximate index may find fewer
                lines.append(f"{id}\t{rank}\t{pool.rows[row].id}\t{score:.6f}\t{int((number, row) in right)}\n")
    replace_text(file, "".join(lines))
