"""Into a fusion through the recipes: what it attends to, with fewer members, as one adapter."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
import toolkit
from tests.recipes.small import tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.evaluation.attention import mean_mass
from toolkit.recipes.fusion import cost
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey

THREE = "fuse[micro-nli,micro-pos,micro-qa]/micro-choice"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A zoo with a fusion of three under a target."""
    config = tiny_config(tmp_path_factory.mktemp("understanding"))
    toolkit.train(THREE, config)
    return config


# -- attention ---------------------------------------------------------------------------------------------------------


def test_attention_sums_to_one_over_the_members_everywhere_and_everything_is_written(held: Config) -> None:
    found = toolkit.attention(THREE, held, task="micro-pos", languages="en,de")
    sums: dict[tuple, float] = {}
    for one in found.masses:
        key = (one.layer, one.language, one.token_class)
        sums[key] = sums.get(key, 0.0) + one.mass
    assert all(total == pytest.approx(1.0, abs=1e-5) for total in sums.values())
    assert {layer for layer, *_ in sums} == {1, 2}
    assert {language for _, language, _ in sums} == {"en", "de"}
    classes = {token_class for *_, token_class in sums}
    assert "special" in classes and any(name.startswith("tag ") for name in classes)
    assert {path.name for path in found.folder.iterdir()} == {"attention.csv", "attention.png"}
    with (found.folder / "attention.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(found.masses)
    assert "generated rows" in found.text and "micro-qa" in found.text


def test_attention_is_the_mean_of_what_the_circuit_attends_to(held: Config) -> None:
    one_row = replace(held, eval=replace(held.eval, limit=1))
    found = mean_mass(toolkit.attention(THREE, one_row, task="micro-nli", languages="en").masses, "layer", "member")
    circuit, _ = trained_circuit(THREE, Session.open(held), heads={})
    target = toolkit.get_task("micro-nli")
    with circuit:
        from toolkit.recipes.score.evaluate import task_features

        rows = target.rows("score", "en", limit=1)
        batch = task_features(rows, target, circuit, Session.open(held)).collate(np.array([0]))
        import torch

        ids, mask = (torch.from_numpy(batch[key]) for key in ("input_ids", "attention_mask"))
        (by_layer,) = circuit.attentions(ids, mask).values()
    for layer, attention in by_layer.items():
        expected = dict(zip(("micro-nli", "micro-pos", "micro-qa"), attention[0].mean(0), strict=True))
        for member, value in expected.items():
            assert found[layer + 1, member] == pytest.approx(float(value), abs=1e-5)


def test_attention_without_a_fusion_is_refused(held: Config) -> None:
    with pytest.raises(ToolkitError, match="'micro-nli' has no fusion of its own"):
        toolkit.attention("micro-nli", held, task="micro-nli")
    with pytest.raises(ToolkitError, match="has no rows to evaluate on"):
        toolkit.attention(THREE, held, task="micro-bitext")


# -- prune -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pruned(held: Config):  # type: ignore[no-untyped-def]
    said: list[str] = []
    return toolkit.prune(THREE, held, keep=2, languages="en,de", say=said.append), said


def test_the_member_with_the_least_attention_goes_and_the_rest_is_an_entry_with_a_lineage(held: Config, pruned) -> None:  # type: ignore[no-untyped-def]
    found, said = pruned
    mass = found.card.recipe["pruned"]["attention"]
    dropped = min(mass, key=mass.__getitem__)
    kept = [name for name in ("micro-nli", "micro-pos", "micro-qa") if name != dropped]
    assert found.card.name == f"fuse[{','.join(kept)}]/micro-choice-pruned"
    assert found.card.recipe["pruned"]["from"] == THREE
    zoo = Zoo(held.zoo)
    assert {parent.name: parent.digest for parent in found.card.parents} == {
        name: zoo.get(name, "tiny").digest for name in (*kept, THREE)
    }
    zoo.verify(found.card)
    assert any(dropped in sentence and "the least" in sentence for sentence in said)


def test_a_pruned_fusion_keeps_its_weights_scores_as_reported_and_costs_less(held: Config, pruned) -> None:  # type: ignore[no-untyped-def]
    found, _ = pruned
    zoo, whole = Zoo(held.zoo), Zoo(held.zoo).get(THREE, "tiny")
    assert set(found.card.heads) == {"micro-choice-pruned"}
    for file in whole.files:
        before = zoo.tensors(whole, file)
        after = zoo.tensors(found.card, file.replace("head.micro-choice", "head.micro-choice-pruned"))
        assert all(np.array_equal(before[key], after[key]) for key in before)
    first, last = found.costs
    assert last.parameters < first.parameters
    scores = toolkit.evaluate(found.card.name, held, task="micro-choice", languages="en,de").scores
    assert last.score == pytest.approx(sum(score.value for score in scores) / 2)
    assert (found.folder / "cost.csv").is_file()
    assert "without" in found.text and "generated rows" in found.text


def test_what_cannot_be_pruned_is_refused(held: Config, pruned) -> None:  # type: ignore[no-untyped-def]
    for keep in (1, 3):
        with pytest.raises(ToolkitError, match=f"--keep {keep} is out of range: .* has 3 members"):
            toolkit.prune(THREE, held, keep=keep)
    with pytest.raises(ToolkitError, match="'micro-nli' is not an entry that holds a fusion"):
        toolkit.prune("micro-nli", held, keep=2)
    with pytest.raises(ToolkitError, match="holds .* already; choose another name with --as, or replace it"):
        toolkit.prune(THREE, held, keep=2, languages="en")
    with pytest.raises(ToolkitError, match="'micro-nli' is a task"):
        toolkit.prune(THREE, held, keep=2, languages="en", name="micro-nli")


def test_a_fusion_of_what_is_left_that_was_trained_is_no_hindrance_and_stays(held: Config, pruned) -> None:  # type: ignore[no-untyped-def]
    trained_one = pruned[0].card.name.removesuffix("-pruned")
    (before,) = toolkit.train(trained_one, held)
    found = toolkit.prune(THREE, held, keep=2, languages="en", name="small")
    assert found.card.name == trained_one.replace("/micro-choice", "/small")
    assert Zoo(held.zoo).get(trained_one, "tiny").digest == before.digest
    scored = toolkit.evaluate("small", held, task="micro-choice", languages="en")
    assert {score.composition for score in scored.scores} == {found.card.name}
    (above,) = toolkit.train("small/micro-nli", held)
    assert above.name == f"{found.card.name}/micro-nli"
    with pytest.raises(ToolkitError, match="is a parent of .*small/micro-nli"):
        toolkit.prune(THREE, held, keep=2, languages="en", name="small", replace=True)
    with pytest.raises(
        ToolkitError, match="was not trained but pruned; make it again with `xstilts prune .* --as small --keep 2"
    ):
        toolkit.train("small", held, retrain=True)
    assert toolkit.collapse("small", held, languages="en", name="smaller").card.name == "smaller"


def test_what_0_1_0_pruned_under_the_name_of_a_trained_fusion_is_not_taken_for_it(held: Config, pruned) -> None:  # type: ignore[no-untyped-def]
    zoo, card, name = Zoo(held.zoo), pruned[0].card, "fuse[micro-pos,micro-qa]/micro-choice"
    recipe = {key: value for key, value in card.recipe.items() if key != "trained_as"}
    files = {file.replace("-pruned", ""): zoo.tensors(card, file) for file in card.files}
    zoo.put(
        replace(card, name=name, recipe=recipe, heads={"micro-choice": card.heads["micro-choice-pruned"]}),
        files,
        replace=True,
    )
    with pytest.raises(ToolkitError, match="which was pruned from .* and not trained; .*--retrain"):
        toolkit.train(name, held)
    assert [card.name for card in toolkit.train(name, held, retrain=True)] == [name]


def test_a_fusion_under_a_head_alone_is_pruned_under_its_head(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("fuse[micro-nli,micro-pos,micro-qa]@micro-nli", config)
    found = toolkit.prune("fuse[micro-nli,micro-pos,micro-qa]@micro-nli", config, keep=2, languages="en")
    assert found.card.name.endswith("]@micro-nli-pruned")
    assert toolkit.evaluate(found.card.name, config, task="micro-nli", languages="en").scores


# -- collapse ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def collapsed(held: Config):  # type: ignore[no-untyped-def]
    config = replace(held, train=replace(held.train, epochs=3.0, lr=5e-3))
    return toolkit.collapse(THREE, config, languages="en,de")


def test_a_collapsed_fusion_is_an_ordinary_adapter_with_its_teacher_as_parents(held: Config, collapsed) -> None:  # type: ignore[no-untyped-def]
    card = collapsed.card
    assert card.name == "micro-choice-collapsed"
    assert set(card.files) == {"adapter.safetensors", "head.micro-choice-collapsed.safetensors"}
    assert {parent.name for parent in card.parents} == {THREE, "micro-nli", "micro-pos", "micro-qa"}
    assert card.recipe["collapsed"]["from"] == THREE
    zoo = Zoo(held.zoo)
    zoo.verify(card)
    head = zoo.tensors(card, "head.micro-choice-collapsed.safetensors")
    teacher = zoo.tensors(zoo.get(THREE, "tiny"), "head.micro-choice.safetensors")
    assert all(np.array_equal(head[key], teacher[key]) for key in teacher)
    before, after = collapsed.costs
    assert after.parameters < before.parameters / 3
    scores = toolkit.evaluate(card.name, held, task="micro-choice", languages="en,de").scores
    assert after.score == pytest.approx(sum(score.value for score in scores) / 2)


def test_a_collapsed_adapter_comes_nearer_to_its_teacher_than_the_bare_backbone_is(held: Config, collapsed) -> None:  # type: ignore[no-untyped-def]
    def states(text: str) -> np.ndarray:
        import torch

        circuit, _ = trained_circuit(text, Session.open(held), heads={})
        ids = torch.randint(5, 500, (8, 12), generator=torch.Generator().manual_seed(0))
        with circuit, torch.inference_mode():
            return circuit.encode(ids, torch.ones_like(ids)).numpy()

    teacher = states(THREE)
    assert np.square(states(collapsed.card.name) - teacher).mean() < np.square(states("backbone") - teacher).mean()


def test_a_collapsed_adapter_can_be_stacked_on_and_retrieved_with(held: Config, collapsed) -> None:  # type: ignore[no-untyped-def]
    toolkit.train(f"{collapsed.card.name}/micro-nli", held)
    assert toolkit.retrieve(collapsed.card.name, held, task="micro-bitext", languages="de").scores


def test_labels_are_not_read_and_a_text_will_do(held: Config, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(f"a red house number {i}" for i in range(20)))
    found = toolkit.collapse(THREE, held, name="of-text", text=text, languages="en")
    assert found.card.recipe["collapsed"]["rows"]["lines"] == 20


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("micro-nli", {}, "not several adapters in one circuit"),
        ("par[micro-nli,micro-pos]", {}, "not several adapters in one circuit"),
        (THREE, {"name": "micro-nli"}, "'micro-nli' is a task"),
        (THREE, {"name": "a/b"}, "not a plain name"),
        (THREE, {"name": "micro-choice-collapsed"}, "holds 'micro-choice-collapsed' already"),
        (THREE, {"name": "x", "text": Path("missing.txt")}, "cannot be read as UTF-8 text"),
        (THREE, {"name": "x", "text": Path("/dev/zero")}, "cannot be read as UTF-8 text .*it is a device"),
    ],
)
def test_what_cannot_be_collapsed_is_refused(held: Config, collapsed, text, options, sentence) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ToolkitError, match=sentence):
        toolkit.collapse(text, held, languages="en", **options)


@pytest.mark.parametrize("journey", ["prune", "collapse"])
def test_interrupted_behind_the_entry_the_same_command_does_what_is_left(
    held: Config, journey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"keep": 2} if journey == "prune" else {}

    def command() -> cost.Cheaper:
        return getattr(toolkit, journey)(THREE, held, languages="en", name=f"{journey}-again", **options)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cost, "write_csv", interrupt)
        with pytest.raises(KeyboardInterrupt):
            command()
    found = command()
    assert (found.folder / "cost.csv").is_file()
    with pytest.raises(ToolkitError, match="already"):
        command()


def test_costs_are_relative_to_the_first(held: Config) -> None:
    rows = [cost.Cost("a", 0.5, 2.0, 100, "whole"), cost.Cost("b", 0.4, 1.0, 25, "less")]
    text = cost.cost_table(rows, toolkit.get_task("micro-nli"), [])
    assert "0.50" in text and "0.25" in text and "40.0" in text


# -- the command line --------------------------------------------------------------------------------------------------


def test_fuse_prune_is_prune_and_fuse_still_fuses() -> None:
    def usage(*words: str) -> str:
        return CliRunner().invoke(cli.main, [*words, "--help"]).stdout

    assert "fuse prune [OPTIONS] EXPR" in usage("fuse", "prune")
    assert "prune [OPTIONS] EXPR" in usage("prune")
    assert "fuse [OPTIONS] [MEMBERS]..." in usage("fuse")
