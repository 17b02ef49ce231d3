"""Retrieval from a pool through the recipe: what is scored, what is written, what is refused."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests.metrics.test_ranking import plain_ranking
from tests.recipes.small import tiny_config
from tests.tasks.sources import test_lareqa, test_mewsli
from toolkit.composition import parse
from toolkit.config import Config
from toolkit.embeddings import Vectors
from toolkit.errors import DataError, SourceError, ToolkitError, ZooError
from toolkit.features import sentence_features
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import embed
from toolkit.recipes.score.encoding import Encoder
from toolkit.tasks import QueryRow, get_task
from toolkit.zoo import Head, Zoo
from toolkit.zoo.adapterhub import export

pytestmark = pytest.mark.journey


def plain_scores(config: Config, task: str, language: str, layer: int, pooling: str) -> tuple[float, float]:
    """Encode every query on its own with this layer and pooling, sort every cosine, count in loops."""
    target = get_task(task)
    pool = target.pool(data_root=config.data_root)
    asked = target.rows("score", language, data_root=config.data_root, limit=config.retrieve.limit)
    rows = [row for row in asked if isinstance(row, QueryRow)]
    backbone = load_backbone("tiny", precision="fp32")
    with Circuit(backbone, parse("backbone")) as circuit:

        def vectors(texts: list[str], limit: int | None) -> np.ndarray:
            made = [sentence_features([text], backbone.tokenizer, max_length=limit or 512) for text in texts]
            return np.concatenate([embed(circuit, one, layer=layer, pooling=pooling) for one in made])

        def vectors_at_once(texts: list[str], limit: int | None) -> np.ndarray:
            made = sentence_features(texts, backbone.tokenizer, max_length=limit or 512)
            found = embed(circuit, made, layer=layer, pooling=pooling)
            assert np.abs(found[::20] - vectors(texts[::20], limit)).max() < 1e-5
            return found

        queries = vectors([row.query for row in rows], target.query_tokens)
        candidates = vectors_at_once([row.text for row in pool.rows], target.passage_tokens)
    found, right = [], {}
    for number, row in enumerate(rows):
        closeness = [round(float(value), 5) for value in candidates @ queries[number]]
        found.append(sorted(range(len(pool)), key=lambda place: (-closeness[place], place))[:20])
        right[number] = {place for place, each in enumerate(pool.rows) if row.key in each.keys}
    return plain_ranking(found, right, 20)


@pytest.fixture
def questions(tmp_path: Path) -> Config:
    """Two languages of a small XQuAD-R."""
    return replace(tiny_config(tmp_path), data_root=test_lareqa.written(tmp_path / "lareqa"))


def test_scores_are_those_of_a_plain_implementation_with_each_sides_own_limit_on_tokens(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "retrieve.limit=12")
    result = toolkit.retrieve("backbone", config, task="micro-answers", languages="de")
    assert [score.metric for score in result.scores] == ["map_at_20", "mrr_at_20"]
    expected = plain_scores(config, "micro-answers", "de", layer=1, pooling="mean")
    assert [score.value for score in result.scores] == pytest.approx(list(expected), abs=0.02)
    first = result.scores[0]
    assert (first.n, first.is_generated) == (12, True)
    assert "protocol=jiant layer=1/2 pooling=mean pool=1320:ar+de+el" in first.protocol
    assert "index=Flat max_length=32/64 precision=fp32" in first.protocol


def test_what_each_query_found_is_written_and_gives_the_score_again(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "retrieve.limit=9")
    result = toolkit.retrieve("backbone", config, task="micro-answers", languages="en,zh")
    for language in ("en", "zh"):
        with open(result.folder / "jiant-layer1" / f"{language}.score.top20.tsv", encoding="utf-8") as file:
            lines = list(csv.DictReader(file, delimiter="\t"))
        assert len(lines) == 9 * 20
        assert [int(line["rank"]) for line in lines[:20]] == list(range(1, 21))
        closeness = [float(line["cosine"]) for line in lines[:20]]
        assert closeness == sorted(closeness, reverse=True)
        task = get_task("micro-answers")
        places = {row.id: place for place, row in enumerate(task.pool().rows)}
        rows = list(task.rows("score", language, limit=9))
        found = [[places[line["candidate"]] for line in lines if line["query"] == row.id] for row in rows]
        right = {
            number: {place for place, each in enumerate(task.pool().rows) if row.key in each.keys}  # type: ignore[union-attr]
            for number, row in enumerate(rows)
        }
        assert [line["is_right"] for line in lines] == [
            str(int(place in right[number])) for number, each in enumerate(found) for place in each
        ]
        values = [score.value for score in result.scores if score.language == language]
        assert values == pytest.approx(list(plain_ranking(found, right, 20)), abs=1e-9)


def test_a_languages_score_does_not_depend_on_which_others_are_asked_for(questions: Config) -> None:
    alone = toolkit.retrieve("backbone", questions, task="lareqa", languages="de").scores
    among = toolkit.retrieve("backbone", questions, task="lareqa").scores
    assert alone == tuple(score for score in among if score.language == "de")
    assert "pool=6:de+en" in alone[0].protocol
    assert "max_length=96/256" in alone[0].protocol


def test_a_drawn_pool_is_encoded_alone_and_named_in_the_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path, "retrieve.limit=4", "retrieve.pool_limit=20")
    encoded: list[int] = []
    real = Encoder.__call__

    def counted(self: Encoder, texts: Sequence[str], what: str) -> dict[tuple[int, str], Vectors]:
        encoded.append(len(texts))
        return real(self, texts, what)

    monkeypatch.setattr(Encoder, "__call__", counted)
    said: list[str] = []
    result = toolkit.retrieve("backbone", config, task="micro-answers", languages="de,en", say=said.append)
    # Each of 4 questions in 2 languages has a right candidate in 11 languages.
    assert encoded[0] in range(88, 200) and encoded[1:] == [4, 4]
    assert f" pool={encoded[0]}/1320:ar+de+el" in result.scores[0].protocol
    assert f"micro-answers: {encoded[0]} of 1,320 candidates are searched" in " ".join(said)
    whole = toolkit.retrieve(
        "backbone", tiny_config(tmp_path, "retrieve.limit=4"), task="micro-answers", languages="de"
    )
    assert whole.scores[0].fingerprint != result.scores[0].fingerprint


def test_a_smaller_limit_on_tokens_given_by_hand_holds_for_both_sides(questions: Config) -> None:
    config = replace(questions, retrieve=replace(questions.retrieve, max_length=16))
    assert "max_length=16/16" in toolkit.retrieve("backbone", config, task="lareqa").scores[0].protocol


def test_mentions_find_descriptions_and_both_measures_agree_since_one_entity_is_right(tmp_path: Path) -> None:
    config = replace(tiny_config(tmp_path), data_root=test_mewsli.written(tmp_path / "mewslix"))
    result = toolkit.retrieve("backbone", config, task="mewslix")
    by_language: dict[str, set[float]] = {}
    for score in result.scores:
        by_language.setdefault(score.language, set()).add(score.value)
    assert {language: len(values) for language, values in by_language.items()} == {"en": 1, "de": 1}
    expected = plain_scores(config, "mewslix", "en", layer=1, pooling="mean")
    assert by_language["en"].pop() == pytest.approx(expected[0], abs=1e-9)


def test_all_layers_are_scored_from_the_same_pass_and_drawn(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "retrieve.limit=5", "retrieve.pooling=cls")
    result = toolkit.retrieve("backbone", config, task="micro-answers", languages="en", layers="all")
    shown = [score.protocol.split("layer=")[1].split()[0] for score in result.scores if score.metric == "map_at_20"]
    assert shown == ["0/2", "1/2", "2/2"]
    assert (result.folder / "layers.png").is_file()


def test_every_protocol_is_scored_from_the_same_vectors(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "retrieve.limit=5", "retrieve.protocol=all")
    scores = toolkit.retrieve("backbone", config, task="micro-answers", languages="en").scores
    assert [score.protocol.split()[0] for score in scores[::2]] == [
        f"protocol={name}" for name in ("jiant", "xtreme", "laser", "mteb", "st")
    ]


def test_gold_that_the_pool_lacks_is_found_out_before_anything_is_encoded(tmp_path: Path) -> None:
    root = test_mewsli.written(tmp_path / "mewslix", candidate_set_entities=test_mewsli.ENTITIES[1:])
    seen: list[str] = []
    with pytest.raises(DataError, match="seeks 'Q1757', which none of the 2 candidates"):
        toolkit.retrieve(
            "backbone",
            replace(tiny_config(tmp_path), data_root=root),
            task="mewslix",
            report=lambda progress: seen.append(progress.what),
        )
    assert not any("encode" in what for what in seen)


def test_missing_data_one_language_alone_and_the_wrong_command_are_one_sentence_each(tmp_path: Path) -> None:
    config = replace(tiny_config(tmp_path), data_root=tmp_path)
    with pytest.raises(SourceError, match="no xquad-r/ar.json"):
        toolkit.retrieve("backbone", config, task="lareqa")
    test_lareqa.written(tmp_path / "xquad-r", "de")
    with pytest.raises(DataError, match="holds de.json alone"):
        toolkit.retrieve("backbone", config, task="lareqa")
    with pytest.raises(ToolkitError, match="xstilts retrieve micro-nli --task lareqa"):
        toolkit.evaluate("micro-nli", config, task="lareqa")


# -- trained to retrieve ------------------------------------------------------------------------------------------------


def test_a_trained_retrieval_adapter_is_asked_for_the_vectors_that_it_was_trained_to_make(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "retrieve.limit=8", "train.pooling=cls")
    (card,) = toolkit.train("micro-answers", config)
    assert {score.metric for score in card.scores} == {"map_at_20", "mrr_at_20"}
    assert card.heads["micro-answers"] == Head("retrieval", (), "cls", 0.02)
    with pytest.raises(ZooError, match="kind 'retrieval', which the adapters library does not have"):
        export(Zoo(config.zoo), "micro-answers", "tiny", tmp_path / "out")
    said: list[str] = []
    found = toolkit.retrieve("micro-answers", config, task="micro-answers", languages="en", say=said.append).scores[0]
    assert "protocol=jiant* layer=2/2 pooling=cls" in found.protocol
    assert any("'micro-answers' was trained to retrieve" in sentence for sentence in said)
    by_hand = replace(config, retrieve=replace(config.retrieve, layer=1, pooling="mean"))
    other = toolkit.retrieve("micro-answers", by_hand, task="micro-answers", languages="en").scores[0]
    assert "protocol=jiant layer=1/2 pooling=mean" in other.protocol
    laser = replace(config, retrieve=replace(config.retrieve, protocol="laser"))
    named = toolkit.retrieve("micro-answers", laser, task="micro-answers", languages="en").scores[0]
    assert "protocol=laser layer=2/2 pooling=mean" in named.protocol


def test_training_to_retrieve_lowers_the_loss_and_raises_the_dev_score(tmp_path: Path) -> None:
    sets = ("train.limit=96", "train.eval_limit=20", "train.lr=0.005", "train.seed=3")
    short = toolkit.train("micro-answers", tiny_config(tmp_path / "short", *sets, "train.total_steps=1"))[0]
    long = toolkit.train("micro-answers", tiny_config(tmp_path / "long", *sets, "train.total_steps=30"))[0]
    assert long.scores[0].value > short.scores[0].value


def test_a_retrieval_task_trains_on_top_of_other_adapters_and_beside_other_tasks(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "retrieve.limit=5")
    cards = toolkit.train("micro-nli/micro-answers", config)
    assert [card.name for card in cards] == ["micro-nli", "micro-nli/micro-answers"]
    scores = toolkit.retrieve("micro-nli/micro-answers", config, task="micro-bitext", languages="de").scores
    assert "layer=2/2 pooling=mean" in scores[0].protocol
    with pytest.raises(ToolkitError, match="'micro-answers' is scored by retrieval, by vectors and no head"):
        toolkit.collapse("micro-nli/micro-answers", config)
    (mixed,) = toolkit.train("mix[micro-nli,micro-answers]", config)
    assert {head.kind for head in mixed.heads.values()} == {"pair", "retrieval"}
