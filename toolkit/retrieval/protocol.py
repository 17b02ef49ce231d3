"""Retrieval protocols by name: the settings that change a score, as one small value each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from toolkit.config.words import Pooling
from toolkit.registry import unknown
from toolkit.retrieval.margin import Direction, Margin

Queries = Literal["en", "xx", "both"]
Duplicates = Literal["expand", "first", "drop", "keep"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything besides the encoder that decides a retrieval score.

    Attributes:
        name: as on the command line; `*` at the end marks a setting that was given by hand.
        depth: layer as a fraction of the backbone's depth.
        pooling: `mean`, `cls` or `mean-no-special`.
        queries: which side of a bitext asks: `en`, `xx` (the foreign one) or `both` (the mean of the two accuracies).
        metric: `main` (accuracy of a bitext, F1 of mining) or `weighted_f1`.
        corpus: mining: `whole`, or `gold`: 1-best by cosine among the sentences of the gold pairs, nothing mined.
        direction: mining: `forward`, `backward`, `intersection` or `max`.
        margin: mining: `absolute`, `distance` or `ratio`.
        k: mining: neighbours that a margin's means run over.
        duplicates: mining: `expand`, `first`, `drop` or `keep`.
        threshold: mining: `dev` (chosen on the dev gold), `oracle` (on the gold that is scored) or a number.
    """

    name: str
    depth: float
    pooling: Pooling = "mean"
    queries: Queries = "en"
    metric: Literal["main", "weighted_f1"] = "main"
    corpus: Literal["whole", "gold"] = "whole"
    direction: Direction = "max"
    margin: Margin = "ratio"
    k: int = 4
    duplicates: Duplicates = "expand"
    threshold: str | float = "dev"

    def layer(self, n_layers: int) -> int:
        """Return the hidden state that is pooled, 0 being the embeddings.

        Example:
            >>> PROTOCOLS["jiant"].layer(24), PROTOCOLS["jiant"].layer(12), PROTOCOLS["xtreme"].layer(24)
            (14, 7, 20)
        """
        return max(1, round(n_layers * self.depth)) if self.depth else 0

    def having(self, **settings: Any) -> Protocol:
        """Return the protocol with those settings that are not None; if one differs, the name is marked."""
        given = {key: value for key, value in settings.items() if value is not None}
        values = {**vars(self), **given}
        if values != vars(self):
            values["name"] = self.name.removesuffix("*") + "*"
        return Protocol(**values)

    def for_bitext(self) -> str:
        """Return the settings that decide a bitext score, besides the layer and the pooling."""
        directions = {"en": "en->xx", "xx": "xx->en", "both": "en<->xx"}
        return f"direction={directions[self.queries]}"

    def for_mining(self, threshold: str) -> str:
        """Return the settings that decide a mining score, besides the layer and the pooling.

        Args:
            threshold: where the threshold came from.
        """
        if self.corpus == "gold":
            return "corpus=gold direction=xx->en"
        return (
            f"direction={self.direction} margin={self.margin} k={self.k} duplicates={self.duplicates} "
            f"threshold={threshold}"
        )


# If a system's publication or script says nothing, the field keeps the class's default. docs/decisions/0011-mining.md.
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(name="jiant", depth=14 / 24),
        Protocol(name="xtreme", depth=20 / 24, pooling="cls", duplicates="drop"),
        Protocol(name="laser", depth=1.0, queries="xx", duplicates="drop", threshold="oracle"),
        Protocol(name="mteb", depth=1.0, queries="xx", metric="weighted_f1", corpus="gold"),
        Protocol(name="st", depth=1.0, queries="both", duplicates="keep", threshold="oracle"),
    )
}


def get_protocol(name: str) -> Protocol:
    """Return the protocol with this name.

    Raises:
        ToolkitError: no such protocol; the message offers the nearest name.
    """
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS, see="xstilts retrieve --help")
    return PROTOCOLS[name]
