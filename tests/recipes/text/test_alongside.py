"""Text next to a labelled task in one mix: its languages, its share of the steps, what the card says, and a run that was cut."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.composition import Name
from toolkit.config import Config, TrainConfig
from toolkit.errors import Interrupted, ToolkitError
from toolkit.recipes.train.alongside import Sourced, counts_of
from toolkit.zoo import Zoo

SHORT = ("train.limit=16", "train.eval_limit=4", "train.max_length=16")


class One:
    """Rows of a member of a mix."""

    def __init__(self, member: str) -> None:
        self.member = Name(member)
        self.is_text = member.startswith("text")


def counts(members: str, sizes: list[int], **settings: Any) -> list[int | None]:
    sources: list[Sourced] = [One(name) for name in members.split()]
    by_mixture = dict.fromkeys(one.member for one in sources)
    return counts_of(sources, sizes, TrainConfig(**settings), by_mixture)


def test_languages_of_one_text_are_drawn_by_a_power_of_their_sizes() -> None:
    drawn = counts("mnli text text", [50, 10_000, 100])
    assert drawn[0] is None and drawn[1] is not None and drawn[2] is not None
    assert drawn[1] + drawn[2] == 10_100
    assert drawn[1] / drawn[2] == pytest.approx(100**0.3, rel=1e-3)
    assert counts("mnli text text", [50, 10_000, 100], text_exponent=1.0) == [None, 10_000, 100]


def test_a_share_of_text_leaves_every_other_row_and_draws_as_much_text_as_it_takes() -> None:
    assert counts("mnli text", [300, 5000], text_share=0.25) == [None, 100]
    assert counts("mnli squad text", [300, 600, 50], text_share=0.9) == [None, None, 8100]
    first, *texts = counts("mnli text text", [400, 900, 9], text_share=0.5)
    assert first is None and sum(n or 0 for n in texts) == 400


def test_without_a_share_every_row_is_taken_once_as_ever() -> None:
    assert counts("mnli text", [300, 5000]) == [None, None]


def test_a_share_without_another_task_is_one_sentence() -> None:
    with pytest.raises(ToolkitError, match="the mix is text alone; leave it out"):
        counts("text text.b", [5, 5], text_share=0.5)


@pytest.mark.journey
def test_both_losses_and_shares_are_on_the_card_and_in_words(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, *SHORT, "train.text_share=0.5", "train.text_languages=en,sw")
    said: list[str] = []
    found = toolkit.train("mix[micro-nli,micro-text]", config, say=said.append)
    (card,) = found.cards
    assert "micro-nli dev accuracy" in found.text and "micro-text.sw dev perplexity" in found.text
    assert [(seen.task, seen.language) for seen in card.data_seen] == [
        ("micro-nli", "en"),
        ("micro-text", "en"),
        ("micro-text", "sw"),
    ]
    mix = card.recipe["mix"]
    assert mix["micro-nli"]["share"] + mix["micro-text"]["share"] == pytest.approx(1, abs=1e-3)
    assert 0 < mix["micro-nli"]["last_loss"] < mix["micro-text"]["last_loss"]  # of 3 answers, and of a vocabulary
    assert any("; of the steps " in each and "% micro-nli, " in each and "% micro-text" in each for each in said)
    assert {score.metric for score in card.scores} == {"accuracy", "masked_accuracy", "perplexity"}
    assert not toolkit.zoo_verify("mix[micro-nli,micro-text]", config).faults


@pytest.mark.journey
def test_a_run_that_was_cut_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = (*SHORT, "train.text_languages=en,sw", "train.checkpoint_every=2", "train.total_steps=6")
    whole, cut = (tiny_config(tmp_path / name, *sets) for name in ("whole", "cut"))
    mix = "mix[micro-nli,micro-text]"
    toolkit.train(mix, whole)
    loop = import_module("toolkit.training.loop").Loop
    real = loop.step

    def stop(self: Any, **asked: Any) -> Any:
        if self.state.counters.step == 2:
            raise KeyboardInterrupt
        return real(self, **asked)

    monkeypatch.setattr(loop, "step", stop)
    with pytest.raises(Interrupted, match="stopped at step 2"):
        toolkit.train(mix, cut)
    monkeypatch.setattr(loop, "step", real)
    said: list[str] = []
    toolkit.train(mix, cut, say=said.append)
    assert any("continues from step 2" in each for each in said)
    assert all(np.array_equal(one, other) for one, other in zip(tensors(whole, mix), tensors(cut, mix), strict=True))


def tensors(config: Config, entry: str) -> list[np.ndarray]:
    zoo = Zoo(config.zoo)
    card = zoo.get(entry, "tiny")
    return [array for file in sorted(card.files) for _, array in sorted(zoo.tensors(card, file).items())]


@pytest.mark.parametrize(
    ("mix", "sets", "said"),
    [
        ("mix[micro-nli,micro-text]", "train.text_languages=xx", "No language|does not have|expected"),
        (
            "mix[micro-nli,micro-text]",
            "train.text_languages=,",
            "which names no language; expected codes such as en,sw",
        ),
        ("mix[micro-nli,micro-text,micro-text.en]", "", "takes the rows of 'micro-text.en' twice"),
        ("mix[micro-nli,micro-text]", "train.total_examples=9", "knows no share of text"),
        ("mix[micro-nli,micro-text.en]", "train.text_share=1", "train.text_share"),
    ],
)
def test_what_cannot_be_mixed_is_one_sentence(tmp_path: Path, mix: str, sets: str, said: str) -> None:
    with pytest.raises(ToolkitError, match=said) as caught:
        toolkit.train(mix, tiny_config(tmp_path, *SHORT, *filter(None, [sets])))
    assert len(str(caught.value).splitlines()) == 1


def test_a_text_of_many_languages_is_not_taken_without_naming_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.recipes.train.alongside._MOST_LANGUAGES", 2)
    with pytest.raises(ToolkitError, match=r"has rows in \d+ languages; name those to learn from"):
        toolkit.train("mix[micro-nli,micro-text]", tiny_config(tmp_path, *SHORT))
