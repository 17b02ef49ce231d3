"""Which way a fusion is computed, and what learns along with it: chosen, recorded, wired again, refused."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toolkit
from tests import zygote
from tests.recipes.small import FUSED, tiny_config
from tests.zoo.cards import resealed
from toolkit.config import Config
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.fusion import FastFusion
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey


def weights(config: Config, entry: str) -> dict[str, np.ndarray]:
    zoo = Zoo(config.zoo)
    card = zoo.get(entry, "tiny")
    return {f"{file}/{key}": value for file in card.files for key, value in zoo.tensors(card, file).items()}


def having(config: Config, **train: Any) -> Config:
    return replace(config, train=replace(config.train, **train))


def installed(text: str, config: Config) -> tuple[bool, bool]:
    """Whether the circuit holds fast fusions, and whether it is folded."""
    circuit, _ = trained_circuit(text, Session.open(config), heads=None)
    with circuit:
        is_fast = any(isinstance(one.__dict__.get("compose_fuse"), FastFusion) for one in circuit.modules())
        return is_fast, circuit.is_folded


# -- fusion: fast | reference ------------------------------------------------------------------------------------------


def test_both_paths_learn_the_same_from_one_seed_and_the_card_says_which_it_was(tmp_path: Path) -> None:
    found, said = {}, {}
    for path in ("fast", "reference"):
        config = tiny_config(tmp_path / path, f"fusion={path}", "train.total_steps=3")
        said[path] = []
        toolkit.train(FUSED, config, say=said[path].append)
        found[path] = (Zoo(config.zoo).get(FUSED, "tiny"), weights(config, FUSED))
    assert {path: card.recipe["fusion"] for path, (card, _) in found.items()} == {
        "fast": "fast",
        "reference": "reference",
    }
    assert any("fusion reference" in sentence for sentence in said["reference"])
    assert found["fast"][0].digest != found["reference"][0].digest  # rounding: really two paths
    for key, value in found["fast"][1].items():
        if not key.endswith("key.bias"):  # its gradient is rounding around zero, which Adam scales up
            assert np.abs(value - found["reference"][1][key]).max() < 1e-4, key


def test_an_entry_without_a_fusion_says_nothing_of_its_path(trained: Config) -> None:
    assert "fusion" not in Zoo(trained.zoo).get("micro-nli", "tiny").recipe


def test_the_reference_scores_the_same_unfolded_and_its_protocol_says_so(trained: Config, tmp_path: Path) -> None:
    reference = replace(trained, fusion="reference", run_dir=tmp_path)
    assert installed(FUSED, trained) == (True, True)
    assert installed(FUSED, reference) == (False, False)
    said: list[str] = []
    found = toolkit.evaluate(FUSED, reference, task="micro-choice", languages="en,de", say=said.append).scores
    fast = toolkit.evaluate(FUSED, trained, task="micro-choice", languages="en,de").scores
    assert [score.value for score in found] == [score.value for score in fast]
    assert all("fusion=reference" in score.protocol for score in found)
    assert not any("fusion" in score.protocol for score in fast)
    assert any(sentence == f"{FUSED}: fusion reference." for sentence in said)


# -- learn: all --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, dict[str, dict[str, np.ndarray]], list[str]]:
    """A zoo where a fusion was trained with its members learning along; the members as they were before; what was said."""
    config = tiny_config(tmp_path_factory.mktemp("all"))
    for member in ("micro-nli", "micro-qa"):
        toolkit.train(member, config)
    before = {member: weights(config, member) for member in ("micro-nli", "micro-qa")}
    said: list[str] = []
    toolkit.train(FUSED, having(config, learn="all"), say=said.append)
    return config, before, said


def test_members_that_learn_along_lie_in_the_stages_entry_and_the_originals_stay(learnt) -> None:  # type: ignore[no-untyped-def]
    config, before, said = learnt
    zoo = Zoo(config.zoo)
    card = zoo.get(FUSED, "tiny")
    assert {file for file in card.files if file.startswith("below.")} == {
        "below.adapter.micro-nli.safetensors",
        "below.adapter.micro-qa.safetensors",
    }
    for member, held in before.items():
        now = weights(config, member)
        assert all(np.array_equal(now[key], held[key]) for key in held)
        copy = zoo.tensors(card, f"below.adapter.{member}.safetensors")
        assert copy.keys() == {key.removeprefix("adapter.safetensors/") for key in held if key.startswith("adapter")}
        assert any(not np.array_equal(copy[key], held[f"adapter.safetensors/{key}"]) for key in copy)
    assert {parent.name: parent.digest for parent in card.parents} == {
        member: zoo.get(member, "tiny").digest for member in before
    }
    zoo.verify(card)
    assert any("adapter micro-nli (a copy)" in sentence for sentence in said)
    assert {"adapter micro-nli", "adapter micro-qa"} < set(card.recipe["learn"])


def held_in_circuit(text: str, config: Config, entry: str) -> dict[str, np.ndarray]:
    circuit, _ = trained_circuit(text, Session.open(config), heads={})
    with circuit:
        return next(circuit.tensors_of(part) for part in circuit.parts if (part.kind, part.entry) == ("adapter", entry))


def test_whatever_contains_the_fusion_runs_on_its_copies_and_the_member_alone_on_itself(learnt) -> None:  # type: ignore[no-untyped-def]
    config, before, _ = learnt
    zoo = Zoo(config.zoo)
    copy = zoo.tensors(zoo.get(FUSED, "tiny"), "below.adapter.micro-nli.safetensors")
    above = f"{FUSED}/micro-nli"
    toolkit.train(above, config)
    for text in (FUSED, above):
        found = held_in_circuit(text, config, "micro-nli")
        assert all(np.array_equal(found[key], copy[key]) for key in copy)
    alone = held_in_circuit("micro-nli", config, "micro-nli")
    assert all(np.array_equal(alone[key], before["micro-nli"][f"adapter.safetensors/{key}"]) for key in alone)
    assert toolkit.evaluate(above, config, task="micro-nli", languages="en").scores


def test_two_members_that_need_different_copies_are_refused(learnt) -> None:  # type: ignore[no-untyped-def]
    config, *_ = learnt
    toolkit.train("micro-nli/micro-qa", having(config, learn="all"))
    toolkit.train("micro-nli/micro-pos", config)
    with pytest.raises(ToolkitError, match="need different weights of 'micro-nli'.*use them apart"):
        toolkit.evaluate("avg[micro-nli/micro-qa,micro-nli/micro-pos]", config, task="micro-pos", languages="en")
    with pytest.raises(ToolkitError, match="holds no|runs on its own copy"):
        toolkit.train("micro-nli/merge[micro-qa,micro-pos]", config)


def test_a_sequence_goes_on_from_the_copies_or_is_refused(learnt) -> None:  # type: ignore[no-untyped-def]
    config, *_ = learnt
    everything = having(config, learn="all")
    toolkit.train("micro-qa/micro-nli", everything)
    text = "micro-qa/seq[micro-nli,micro-pos]"
    with pytest.raises(ToolkitError, match="give --set train.learn=all here, too"):
        toolkit.train(text, config)
    (card,) = toolkit.train(text, everything)
    assert "below.adapter.micro-qa.safetensors" in card.files


def test_full_training_has_nothing_more_to_unfreeze(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="learns in the whole encoder already"):
        toolkit.train("micro-nli", tiny_config(tmp_path, "adapter.kind=full", "train.learn=all"))


def test_a_member_that_was_trained_again_since_is_refused_in_one_sentence(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train(FUSED, config)
    toolkit.train("micro-nli", having(config, seed=7), retrain=True, force=True)
    with pytest.raises(ZooError, match=r"was trained on 'micro-nli' \w{12}, but the zoo holds \w{12}; train .* again"):
        toolkit.evaluate(FUSED, config, task="micro-choice", languages="en")


# -- what a fusion cannot be wired from ----------------------------------------------------------------------------------


@pytest.fixture
def broken(trained: Config, tmp_path: Path) -> Config:
    """A copy of the trained zoo, to be broken."""
    shutil.copytree(trained.zoo, tmp_path / "zoo")
    return replace(trained, zoo=tmp_path / "zoo", run_dir=tmp_path / "runs")


def test_missing_fusion_weights_are_one_sentence(broken: Config) -> None:
    folder = Zoo(broken.zoo).folder(Zoo(broken.zoo).get(FUSED, "tiny"))
    (folder / "fusion.safetensors").unlink()
    with pytest.raises(ZooError, match=r"fusion\.safetensors.* is missing; .*train or pull it again"):
        toolkit.evaluate(FUSED, broken, task="micro-choice", languages="en")


def test_a_member_of_another_backbone_is_one_sentence(broken: Config) -> None:
    def other(card: dict[str, Any]) -> None:
        card["backbone"] = {**card["backbone"], "digest": "cd" * 32}

    zoo = Zoo(broken.zoo)
    resealed(zoo.folder(zoo.get("micro-qa", "tiny")), other)
    with pytest.raises(ZooError, match=r"'micro-qa' was trained on"):
        toolkit.train("fuse[micro-nli,micro-qa]@micro-nli", broken)


def test_a_member_with_a_weight_that_is_no_number_is_one_sentence(broken: Config) -> None:
    circuit, _ = trained_circuit(FUSED, Session.open(broken), heads={})
    with circuit:
        fusion = next(part for part in circuit.parts if part.kind == "fusion")
        tensors = circuit.tensors_of(fusion)
        next(iter(tensors.values()))[0] = np.nan
        with pytest.raises(ZooError, match=r"holds NaN or infinite numbers; train or pull it again"):
            circuit.load(fusion, tensors)


def test_members_of_different_shapes_fuse(tmp_path: Path) -> None:
    toolkit.train("micro-nli", tiny_config(tmp_path, "adapter.reduction_factor=8"))
    wide = tiny_config(tmp_path, "adapter.reduction_factor=4", "adapter.non_linearity=gelu")
    toolkit.train("fuse[micro-nli,micro-qa]@micro-nli", wide)
    assert installed("fuse[micro-nli,micro-qa]@micro-nli", wide) == (True, True)


@pytest.mark.slow
def test_a_fusion_comes_back_to_the_bit_in_another_process(trained: Config) -> None:
    code = (
        "import sys, torch, hashlib; import toolkit; from pathlib import Path;"
        "from toolkit.recipes.session.circuits import trained_circuit; from toolkit.recipes.session.session import Session;"
        "torch.set_num_threads(1);"
        "c = toolkit.configure('backbone.precision=fp32', backbone='tiny', zoo=Path(sys.argv[1]));"
        "k, _ = trained_circuit(sys.argv[2], Session.open(c), heads={});"
        "ids = torch.arange(5, 65).view(5, 12);"
        "s = torch.inference_mode()(k.encode)(ids, torch.ones_like(ids));"
        "print(hashlib.sha256(s.numpy().tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", code, str(trained.zoo), FUSED]
    one, other = (zygote.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert len(one.strip()) == 64
    assert one == other
