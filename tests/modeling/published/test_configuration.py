"""A configuration is its known fields; whatever could load code from elsewhere is refused, and nothing of it is run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.modeling.published.checkpoints import CONFIG, publish
from toolkit.errors import SourceError, ToolkitError
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.published.configuration import read_configuration


def written(folder: Path, **fields: Any) -> Path:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **fields}))
    return folder


def test_the_published_configuration_is_read_with_its_sizes(tmp_path: Path) -> None:
    found = read_configuration(written(tmp_path, vocab_size=250002, attn_implementation=None, auto_map={}))
    assert (found.model_type, found.vocab_size, found.layer_norm_eps) == ("xlm-roberta", 250002, 1e-5)
    assert (found.hidden_size, found.num_hidden_layers, found.pad_token_id) == (32, 2, 1)


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The marker that appears if code of the checkpoint, or of a repository that it names, is run."""
    marker = tmp_path / "ran"
    code = f"open({str(marker)!r}, 'w')\nclass OwnConfig: pass\nclass OwnModel: pass\n"
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "own.py").write_text(code)
    kernels = ModuleType("kernels")  # the package by which transformers 4.56 and later load an attention from the hub

    def get_kernel(*args: object, **options: object) -> ModuleType:
        marker.touch()
        return ModuleType("fetched")

    for name in ("get_kernel", "register_kernel_mapping", "LayerRepository", "Device", "Mode", "kernelize"):
        setattr(kernels, name, get_kernel)
    monkeypatch.setitem(sys.modules, "kernels", kernels)
    monkeypatch.setattr("transformers.integrations.hub_kernels._kernels_available", True)
    monkeypatch.setattr("transformers.integrations.hub_kernels.get_kernel", get_kernel, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    return marker


CODE: list[dict[str, Any]] = [
    {"auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}},
    {"auto_map": {"AutoModel": "someone/elsewhere--own.OwnModel"}},
    {"auto_map": "own.OwnModel"},
    {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}},
    {"trust_remote_code": True},
    {"attn_implementation": "someone/kernel"},
    {"_attn_implementation": "someone/kernel@v1:run"},
    {"_attn_implementation_internal": "someone/kernel"},
    {"_attn_implementation": {"": "sdpa", "text_config": "someone/kernel"}},
    {"attn_implementation": ["someone/kernel"]},
    {"text_config": {"_attn_implementation": "someone/kernel"}},
    {"sub": [{"deep": {"auto_map": {"AutoModel": "own.OwnModel"}}}]},
    {"experts_implementation": "someone/kernel"},
    {"use_kernels": True},
    {"kernel_config": {"RMSNorm": "someone/kernel:Norm"}},
    {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}},
    {"quantization_config": {"quant_method": "own", "modules_to_not_convert": None}},
    {"compression_config": {"format": "own"}},
    {"custom_pipelines": {"own": {"impl": "own.OwnModel"}}},
]


@pytest.mark.parametrize("fields", CODE, ids=lambda fields: json.dumps(fields)[:60])
def test_a_field_that_could_load_code_is_refused_and_no_code_is_run(
    ran: Path, tmp_path: Path, fields: dict[str, Any]
) -> None:
    folder = publish(tmp_path / "checkpoint", **fields)
    with pytest.raises(ToolkitError, match=r"config\.json has the field '\w+', which can load code") as caught:
        load_backbone(str(folder), precision="fp32")
    assert "\n" not in str(caught.value) and not ran.exists()


@pytest.mark.parametrize("chosen", ["eager", "sdpa", "flash_attention_2", None, {"": "sdpa"}])
def test_an_attention_of_the_librarys_own_is_read_and_is_not_obeyed(tmp_path: Path, chosen: object) -> None:
    backbone = load_backbone(str(publish(tmp_path, _attn_implementation=chosen)), precision="fp32")
    assert backbone.model.config._attn_implementation == "sdpa"


def test_code_that_only_lies_in_the_folder_is_not_run(ran: Path, tmp_path: Path) -> None:
    folder = publish(tmp_path / "checkpoint")
    code = (folder / "own.py").read_text()
    for name in (
        "configuration_xlm_roberta.py",
        "modeling_xlm_roberta.py",
        "tokenization_xlm_roberta.py",
        "__init__.py",
    ):
        (folder / name).write_text(code)
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["own.OwnModel", None]}, "tokenizer_class": "OwnModel"})
    )
    # With the package peft, transformers would follow this to another model.
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "someone/elsewhere"}))
    assert load_backbone(str(folder), precision="fp32").n_layers == 2
    assert not ran.exists()


@pytest.mark.parametrize("family", ["bert", "xlm-roberta-xl", "no-such-type", "camembert"])
def test_a_model_of_another_family_is_refused(tmp_path: Path, family: str) -> None:
    with pytest.raises(ToolkitError, match=rf"is a model of type '{family}'; expected one of the XLM-R family"):
        read_configuration(written(tmp_path, model_type=family))


@pytest.mark.parametrize("text", ["{ not json", "{}", "[]", "7", "", '{"model_type": ["xlm-roberta"]}', "[" * 100_000])
def test_a_file_that_is_not_a_configuration_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SourceError, match=r"config\.json cannot be read .*XLM-R family") as caught:
        read_configuration(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"hidden_size": "32"}, "hidden_size is '32'; expected a whole number"),
        ({"num_hidden_layers": -1}, "num_hidden_layers is '-1'"),
        ({"vocab_size": 1e3}, "vocab_size is '1000.0'"),
        ({"max_position_embeddings": True}, "max_position_embeddings is 'True'"),
        ({"layer_norm_eps": None}, "layer_norm_eps is 'None'; expected a number"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob is '1.5'"),
        ({"hidden_act": "os.system"}, "hidden_act is 'os.system'; expected the name of an activation"),
        ({"pad_token_id": "1"}, "pad_token_id is '1'"),
        ({"num_attention_heads": 5}, "hidden_size 32 is not a multiple of num_attention_heads 5"),
        ({"is_decoder": True}, "is_decoder is 'True'; expected False"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'; expected 'absolute'"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads is"),
    ],
)
def test_a_field_with_another_kind_of_value_is_named(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_configuration(written(tmp_path, **fields))
