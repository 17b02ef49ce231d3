"""What the `adapters` library itself saved comes into a zoo, and answers with the same logits."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import adapters
import pytest
import torch
from adapters import Fuse, SeqBnConfig, Stack, XLMRobertaAdapterModel
from click.testing import CliRunner
from safetensors.torch import save_file
from transformers import XLMRobertaForSequenceClassification, XLMRobertaForTokenClassification

import cli
import toolkit
from tests.recipes.small import tiny_config
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.backbone import Backbone, load_backbone
from toolkit.modeling.tiny import tiny_model
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.zoo import Zoo
from toolkit.zoo.adapterhub import Source, Taken, export
from toolkit.zoo.adapterhub import take as take_from
from toolkit.zoo.adapterhub.layout import FILES

IDS = torch.randint(5, 200, (4, 12), generator=torch.Generator().manual_seed(0))
BATCH = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("tiny", precision="fp32")


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    return Zoo(tmp_path / "zoo")


encoder = cache(tiny_model)


def take(zoo: Zoo, folder: Path, backbone: Backbone, **options: Any) -> Taken:
    return take_from(zoo, Source(folder, folder.name), backbone, **options)


def library_model(kind: type = XLMRobertaAdapterModel) -> Any:
    """The library's model on the tiny encoder."""
    model = kind(deepcopy(encoder().config))
    model.roberta.load_state_dict(encoder().state_dict(), strict=False)
    if kind is not XLMRobertaAdapterModel:
        adapters.init(model)
    return model


def randomised(model: Any) -> Any:
    """Make every adapter, fusion and head say something: fresh ones are close to zero or to the identity."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if any(word in name for word in (".adapters.", "adapter_fusion_layer", "heads.", "classifier")):
            parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A pair adapter and its head as the library saves them, pickles."""
    model = library_model()
    model.add_adapter("nli", config="seq_bn")
    model.add_classification_head("nli", num_labels=3, id2label={0: "entailment", 1: "neutral", 2: "contradiction"})
    randomised(model).save_adapter(str(tmp_path / "saved"), "nli")
    return tmp_path / "saved"


def logits_here(zoo: Zoo, expression: str, tmp_path: Path) -> torch.Tensor:
    config = tiny_config(tmp_path, f"zoo={zoo.root}", "eval.fold=false")
    circuit, _ = trained_circuit(expression, Session.open(config), heads=None)
    with circuit, torch.no_grad():
        return circuit({key: value.to(circuit.backbone.device) for key, value in BATCH.items()}).cpu()


def logits_there(model: Any, active: Any, head: str | None) -> torch.Tensor:
    model.set_active_adapters(active)
    batch = dict(BATCH)
    if head is not None:
        model.active_head = head
        if model.heads[head].config["head_type"] == "multiple_choice":
            batch = {key: value.view(2, 2, 12) for key, value in BATCH.items()}
    with torch.no_grad():
        found = model(**batch)
    if hasattr(found, "start_logits"):
        return torch.stack([found.start_logits, found.end_logits], dim=-1)  # [B, T, 2]
    return found.logits


def change(folder: Path, kind: str = "adapter", **fields: Any) -> None:
    path = folder / FILES[kind][0]
    about = json.loads(path.read_text())
    inner = fields.pop("config", {})
    about |= fields
    if isinstance(inner, dict):
        about["config"] |= inner
    else:
        about["config"] = inner
    path.write_text(json.dumps(about))


@pytest.mark.parametrize("is_safe", [False, True])
@pytest.mark.parametrize("kind", ["pair", "choice", "span", "tags"])
def test_an_adapter_that_the_library_saved_answers_with_equal_logits(
    zoo: Zoo, backbone: Backbone, tmp_path: Path, kind: str, is_safe: bool
) -> None:
    model = library_model()
    model.add_adapter("one", config=SeqBnConfig(reduction_factor=8, non_linearity="swish", leave_out=[1]))
    {
        "pair": lambda: model.add_classification_head("one", num_labels=3),
        "choice": lambda: model.add_multiple_choice_head("one", num_choices=2),
        "span": lambda: model.add_qa_head("one"),
        "tags": lambda: model.add_tagging_head("one", num_labels=5),
    }[kind]()
    randomised(model).save_adapter(str(tmp_path / "saved"), "one", use_safetensors=is_safe)
    taken = take(zoo, tmp_path / "saved", backbone)
    assert [card.name for card in taken.cards] == ["one"] and zoo.faults() == []
    assert any("pickle" in note for note in taken.notes) is not is_safe
    assert not list(zoo.root.rglob("*.bin"))
    found, expected = logits_here(zoo, "one", tmp_path), logits_there(model, "one", "one")
    assert torch.equal(found.reshape(expected.shape), expected)
    assert expected.abs().max() > 1e-2


def test_a_fusion_its_members_and_the_target_on_top_answer_with_equal_logits(
    zoo: Zoo, backbone: Backbone, tmp_path: Path
) -> None:
    model = library_model()
    for name, factor in (("nli", 16), ("qa", 8), ("target", 16)):
        model.add_adapter(name, config=SeqBnConfig(reduction_factor=factor))
    model.add_adapter_fusion(Fuse("nli", "qa"))
    model.add_classification_head("target", num_labels=4)
    active = Stack(Fuse("nli", "qa"), "target")
    randomised(model).save_adapter_setup(str(tmp_path / "saved"), active, head_setup="target")
    taken = take(zoo, tmp_path / "saved", backbone)  # the setup says how they are composed
    assert [card.name for card in taken.cards] == ["nli", "qa", "fuse[nli,qa]/target"]
    assert [parent.name for parent in taken.cards[-1].parents] == ["nli", "qa"]
    assert zoo.faults() == []
    found, expected = logits_here(zoo, "fuse[nli,qa]/target", tmp_path), logits_there(model, active, "target")
    # A fusion is computed in another order here (toolkit/modeling/fusion.py), so rounding may differ.
    assert torch.allclose(found, expected, atol=1e-5, rtol=1e-5), (found - expected).abs().max()
    assert take(zoo, tmp_path / "saved", backbone).held == ("nli", "qa", "fuse[nli,qa]/target")


def test_a_fusion_alone_needs_its_members_in_the_folder_or_in_the_zoo(
    zoo: Zoo, backbone: Backbone, tmp_path: Path
) -> None:
    model = library_model()
    for name in ("nli", "qa"):
        model.add_adapter(name, config="seq_bn")
    model.add_adapter_fusion(Fuse("nli", "qa"))
    model.add_tagging_head("pos", num_labels=4)
    randomised(model).save_adapter_fusion(str(tmp_path / "fusion"), "nli,qa", with_head="pos")
    with pytest.raises(ZooError, match="needs 'nli', which neither .* holds"):
        take(zoo, tmp_path / "fusion", backbone)
    assert not zoo.list()
    for name in ("nli", "qa"):
        model.save_adapter(str(tmp_path / name), name, with_head=False)
        assert any("no head" in note for note in take(zoo, tmp_path / name, backbone).notes)
    assert [card.name for card in take(zoo, tmp_path / "fusion", backbone).cards] == ["fuse[nli,qa]@pos"]
    found, expected = logits_here(zoo, "fuse[nli,qa]@pos", tmp_path), logits_there(model, Fuse("nli", "qa"), "pos")
    assert torch.allclose(found, expected, atol=1e-5, rtol=1e-5)
    with pytest.raises(ZooError, match="imported without a head 'nli'"):
        logits_here(zoo, "nli", tmp_path)


@pytest.mark.parametrize("kind", [XLMRobertaForSequenceClassification, XLMRobertaForTokenClassification])
def test_the_head_of_a_model_of_transformers_comes_along(
    zoo: Zoo, backbone: Backbone, tmp_path: Path, kind: type
) -> None:
    model = library_model(kind)
    model.add_adapter("one", config="seq_bn")
    randomised(model).save_adapter(str(tmp_path / "saved"), "one", with_head=True)
    names = ["a"] + ["b"] * (model.num_labels > 1)
    take(zoo, tmp_path / "saved", backbone, labels=names)
    assert list(zoo.get("one", "tiny").heads["one"].labels) == names
    assert torch.equal(logits_here(zoo, "one", tmp_path), logits_there(model, "one", None))


@pytest.mark.parametrize("left_out", [[], [1]])
def test_what_was_exported_comes_back_to_the_last_bit(
    zoo: Zoo, backbone: Backbone, tmp_path: Path, left_out: list[int]
) -> None:
    model = library_model()
    model.add_adapter("nli", config=SeqBnConfig(leave_out=left_out))
    model.add_tagging_head("nli", num_labels=2)
    randomised(model).save_adapter(str(tmp_path / "saved"), "nli")
    first = take(zoo, tmp_path / "saved", backbone).cards[0]
    export(zoo, "nli", "tiny", tmp_path / "out")
    other = Zoo(tmp_path / "other")
    assert take(other, tmp_path / "out", backbone).cards[0].digest == first.digest


def test_the_card_says_what_is_not_known(zoo: Zoo, backbone: Backbone, saved: Path) -> None:
    from toolkit.recipes.score.contamination import contamination
    from toolkit.tasks import get_task
    from toolkit.zoo.find import history
    from toolkit.zoo.readme import readme

    taken = take(zoo, saved, backbone, expression="mnli")
    card = taken.cards[0]
    assert [seen.origin for seen in card.data_seen] == ["external"] and not card.scores and not card.licence
    assert card.heads["mnli"].labels == ("entailment", "neutral", "contradiction")
    assert any("does not name its encoder" in note for note in taken.notes)
    assert "which rows it saw is not known" in "\n".join(history(zoo, card))
    assert "which rows it saw is not known" in contamination([card], get_task("xnli"), zoo)[0]
    assert "made elsewhere" in readme(card, "") and "not stated" in readme(card, "")


def test_a_name_that_holds_other_weights_is_never_overwritten_silently(
    zoo: Zoo, backbone: Backbone, saved: Path, tmp_path: Path
) -> None:
    first = take(zoo, saved, backbone).cards[0]
    model = library_model()
    model.add_adapter("nli", config="seq_bn")
    randomised(model).save_adapter(str(tmp_path / "other"), "nli", with_head=False)
    path = tmp_path / "other" / "pytorch_adapter.bin"
    torch.save({key: value + 1 for key, value in torch.load(path).items()}, path)
    with pytest.raises(ZooError, match="already holds 'nli'"):
        take(zoo, tmp_path / "other", backbone)
    assert zoo.get("nli", "tiny").digest == first.digest
    assert take(zoo, tmp_path / "other", backbone, replace="unneeded").cards[0].digest != first.digest


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch stolen",)


def a_pickle_with_code(folder: Path) -> None:
    (folder / "pytorch_adapter.bin").write_bytes(pickle.dumps({"w": Evil()}))


def a_link(folder: Path) -> None:
    (folder / "pytorch_adapter.bin").rename(folder.parent / "elsewhere.bin")
    (folder / "pytorch_adapter.bin").symlink_to(folder.parent / "elsewhere.bin")


def a_cut(folder: Path) -> None:
    path = folder / "pytorch_adapter.bin"
    path.write_bytes(path.read_bytes()[:-200])


def tensors(folder: Path, edit: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    path = folder / "pytorch_adapter.bin"
    held = torch.load(path)
    edit(held)
    save_file(held, folder / "adapter.safetensors")
    path.unlink()


UP = "roberta.encoder.layer.0.output.adapters.nli.adapter_up.weight"


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda f: change(f, peft_type="LORA"), "saved by PEFT .LORA.*nothing was taken"),
        (lambda f: change(f, config={"architecture": "lora"}), "of the kind 'lora'; what can be taken is the bottleneck"),
        (lambda f: change(f, config={"architecture": "prefix_tuning"}), "'prefix_tuning'"),
        (lambda f: change(f, config="pfeiffer"), "without its fields"),
        (lambda f: change(f, config={"mh_adapter": True}), "double_seq_bn"),
        (lambda f: change(f, config={"is_parallel": True}), "parallel"),
        (lambda f: change(f, config={"phm_layer": True}), "PHM"),
        (lambda f: change(f, config={"use_gating": True}), "gated"),
        (lambda f: change(f, config={"inv_adapter": "nice"}), "invertible layer with the reduction factor None; expected 2"),
        (lambda f: change(f, config={"inv_adapter": "glow"}), "of the form 'glow'; expected `nice`"),
        (
            lambda f: change(f, config={"inv_adapter": "nice", "inv_adapter_reduction_factor": 2}),
            "lacks 'invertible.F.0.bias'.*nothing was loaded",
        ),
        (lambda f: change(f, config={"scaling": "learned"}), "scaled"),
        (lambda f: change(f, config={"ln_before": True}), "ln_before=True"),
        (lambda f: change(f, config={"new_trick": 1}), "'new_trick', which this release does not know"),
        (lambda f: change(f, config={"reduction_factor": {"1": 2, "default": 16}}), "one whole number"),
        (lambda f: change(f, config={"non_linearity": "mish"}), "activation 'mish'"),
        (lambda f: change(f, config={"leave_out": [0, 1]}), "not all"),
        (lambda f: change(f, hidden_size=768), "width 768; tiny has 32"),
        (lambda f: change(f, model_name="xlm-roberta-base"), "--same-as 'xlm-roberta-base'"),
        (lambda f: change(f, model_type="bert"), "type 'bert'"),
        (lambda f: change(f, name="NLI adapter!"), "not a composition.*--as"),
        (lambda f: change(f, name=3), "names no adapter"),
        (lambda f: (f / "adapter_config.json").write_text("[" * 1_000_000), "nested too deep"),
        (lambda f: (f / "adapter_config.json").write_text(" " * 2_000_000), "no configuration of an adapter is that long"),
        (lambda f: (f / "adapter_config.json").write_text("{"), "not JSON"),
        (lambda f: (f / "adapter_config.json").write_text("[]"), "no fields"),
        (lambda f: (f / "pytorch_adapter.bin").unlink(), "missing"),
        (a_pickle_with_code, "more than tensors; nothing in it was run"),
        (a_link, "symbolic link"),
        (a_cut, "cannot be read as a weight file"),
        (lambda f: torch.save([1], f / "pytorch_adapter.bin"), "more than dense tensors"),
        (lambda f: tensors(f, lambda held: held.pop(UP)), "lacks 'layer.0.adapter_up.weight'.*nothing was loaded"),
        (lambda f: tensors(f, lambda held: held.update({UP: torch.ones(32, 3)})), "with shape .32, 3., expected"),
        (lambda f: tensors(f, lambda held: held.update({UP: torch.full((32, 2), float("nan"))})), "holds NaN or infinite"),
        (lambda f: tensors(f, lambda held: held.update({"roberta.x": torch.ones(2)})), "'roberta.x', which is not a part"),
        (lambda f: shutil.rmtree(f), "no folder"),
        (lambda f: [path.unlink() for path in f.iterdir()], "nothing that the `adapters` library saves"),
        (lambda f: shutil.copytree(f, f / "again"), "hold the adapter 'nli'"),
    ],
)  # fmt: skip
def test_what_is_no_such_adapter_or_damaged_is_one_sentence_and_nothing_is_taken(
    zoo: Zoo,
    backbone: Backbone,
    saved: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], Any],
    expected: str,
) -> None:
    monkeypatch.chdir(saved.parent)
    damage(saved)
    with pytest.raises(ToolkitError, match=expected) as caught:
        take(zoo, saved, backbone)
    assert "\n" not in str(caught.value)
    assert not zoo.list() and not (saved.parent / "stolen").exists()


def test_a_head_that_has_no_form_here_is_left_out_and_said(zoo: Zoo, backbone: Backbone, saved: Path) -> None:
    change(saved, "head", config={"layers": 3})
    taken = take(zoo, saved, backbone)
    assert any("head of 'nli' was left out: it was made with layers=3" in note for note in taken.notes)
    assert set(taken.cards[0].files) == {"adapter.safetensors"} and zoo.faults() == []


def test_half_precision_weights_become_float32_and_it_is_said(zoo: Zoo, backbone: Backbone, saved: Path) -> None:
    tensors(saved, lambda held: held.update({key: value.to(torch.bfloat16) for key, value in held.items()}))
    taken = take(zoo, saved, backbone)
    assert any("bfloat16" in note for note in taken.notes)
    assert zoo.tensors(taken.cards[0], "adapter.safetensors")["layer.0.adapter_up.weight"].dtype == "float32"


def test_the_command_imports_names_labels_and_says_what_it_did(saved: Path, zoo: Zoo) -> None:
    change(saved, model_name="our/own-encoder")
    change(saved, "head", model_name="our/own-encoder")
    words = [
        "zoo",
        "import",
        str(saved),
        "--as",
        "mnli",
        "--backbone",
        "tiny",
        "--labels",
        "neutral,Entailment,contradiction",
        "--zoo",
        str(zoo.root),
    ]
    refused = CliRunner().invoke(cli.main, words)
    assert refused.exit_code == 2 and "--same-as 'our/own-encoder'" in refused.stderr
    said = CliRunner().invoke(cli.main, [*words, "--same-as", "our/own-encoder"])
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("Imported mnli  ") and "pickle" in said.stderr and "Not known" in said.stderr
    assert "put into the order of --labels; the folder has entailment, neutral, contradiction." in said.stderr
    assert list(zoo.get("mnli", "tiny").heads["mnli"].labels) == ["neutral", "Entailment", "contradiction"]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)])
def test_names_stay_with_their_weights_in_whatever_order_they_are_asked_for(
    zoo: Zoo, backbone: Backbone, saved: Path, tmp_path: Path, order: tuple[int, ...]
) -> None:
    held = ("entailment", "neutral", "contradiction")
    take(zoo, saved, backbone, expression="as-saved")
    take(zoo, saved, backbone, expression="mnli", labels=[held[place] for place in order])
    assert zoo.get("mnli", "tiny").heads["mnli"].labels == tuple(held[place] for place in order)
    before, after = logits_here(zoo, "as-saved", tmp_path), logits_here(zoo, "mnli", tmp_path)
    assert torch.equal(after, before[..., list(order)])


@pytest.mark.parametrize("labels", [["x", "y", "z"], ["entailment", "neutral", "other"]])
def test_classes_that_a_folder_names_are_not_renamed(
    zoo: Zoo, backbone: Backbone, saved: Path, labels: list[str]
) -> None:
    with pytest.raises(
        ZooError, match="names its classes entailment, neutral, contradiction, and --labels would rename"
    ):
        take(zoo, saved, backbone, expression="mnli", labels=labels)
    assert not zoo.list()


@pytest.mark.parametrize(
    "config",
    [
        {"label2id": {"entailment": "0", "neutral": "1", "contradiction": "2"}},
        {"label2id": None, "id2label": {"0": "entailment", "1": "neutral", "2": "contradiction"}},
    ],
)
def test_names_are_read_in_either_form_that_a_folder_has_them_in(
    zoo: Zoo, backbone: Backbone, saved: Path, config: dict[str, Any]
) -> None:
    change(saved, "head", config=config)
    with pytest.raises(ZooError, match="--labels would rename"):
        take(zoo, saved, backbone, expression="mnli", labels=["x", "y", "z"])
    assert not zoo.list()


def test_the_classes_of_a_model_with_one_fixed_head_are_not_renamed(zoo: Zoo, backbone: Backbone, saved: Path) -> None:
    path = saved / FILES["head"][0]
    about = json.loads(path.read_text())
    about |= {"config": None, "model_class": "XLMRobertaForSequenceClassification", "num_labels": 3}
    about["label2id"] = {"entailment": 0, "neutral": 1, "contradiction": 2}
    path.write_text(json.dumps(about))
    weights = saved / "pytorch_model_head.bin"
    held = torch.load(weights)
    torch.save(
        {
            key.replace("heads.nli.1", "classifier.dense").replace("heads.nli.4", "classifier.out_proj"): value
            for key, value in held.items()
        },
        weights,
    )
    with pytest.raises(ZooError, match="names its classes entailment, neutral, contradiction, and --labels"):
        take(zoo, saved, backbone, expression="mnli", labels=["x", "y", "z"])
    take(zoo, saved, backbone, expression="mnli")
    assert zoo.get("mnli", "tiny").heads["mnli"].labels == ("entailment", "neutral", "contradiction")


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1", "LABEL_2"), ("0", "1", "2"), ("class0", "class1", "class2")])
def test_classes_that_are_only_numbered_take_the_names(
    zoo: Zoo, backbone: Backbone, saved: Path, names: tuple[str, ...]
) -> None:
    change(saved, "head", config={"label2id": {name: number for number, name in enumerate(names)}})
    assert any("have no names" in note for note in take(zoo, saved, backbone, expression="unnamed").notes)
    take(zoo, saved, backbone, expression="mnli", labels=["x", "y", "z"])
    assert zoo.get("mnli", "tiny").heads["mnli"].labels == ("x", "y", "z")


def test_a_head_without_classes_takes_no_names(zoo: Zoo, backbone: Backbone, tmp_path: Path) -> None:
    model = library_model()
    model.add_adapter("qa", config="seq_bn")
    model.add_qa_head("qa")
    randomised(model).save_adapter(str(tmp_path / "saved"), "qa")
    with pytest.raises(ZooError, match="has no classes to name; leave --labels out"):
        take(zoo, tmp_path / "saved", backbone, labels=["start", "end"])


def test_a_head_in_another_order_says_how_to_import_it(
    zoo: Zoo, backbone: Backbone, saved: Path, tmp_path: Path
) -> None:
    config = tiny_config(tmp_path, f"zoo={zoo.root}", f"data_root={tmp_path}")
    labels = ("entailment", "neutral", "contradiction")
    take(zoo, saved, backbone, expression="mnli", labels=(labels[2], *labels[:2]))
    with pytest.raises(
        ToolkitError, match="put its classes into that order .*--labels entailment,neutral,contradiction`"
    ):
        toolkit.evaluate("mnli", config, task="micro-nli", languages="en")
    toolkit.train("mnli/micro-pos", config)
    with pytest.raises(ZooError, match="'mnli' is a parent of 'mnli/micro-pos', .*--force"):
        take(zoo, saved, backbone, expression="mnli", labels=labels, replace="unneeded")
    take(zoo, saved, backbone, expression="mnli", labels=labels, replace="any")
    assert toolkit.evaluate("mnli", config, task="micro-nli", languages="en").scores
