"""The tiny backbone with a circuit for each kind of task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from toolkit.composition import parse
from toolkit.modeling.backbone import Backbone, load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec

LABELS = ("A", "B", "C")


@pytest.fixture(scope="session")
def tiny() -> Backbone:
    torch.set_num_threads(1)
    return load_backbone("tiny", precision="fp32", device=torch.device("cpu"))


@pytest.fixture
def answering(tiny: Backbone) -> Iterator[Callable[..., Circuit]]:
    """Wire a random adapter and a head of the given kind."""
    wired: list[Circuit] = []

    def build(kind: str) -> Circuit:
        spec = HeadSpec(kind, LABELS if kind in ("pair", "tags") else ())
        circuit = Circuit(tiny, parse("a"), heads={"a": spec})
        rng = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in [*circuit.heads.parameters(), *circuit.parameters_of(circuit.parts[0]).values()]:
                parameter.copy_(torch.randn(parameter.shape, generator=rng))
        wired.append(circuit)
        return circuit

    yield build
    for circuit in wired:
        circuit.close()


@pytest.fixture(scope="session")
def rows() -> dict[str, list[Any]]:
    """Thirty rows of each kind, of lengths that are not in order."""
    import random

    from toolkit.tasks.rows import Answer, ChoiceRow, PairRow, SpanRow, TagsRow

    dice = random.Random(0)

    # Without "a": the official SQuAD normalisation drops it as an article.
    def words(low: int, high: int) -> list[str]:
        return ["".join(dice.choices("bcdefgh", k=dice.randint(1, 6))) for _ in range(dice.randint(low, high))]

    spans = []
    for i in range(30):
        context = words(1, 60)
        word = dice.randrange(len(context))
        start = sum(len(w) + 1 for w in context[:word])
        spans.append(SpanRow(str(i % 7), " ".join(words(1, 5)), " ".join(context), (Answer(context[word], start),)))
    tagged = [words(1, 40) for _ in range(30)]
    return {
        "pair": [PairRow(str(i), " ".join(words(1, 20)), " ".join(words(1, 20)), i % 3) for i in range(30)],
        "choice": [
            ChoiceRow(
                str(i),
                " ".join(words(0, 9)),
                " ".join(words(1, 5)),
                tuple(" ".join(words(1, 8)) for _ in range(2 + i % 4)),
                i % 2,
            )
            for i in range(30)
        ],
        "span": spans,
        "tags": [
            TagsRow(str(i), tuple(tokens), tuple(dice.randrange(3) for _ in tokens)) for i, tokens in enumerate(tagged)
        ],
    }
