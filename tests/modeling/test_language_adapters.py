"""Language adapters of the `adapters` library come in and go out with the same logits; of their heads never the last layer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

import cli
from tests.hub.online import online
from tests.hub.repos import Hub, Repo
from tests.modeling.published.checkpoints import files_of, publish
from tests.recipes.small import tiny_config
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.backbone import Backbone, load_backbone
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.zoo import Zoo
from toolkit.zoo.adapterhub import Source, Taken, export, opened
from toolkit.zoo.adapterhub import take as take_from

IDS = torch.randint(5, 900, (3, 9), generator=torch.Generator().manual_seed(0))
BATCH = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = publish(tmp_path_factory.mktemp("published") / "xlm-r")
    tensors = load_file(made / "model.safetensors")
    bias = torch.randn(tensors["lm_head.bias"].shape, generator=torch.Generator().manual_seed(5))
    save_file({**tensors, "lm_head.bias": bias}, made / "model.safetensors", {"format": "pt"})
    return made


@pytest.fixture(scope="module")
def backbone(folder: Path) -> Backbone:
    return load_backbone(str(folder), precision="fp32", device=torch.device("cpu"))


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    return Zoo(tmp_path / "zoo")


def take(zoo: Zoo, saved: Path, backbone: Backbone, **options: Any) -> Taken:
    return take_from(zoo, Source(saved, saved.name), backbone, **options)


def library_model(folder: Path, **fields: Any) -> Any:
    """The library's model of the checkpoint with a language adapter `sw`, every weight of which says something."""
    from adapters import SeqBnInvConfig, XLMRobertaAdapterModel

    model: Any = XLMRobertaAdapterModel.from_pretrained(folder)
    model.add_adapter("sw", config=SeqBnInvConfig(reduction_factor=2, **fields))
    model.add_masked_lm_head("sw")
    return stirred(model)


def stirred(model: Any) -> Any:
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_word = "word_embeddings" in name or name.endswith(("3.weight", "decoder.weight"))
            if not is_word and any(part in name for part in ("adapters.", "heads.")):
                parameter.add_(torch.randn(parameter.shape, generator=draws) * 0.1)
    return model.eval()


def session_of(tmp_path: Path, zoo: Zoo, folder: Path) -> Session:
    config = tiny_config(tmp_path, f"zoo={zoo.root}", "eval.fold=false")
    return Session.open(replace(config, backbone=replace(config.backbone, name=str(folder))))


def vocabulary_here(zoo: Zoo, expression: str, tmp_path: Path, folder: Path) -> torch.Tensor:
    """Logits over the whole vocabulary [B, T, V], which a circuit itself never holds."""
    circuit, _ = trained_circuit(expression, session_of(tmp_path, zoo, folder), heads=None)
    with circuit, torch.no_grad():
        head: Any = next(iter(circuit.heads.values()))
        states = circuit.encode(*(BATCH[key].to(circuit.backbone.device) for key in ("input_ids", "attention_mask")))
        vectors = circuit._wired.invert(head.layer_norm(F.gelu(head.dense(states.float()))))
        return (vectors @ circuit.encoder.embeddings.word_embeddings.weight.float().T + head.bias).cpu()


def vocabulary_there(model: Any, active: Any = "sw", head: str = "sw") -> torch.Tensor:
    model.set_active_adapters(active)
    model.active_head = head
    with torch.no_grad():
        found: torch.Tensor = model(**BATCH).logits
    return found


@pytest.mark.parametrize("fields", [{}, {"leave_out": [1]}, {"non_linearity": "gelu"}, {"non_linearity": "gelu_new"}])
def test_it_comes_in_with_the_librarys_logits_and_goes_out_to_the_last_bit(
    zoo: Zoo, backbone: Backbone, folder: Path, tmp_path: Path, fields: dict[str, Any]
) -> None:
    model = library_model(folder, **fields)
    model.save_adapter(str(tmp_path / "saved"), "sw")
    card = take(zoo, tmp_path / "saved", backbone).cards[0]
    assert card.name == "text.sw" and card.kind == "seq_bn_inv" and card.recipe["imported"]["source"] == "saved"
    assert card.heads["text"].kind == "text" and card.heads["text"].pieces == backbone.n_pieces
    here = vocabulary_here(zoo, "text.sw", tmp_path, folder)
    assert torch.allclose(here, vocabulary_there(model), atol=1e-5)
    export(zoo, "text.sw", card.backbone.name, tmp_path / "out")
    assert not [
        key for key in load_file(next((tmp_path / "out").glob("head*")) / "model_head.safetensors") if "3.weight" in key
    ]
    again = library_model(folder)
    words = again.roberta.embeddings.word_embeddings.weight.clone()
    program = re.search(r"```python\n(.*?)```", (tmp_path / "out" / "README.md").read_text(), re.S)
    assert program is not None
    lines = [line.replace('("', f'("{tmp_path}/out/') for line in program[1].splitlines() if "load_" in line]
    for line in lines:
        exec(line, {"model": again})
    assert torch.allclose(vocabulary_there(again.eval(), "text~sw", "text"), here, atol=1e-5)
    assert torch.equal(again.roberta.embeddings.word_embeddings.weight, words)
    assert take(Zoo(tmp_path / "other"), tmp_path / "out", backbone).cards[0].digest == card.digest


def test_below_a_task_it_is_part_of_the_stack_that_was_saved(
    zoo: Zoo, backbone: Backbone, folder: Path, tmp_path: Path
) -> None:
    from adapters import Stack

    model = library_model(folder)
    model.add_adapter("nli", config="seq_bn")
    model.add_classification_head("nli", num_labels=2, id2label={0: "no", 1: "yes"})
    stirred(model).set_active_adapters(Stack("sw", "nli"))
    model.active_head = "nli"
    model.save_all_adapters(str(tmp_path / "saved"))
    taken = take(zoo, tmp_path / "saved", backbone, expression="text.sw/nli")
    assert [card.name for card in taken.cards] == ["text.sw", "text.sw/nli"]
    assert [card.kind for card in taken.cards] == ["seq_bn_inv", "seq_bn"]
    circuit, _ = trained_circuit("text.sw/nli", session_of(tmp_path, zoo, folder), heads=None)
    with circuit, torch.no_grad():
        here = circuit(BATCH)
    assert torch.allclose(here, vocabulary_there(model, Stack("sw", "nli"), "nli"), atol=1e-5)
    export(zoo, "text.sw/nli", taken.cards[0].backbone.name, tmp_path / "out")
    take(zoo, tmp_path / "saved" / "sw", backbone, expression="other")
    take(zoo, tmp_path / "saved" / "nli", backbone, expression="nli")
    with pytest.raises(ZooError, match="that of the first adapter of a setup alone, here 'nli'"):
        _stacked_above(zoo, backbone, tmp_path)


def _stacked_above(zoo: Zoo, backbone: Backbone, tmp_path: Path) -> None:
    taken = take(zoo, tmp_path / "saved" / "sw", backbone, expression="nli/text.sw")
    export(zoo, "nli/text.sw", taken.cards[0].backbone.name, tmp_path / "above")


def test_a_model_of_transformers_with_its_head_and_one_without(
    zoo: Zoo, backbone: Backbone, folder: Path, tmp_path: Path
) -> None:
    import adapters
    from transformers import XLMRobertaForMaskedLM

    model: Any = XLMRobertaForMaskedLM.from_pretrained(folder)
    adapters.init(model)
    model.add_adapter("sw/wiki@ukp", config=adapters.SeqBnInvConfig())
    stirred(model).save_adapter(str(tmp_path / "with"), "sw/wiki@ukp", with_head=True)
    model.save_adapter(str(tmp_path / "without"), "sw/wiki@ukp", with_head=False)
    first = take(zoo, tmp_path / "with", backbone).cards[0]
    taken = take(Zoo(tmp_path / "other"), tmp_path / "without", backbone)
    assert first.name == "text.sw" and taken.cards[0].digest == first.digest
    assert any("it has that of the checkpoint (lm_head)" in note for note in taken.notes)


def test_a_bias_that_the_library_lost_is_the_checkpoints_again(
    zoo: Zoo, backbone: Backbone, folder: Path, tmp_path: Path
) -> None:
    from adapters import SeqBnInvConfig, XLMRobertaAdapterModel

    model: Any = XLMRobertaAdapterModel.from_pretrained(folder)
    model.add_adapter("default", config=SeqBnInvConfig())  # the name of the head that the library makes of lm_head
    assert not model.heads["default"].get_output_embeddings().bias.any()
    model.save_adapter(str(tmp_path / "saved"), "default")
    taken = take(zoo, tmp_path / "saved", backbone, expression="text.sw")
    assert any("without its bias, which `adapters` loses" in note for note in taken.notes)
    held = zoo.tensors(taken.cards[0], "head.text.safetensors")["bias"]
    assert torch.equal(torch.tensor(held), load_file(folder / "model.safetensors")["lm_head.bias"])


def test_a_last_layer_that_is_not_the_word_embeddings_is_left_out_and_said(
    zoo: Zoo, backbone: Backbone, folder: Path, tmp_path: Path
) -> None:
    saved = change_head(library_model(folder), tmp_path, lambda held: held["heads.sw.3.weight"].add_(1))
    taken = take(zoo, saved, backbone)
    assert any("its last layer is not the word embeddings" in note for note in taken.notes)


def test_a_head_of_another_vocabulary_is_one_sentence(
    zoo: Zoo, backbone: Backbone, folder: Path, tmp_path: Path
) -> None:
    def cut(held: dict[str, torch.Tensor]) -> None:
        held.update({key: held[key][:-7].clone() for key in ("heads.sw.3.weight", "heads.sw.3.bias")})

    with pytest.raises(ZooError, match="of a vocabulary of 36,643 pieces, and .* has 36,650; choose the backbone"):
        take(zoo, change_head(library_model(folder), tmp_path, cut), backbone)
    assert not zoo.list()


def change_head(model: Any, tmp_path: Path, edit: Callable[[dict[str, torch.Tensor]], Any]) -> Path:
    model.save_adapter(str(tmp_path / "saved"), "sw")
    path = tmp_path / "saved" / "pytorch_model_head.bin"
    held = torch.load(path)
    edit(held)
    torch.save(held, path)
    return tmp_path / "saved"


def test_the_form_of_releases_before_2_is_read_as_the_library_reads_it(
    zoo: Zoo, backbone: Backbone, folder: Path, tmp_path: Path
) -> None:
    model = library_model(folder, non_linearity="gelu_new")
    model.save_adapter(str(tmp_path / "saved"), "sw")
    path = tmp_path / "saved" / "adapter_config.json"
    about = json.loads(path.read_text())
    about |= {"type": "text_lang"}
    del about["version"], about["config"]["inv_adapter"], about["config"]["inv_adapter_reduction_factor"]
    about["config"] |= {"non_linearity": "gelu", "attention_type": "sent-lstm", "new_attention_norm": False}
    about["config"]["invertible_adapter"] = {"block_type": "nice", "non_linearity": "gelu", "reduction_factor": 2}
    path.write_text(json.dumps(about))
    weights = tmp_path / "saved" / "pytorch_adapter.bin"
    old = {".adapters.": ".layer_text_lang_adapters.", "invertible_adapters": "invertible_lang_adapters"}
    held = torch.load(weights)
    for new, name in old.items():
        held = {key.replace(new, name): value for key, value in held.items()}
    torch.save(held, weights)
    taken = take(zoo, tmp_path / "saved", backbone)
    assert taken.cards[0].name == "text.sw" and taken.cards[0].shape["non_linearity"] == "gelu_new"
    assert torch.allclose(vocabulary_here(zoo, "text.sw", tmp_path, folder), vocabulary_there(model), atol=1e-5)


# -- from the hub -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    saved = tmp_path_factory.mktemp("saved")
    library_model(folder).save_adapter(str(saved), "sw", with_head=False)
    return {**files_of(saved), "README.md": b"# An adapter\n"}


@pytest.fixture
def hub(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    made = Hub()
    made.models["AdapterHub/small-sw-wiki_pfeiffer"] = Repo({"main": dict(files), "old": {**files, "old.txt": b""}})
    with online(made, monkeypatch, tmp_path / "cache"):
        yield made


def test_it_comes_from_the_hub_by_name_and_the_card_names_the_commit(
    hub: Hub, zoo: Zoo, backbone: Backbone, folder: Path
) -> None:
    repo = hub.models["AdapterHub/small-sw-wiki_pfeiffer"]
    words = ["--backbone", str(folder), "--zoo", str(zoo.root)]
    said = CliRunner().invoke(cli.main, ["zoo", "import", "hf://AdapterHub/small-sw-wiki_pfeiffer", *words])
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("Imported text.sw  ")
    (card,) = zoo.list()
    assert card.recipe["imported"]["source"] == f"hf://AdapterHub/small-sw-wiki_pfeiffer@{repo.commit()}"
    with opened("hf://AdapterHub/small-sw-wiki_pfeiffer@old") as source:
        assert source.name.endswith("@" + repo.commit("old")) and source.folder.name == "small-sw-wiki_pfeiffer"
        assert sorted(path.name for path in source.folder.iterdir()) == ["adapter_config.json", "pytorch_adapter.bin"]
    assert not source.folder.exists()


def test_the_pins_name_the_commit_where_the_user_does_not(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = hub.models["AdapterHub/small-sw-wiki_pfeiffer"].commit("old")
    (tmp_path / "pins.yaml").write_text(f"models/AdapterHub/small-sw-wiki_pfeiffer: '{old}'\n")
    monkeypatch.setenv("XSTILTS_PINS", str(tmp_path / "pins.yaml"))
    with opened("hf://AdapterHub/small-sw-wiki_pfeiffer") as source:
        assert source.name.endswith(old)


@pytest.mark.parametrize(
    ("src", "faults", "expected"),
    [
        ("hf://AdapterHub/absent", {}, "the hub has no such id, or it is private; correct the id"),
        ("hf://AdapterHub/small-sw-wiki_pfeiffer@nowhere", {}, "it has no such revision; name a branch, tag or commit"),
        (
            "hf://AdapterHub/small-sw-wiki_pfeiffer",
            {"is_down": True},
            r"fault of its own \(500\); run the same command",
        ),
        ("hf://AdapterHub/small-sw-wiki_pfeiffer", {"limited": -1}, "takes no more requests from here for now"),
        (
            "hf://AdapterHub/small-sw-wiki_pfeiffer/inner",
            {},
            "holds nothing that the `adapters` library saves in inner",
        ),
        ("hf://AdapterHub", {}, "'hf://AdapterHub' is not a repository of the hub; expected `hf://org/name`"),
        ("hf://a/b/../../../etc", {}, "holds nothing|no such id"),
        ("AdapterHub/small-sw-wiki_pfeiffer", {}, "write hf://AdapterHub/small-sw-wiki_pfeiffer"),
        ("sw/wiki@ukp", {}, "is a repository of the hub by now: hf://AdapterHub/xlm-roberta-base-sw-wiki_pfeiffer"),
        ("https://huggingface.co/a/b", {}, "or `hf://org/name` for a repository of the hub"),
    ],
)
def test_what_the_hub_does_not_give_is_one_sentence(hub: Hub, src: str, faults: dict[str, Any], expected: str) -> None:
    for name, value in faults.items():
        setattr(hub, name, value)
    with pytest.raises(ToolkitError, match=expected) as caught, opened(src):
        pass
    assert "\n" not in str(caught.value)


def test_a_fault_in_a_file_of_the_hub_names_the_repository_and_no_folder_that_is_gone(
    hub: Hub, zoo: Zoo, backbone: Backbone
) -> None:
    hub.models["AdapterHub/small-sw-wiki_pfeiffer"].main["pytorch_adapter.bin"] = b"no weights"
    with (
        pytest.raises(
            ToolkitError, match="^hf://AdapterHub/small-sw-wiki_pfeiffer@.* is a pickle that holds more than tensors"
        ),
        opened("hf://AdapterHub/small-sw-wiki_pfeiffer") as source,
    ):
        take_from(zoo, source, backbone)
