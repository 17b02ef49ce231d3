"""Sixteen traps of `adapters` 1.3.0: each test fails when the library's behaviour changes, and then a workaround may go.

Where our code has a path of its own, the same test says that ours is right.
"""

from __future__ import annotations

import copy
import json
import re
from importlib.metadata import requires, version

import adapters
import numpy as np
import pytest
import torch
from adapters import AdapterTrainer, XLMRobertaAdapterModel
from adapters.composition import AdapterCompositionBlock, Average, Fuse, Stack
from torch import nn
from transformers import TrainingArguments, XLMRobertaConfig, XLMRobertaModel

from tests import PROJECT
from toolkit.composition import Part, parse
from toolkit.errors import ZooError
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.learn import unfreeze_exactly
from toolkit.training.optimizer import build_optimizer
from toolkit.zoo import AdapterCard, Zoo, check_backbone
from toolkit.zoo import Backbone as ZooBackbone

IDS = torch.tensor([[0, 7, 8, 9, 2], [0, 11, 5, 2, 1]])
PAIR = HeadSpec("pair", ("no", "yes"))


def config(hidden_size=32):
    return XLMRobertaConfig(
        vocab_size=50, hidden_size=hidden_size, num_hidden_layers=1, num_attention_heads=4, intermediate_size=32,
        max_position_embeddings=40, type_vocab_size=1,
    )  # fmt: skip


def encoder(*names, seed=0, **options):
    """A one-layer encoder with random adapters."""
    torch.manual_seed(seed)
    model = XLMRobertaModel(config(**options), add_pooling_layer=False)
    adapters.init(model)
    for name in names:
        model.add_adapter(name, config="seq_bn")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".adapters." in name:
                parameter.normal_(std=0.5)
    return model.eval()


def output(model, setup):
    model.set_active_adapters(setup)
    with torch.inference_mode():
        return model(input_ids=IDS, attention_mask=(IDS != 1).long()).last_hidden_state


def trainable(model):
    """Names of the adapters and fusions that learn."""
    return {
        name.split(".adapters.")[-1].split(".adapter_fusion_layer.")[-1].split(".")[0]
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


@pytest.fixture(scope="module")
def tiny():
    torch.set_num_threads(1)
    return load_backbone("tiny", precision="fp32", device=torch.device("cpu"))


def learns(tiny, text, learn):
    """Names of the parts that learn in our circuit."""
    c = parse(text)
    with Circuit(tiny, c, heads={c.parts[-1].name: PAIR}) as circuit:
        unfreeze_exactly(circuit, circuit.learnable(learn))
        return {name.removeprefix("part:") for name in trainable(circuit.encoder)}


def test_trap_1_average_divides_normalised_weights_by_n_again():
    model = encoder("a", "b")
    for module in model.modules():
        if hasattr(module, "adapters") and isinstance(module.adapters, nn.ModuleDict) and "a" in module.adapters:
            module.adapters["b"].load_state_dict(module.adapters["a"].state_dict())
    single = output(model, "a")
    assert not torch.allclose(output(model, Average("a", "b")), single, atol=1e-2)
    assert not torch.allclose(output(model, Average("a", "b", weights=[0.3, 0.7])), single, atol=1e-2)
    corrected = Average("a", "b", weights=[2 * 0.3, 2 * 0.7], normalize_weights=False)
    assert torch.allclose(output(model, corrected), single, atol=1e-5)


def test_trap_1_our_average_of_an_adapter_with_its_own_copy_is_the_adapter(tiny):
    mask = torch.ones_like(IDS)
    with Circuit(tiny, parse("a")) as circuit, torch.inference_mode():
        (part,) = circuit.parts
        weights = {key: value + 0.1 for key, value in circuit.tensors_of(part).items()}
        circuit.load(part, weights)
        alone = circuit.encode(IDS, mask)
    with Circuit(tiny, parse("avg[a:0.3,b:0.7]")) as circuit, torch.inference_mode():
        for part in circuit.parts:
            circuit.load(part, weights)
        assert torch.allclose(circuit.encode(IDS, mask), alone, atol=1e-6)


def test_trap_2_training_the_top_of_a_stack_unfreezes_all_of_it(tiny):
    model = encoder("a", "b")
    model.train_adapter(Stack("a", "b"))
    assert trainable(model) == {"a", "b"}
    c = parse("a/b")
    assert learns(tiny, "a/b", [part for part in c.parts if part.entry == "a/b"]) == {"a+b"}


def test_trap_3_training_a_fusion_leaves_the_adapter_on_top_of_it_frozen(tiny):
    model = encoder("a", "c", "d")
    model.add_adapter_fusion(["a", "c"], name="f")
    model.train_adapter_fusion(Stack(Fuse("a", "c", name="f"), "d"))
    assert trainable(model) == {"f"}
    c = parse("fuse[a,c]/d")
    assert learns(tiny, "fuse[a,c]/d", [part for part in c.parts if part.entry == "fuse[a,c]/d"]) == {
        "fuse=a,c=",
        "fuse=a,c=+d",
    }


def test_trap_4_activating_a_bare_fusion_keeps_the_previous_head(tiny):
    model = XLMRobertaAdapterModel(config())
    for name in "abc":
        model.add_adapter(name, config="seq_bn")
    model.add_classification_head("a", num_labels=2)
    model.add_classification_head("c", num_labels=3)
    model.add_adapter_fusion(Fuse("b", "c"))
    model.set_active_adapters("a")
    model.set_active_adapters(Fuse("b", "c"))
    assert model.active_head == "a"
    with Circuit(tiny, parse("fuse[b,c]"), heads={"c": PAIR}) as circuit:
        assert circuit.active_head == parse("fuse[b,c]").head_name.name == "c"


def test_trap_5_equality_of_blocks_ignores_length_and_weights():
    assert Stack("a") == Stack("a", "b")
    assert Average("a", "b", weights=[0.1, 0.9]) == Average("a", "b", weights=[0.9, 0.1])
    assert parse("a") != parse("a/b")
    assert parse("avg[a:0.1,b:0.9]") != parse("avg[a:0.9,b:0.1]")


def test_trap_6_a_block_loses_its_name_and_its_weights_through_a_dictionary():
    fuse = AdapterCompositionBlock.from_dict(Fuse("a", "b", name="mine").to_dict())
    assert fuse.name == "a,b"
    average = AdapterCompositionBlock.from_dict(
        Average("a", "b", weights=[1.0, 3.0], normalize_weights=False).to_dict()
    )
    assert average.weights == [0.25, 0.75]
    for text in ("fuse[a,b]@t", "avg[a:1.0,b:3.0]"):
        assert str(parse(str(parse(text)))) == text


def test_trap_7_default_names_of_different_fusions_collide(tiny):
    assert Fuse(Stack("a", "b"), Stack("c", "b")).name == "b,b"
    assert Fuse(Stack("d", "b"), Stack("e", "b")).name == "b,b"
    ours = [
        next(part.name for part in parse(text).parts if part.kind == "fusion")
        for text in ("fuse[a/b,c/b]@t", "fuse[d/b,e/b]@t")
    ]
    assert len(set(ours)) == 2


def test_trap_8_a_fusion_with_a_chain_in_it_cannot_be_registered(tiny):
    model = encoder("a", "b", "c")
    with pytest.raises(TypeError, match="unhashable"):
        model.add_adapter_fusion(Fuse(Stack("a", "b"), "c"))
    with Circuit(tiny, parse("fuse[a/b,c]@t"), heads={"t": PAIR}) as circuit:
        batch = {"input_ids": IDS, "attention_mask": (IDS != 1).long()}
        assert circuit(batch).shape == (2, 2)


def test_trap_9_a_saved_setup_with_a_named_fusion_cannot_be_loaded(tmp_path):
    model = encoder("a", "b")
    model.add_adapter_fusion(["a", "b"], name="mine")
    model.save_adapter_setup(str(tmp_path), Fuse("a", "b", name="mine"))
    assert (tmp_path / "mine").is_dir()
    assert "mine" not in (tmp_path / "adapter_setup.json").read_text()
    with pytest.raises(ValueError, match="directory where AdapterFusion is saved"):
        encoder().load_adapter_setup(str(tmp_path))


def test_trap_9_resuming_finds_a_fusion_by_the_comma_in_its_folders_name(tmp_path):
    found = {}
    for name in ("mine", "a,b"):
        model = encoder("a", "b")
        model.add_adapter_fusion(["a", "b"], name=name)
        model.save_all_adapter_fusions(str(tmp_path / name))
        loaded = []

        class Resuming:
            class model:
                load_adapter_fusion = staticmethod(loaded.append)

        AdapterTrainer._load_adapter_fusions(Resuming, str(tmp_path / name))
        found[name] = len(loaded)
    assert found == {"mine": 0, "a,b": 1}


def test_trap_9_ours_brings_a_named_fusion_back_to_the_bit(tiny):
    c = parse("fuse[a,b]@t")
    fusion = next(part for part in c.parts if part.kind == "fusion")
    with Circuit(tiny, c, heads={"t": PAIR}, seed=1) as circuit:
        held = circuit.tensors_of(fusion)
    with Circuit(tiny, c, heads={"t": PAIR}, seed=2) as circuit:
        assert any(not np.array_equal(circuit.tensors_of(fusion)[key], held[key]) for key in held)
        circuit.load(fusion, held)
        assert all(np.array_equal(circuit.tensors_of(fusion)[key], held[key]) for key in held)


def test_trap_10_half_an_adapter_is_loaded_without_a_word(tmp_path, tiny):
    encoder("a").save_adapter(str(tmp_path), "a", use_safetensors=False)
    path = tmp_path / "pytorch_adapter.bin"
    tensors = torch.load(path, weights_only=True)
    torch.save(dict(list(tensors.items())[: len(tensors) // 2]), path)
    assert encoder(seed=5).load_adapter(str(tmp_path)) == "a"
    part = Part("adapter", "a", "a")
    with Circuit(tiny, parse("a")) as circuit:
        whole = circuit.tensors_of(part)
        with pytest.raises(ZooError, match="4 tensors missing"):
            circuit.load(part, dict(list(whole.items())[:4]))


def test_trap_10_an_adapter_made_for_another_backbone_is_loaded_without_a_word(tmp_path):
    encoder("a", seed=1).save_adapter(str(tmp_path), "a")
    other = encoder(seed=2)
    assert other.load_adapter(str(tmp_path)) == "a"
    assert "digest" not in json.dumps(json.loads((tmp_path / "adapter_config.json").read_text()))
    card = AdapterCard("a", ZooBackbone("tiny", "ab" * 32, 32, 2), "seq_bn")
    with pytest.raises(ZooError, match="'a' was trained on"):
        check_backbone(card, "tiny", "cd" * 32, 32)


def test_trap_11_weights_are_saved_as_pickles_by_default(tmp_path):
    encoder("a").save_adapter(str(tmp_path), "a")
    assert {path.name for path in tmp_path.iterdir()} == {"adapter_config.json", "pytorch_adapter.bin"}


def test_trap_11_ours_are_safetensors_and_nothing_else(tmp_path):
    backbone = ZooBackbone("tiny", "ab" * 32, 32, 2)
    recipe = {"adapter": {"kind": "full", "reduction_factor": 4, "non_linearity": "relu"}}
    card = Zoo(tmp_path).put(
        AdapterCard("a", backbone, "full", recipe=recipe), {"adapter.safetensors": {"w": np.ones(2, np.float32)}}
    )
    assert {path.suffix for path in Zoo(tmp_path).folder(card).iterdir()} <= {".safetensors", ".yaml", ".md"}
    with pytest.raises(ZooError, match="is refused; expected a plain name"):
        Zoo(tmp_path).put(
            AdapterCard("b", backbone, "full", recipe=recipe), {"adapter.bin": {"w": np.ones(2, np.float32)}}
        )


def fusing_model(fusion="dynamic"):
    model = XLMRobertaAdapterModel(config())
    for name in "ab":
        model.add_adapter(name, config="seq_bn")
    model.add_classification_head("t", num_labels=2)
    model.add_adapter_fusion(["a", "b"], config=fusion)
    model.train_adapter_fusion(Fuse("a", "b"))
    return model


def test_trap_12_a_fusion_is_regularised_although_its_configuration_says_not_to(tiny):
    off = adapters.AdapterFusionConfig.load("dynamic", regularization=False)
    assert fusing_model(off).base_model.get_fusion_regularization_loss() is not None
    # Ours regularises exactly the fusions that learn, by a weight that is an argument.
    with Circuit(tiny, parse("fuse[a,b]@t")) as circuit:
        fusion = [part for part in circuit.parts if part.kind == "fusion"]
        assert circuit.regularisation([]) is None
        assert circuit.regularisation(fusion, weight=0.0).item() == 0.0


def test_trap_12_the_regularisers_gradient_lands_one_step_late(tiny, tmp_path):
    model = fusing_model()
    values = [
        p for name, p in model.named_parameters() if "adapter_fusion_layer" in name and name.endswith("value.weight")
    ]
    with torch.no_grad():
        for value in values:
            value.mul_(3)
    model.active_head = "t"
    rows = [{"input_ids": IDS[0], "attention_mask": torch.ones_like(IDS[0]), "labels": 1}] * 2
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=1,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        logging_strategy="no",
    )
    AdapterTrainer(model=model, args=arguments, train_dataset=rows).train()
    # The only step is over and its gradients were cleared; what hangs there now is the regulariser's, for the next one.
    for value in values:
        assert torch.allclose(value.grad, 0.02 * (value.detach() - torch.eye(32)), atol=1e-6)
        assert value.grad.any()
    # Ours is a term of the loss: tests/modeling/test_fusion.py.
    with Circuit(tiny, parse("fuse[a,b]@t")) as circuit:
        assert circuit.regularisation(circuit.parts) is not None


def test_trap_12_the_value_matrices_decay_although_the_trainer_means_to_spare_them(tmp_path):
    model = fusing_model()
    arguments = TrainingArguments(output_dir=str(tmp_path), weight_decay=0.1, use_cpu=True, report_to=[])
    groups = AdapterTrainer(model=model, args=arguments).create_optimizer().param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decaying = {names[id(parameter)] for group in groups if group["weight_decay"] for parameter in group["params"]}
    assert any(re.search(r"adapter_fusion_layer\..*\.value", name) for name in decaying)
    ours = build_optimizer(
        {"fusion:f/layer.0.value.weight": nn.Parameter(torch.eye(2))},
        lr=1,
        fusion_lr=1,
        weight_decay=0.1,
        device=torch.device("cpu"),
    )
    assert [group["weight_decay"] for group in ours.param_groups] == [0.0]


def test_trap_13_a_missing_fusion_layer_is_a_key_error_in_the_middle_of_forward(tiny):
    model = encoder("a", "b")
    model.set_active_adapters(Fuse("a", "b"))
    with pytest.raises(KeyError, match="a,b"):
        model(input_ids=IDS)
    # Ours adds every fusion that a composition names when it wires it.
    with Circuit(tiny, parse("fuse[a,b]@t"), heads={"t": PAIR}) as circuit:
        fusion = next(part for part in circuit.parts if part.kind == "fusion")
        assert len(circuit.parameters_of(fusion)) == 2 * 5


def test_trap_14_a_single_name_in_a_stack_of_its_own_is_another_function(tiny):
    model = encoder("a", "b")
    model.add_adapter_fusion(["a", "b"], name="f")
    plain = output(model, Fuse("a", "b", name="f"))
    wrapped = output(model, Fuse(Stack("a"), Stack("b"), name="f"))
    assert not torch.allclose(plain, wrapped, atol=1e-3)
    with Circuit(tiny, parse("fuse[a,b]@t"), heads={"t": PAIR}) as circuit:
        assert all(isinstance(child, str) for child in circuit.encoder.active_adapters)


def test_trap_15_a_name_with_a_dot_is_refused_after_half_of_it_was_added(tiny):
    model = encoder()
    with pytest.raises(KeyError, match=r"module name can.*got: tydiqa.sw"):
        model.add_adapter("tydiqa.sw", config="seq_bn")
    assert "tydiqa.sw" in model.adapters_config.adapters
    with Circuit(tiny, parse("tydiqa.sw"), heads={"tydiqa": PAIR}) as circuit:
        assert circuit.parts[0].entry == "tydiqa.sw"
        assert len(circuit.tensors_of(circuit.parts[0])) == 2 * 4


def test_trap_16_the_library_pins_transformers_and_we_pin_both():
    assert any(re.fullmatch(r"transformers ?~=4\.57\.6", line.split(";")[0].strip()) for line in requires("adapters"))
    pins = (PROJECT / "constraints.txt").read_text().splitlines()
    for package in ("adapters", "transformers"):
        assert f"{package}=={version(package)}" in pins
    assert version("adapters") == "1.3.0"


def test_the_layers_are_found_by_the_names_our_files_use(tiny):
    """Not a trap but what our serialisation stands on: where the library hangs adapters and fusions, and what it calls them."""
    model = copy.deepcopy(encoder("a", "b"))
    model.add_adapter_fusion(["a", "b"], name="f")
    assert {name for name, _ in model.named_parameters() if "adapter" in name} == {
        f"encoder.layer.0.output.{stem}"
        for stem in (
            *(
                f"adapters.{name}.{key}.{end}"
                for name in "ab"
                for key in ("adapter_down.0", "adapter_up")
                for end in ("weight", "bias")
            ),
            *(
                f"adapter_fusion_layer.f.{key}"
                for key in ("query.weight", "query.bias", "key.weight", "key.bias", "value.weight")
            ),
        )
    }
