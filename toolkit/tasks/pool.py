"""Pool: the candidates that the queries of a retrieval task search, in all languages together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from toolkit.errors import DataError
from toolkit.tasks.draw import Marks, draw_order
from toolkit.tasks.rows import CandidateRow, QueryRow, Row, fingerprint_of


@dataclass(frozen=True)
class Pool:
    """Candidates in a fixed order; a candidate's place is its row in the index.

    Attributes:
        rows: the candidates.
        origin: where they come from.
    """

    rows: Sequence[CandidateRow]
    origin: str

    def __post_init__(self) -> None:
        if not self.rows:
            raise DataError(f"The pool of {self.origin} holds no candidate; expected at least one.")

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The candidates' languages, in alphabetical order."""
        return tuple(sorted({row.language for row in self.rows}))

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over every candidate."""
        return fingerprint_of(self.rows)

    @cached_property
    def _by_key(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, row in enumerate(self.rows):
            for key in row.keys:
                places.setdefault(key, []).append(place)
        return places

    def drawn(self, limit: int, queries: Iterable[Row], *, seed: int) -> Pool:
        """Return a smaller pool: all candidates that are right for a query, and `limit` others, in the order of this one.

        Args:
            limit: candidates that are drawn, from each language in proportion; what is right for a query is added to them.
            queries: rows of the kind `retrieval`, of all languages that will search it.
            seed: of the draw; a smaller limit is part of a larger one.
        """
        marks = Marks([row.id for row in self.rows], [row.language for row in self.rows])
        taken = set(draw_order(marks, seed=seed)[:limit])
        for row in queries:
            assert isinstance(row, QueryRow)
            taken.update(self._by_key.get(row.key, ()))
        return Pool([self.rows[place] for place in sorted(taken)], self.origin)

    def right(self, queries: Iterable[Row], where: str) -> tuple[list[int], list[int]]:
        """Return the right candidates of each query as pairs: place of the query, place of the candidate; [G] each.

        Args:
            queries: rows of the kind `retrieval`.
            where: names the queries in a fault.

        Raises:
            DataError: no candidate carries the key of a query.
        """
        asking: list[int] = []
        places: list[int] = []
        for number, row in enumerate(queries):
            assert isinstance(row, QueryRow)
            found = self._by_key.get(row.key)
            if not found:
                raise DataError(
                    f"{where}: query '{row.id}' seeks '{row.key}', which none of the {len(self):,} candidates of "
                    f"{self.origin} carries; expected at least one right candidate."
                )
            asking += [number] * len(found)
            places += found
        return asking, places


def passages_of(rows: Mapping[str, Iterable[Row]], origin: str) -> Pool:
    """Return the distinct passages of each language's rows, with the keys of all rows that have them.

    Args:
        rows: rows of the kind `retrieval`, by language.
        origin: where they come from.
    """
    found: dict[tuple[str, str], tuple[str, dict[str, None]]] = {}
    for language, own in rows.items():
        for row in own:
            assert isinstance(row, QueryRow)
            _, keys = found.setdefault((language, row.passage), (f"{language}_{row.id}", {}))
            keys[row.key] = None
    return Pool(
        [CandidateRow(id, language, text, tuple(keys)) for (language, text), (id, keys) in found.items()], origin
    )
