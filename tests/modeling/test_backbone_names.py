from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.modeling.hub_ids import NAMES, check_backbone_name


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        "roberta-base",
        "distilroberta-base",
        "FacebookAI/xlm-roberta-base",
        "intfloat/multilingual-e5-base",
        "me/mine",
        "microsoft/infoxlm-large",
        "BAAI/bge-m3",
        "sentence-transformers/paraphrase-multilingual-mpnet-base-v2",
        "nreimers/mMiniLMv2-L12-H384-distilled-from-XLMR-Large",
        "castorini/afriberta_large",
        "vinai/phobert-base",
        "facebook/xlm-v-base",
        "Davlan/afro-xlmr-base",
    ],
)
def test_names_that_can_be_backbones_are_left_to_the_hub(name: str) -> None:
    check_backbone_name(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("embeded", "No backbone named 'embeded'. Did you mean 'embedded'?"),
        ("Embedded", "Did you mean 'embedded'?"),
        ("tinny", "Did you mean 'tiny'?"),
        ("xlm-roberta-lage", "Did you mean 'xlm-roberta-large'?"),
        ("xlmr-base", "Did you mean 'xlm-roberta-base'?"),
        ("XLM-R-Large", "Did you mean 'xlm-roberta-large'?"),
        ("xlm_roberta_base", "Did you mean 'xlm-roberta-base'?"),
        ("something", "No backbone named 'something'. Expected a hub id (ORG/NAME), a folder, or one of these."),
        (
            "bert-base-uncased",
            "'bert-base-uncased' is, by its name, a model of the bert family; expected one of the XLM-R family",
        ),
        ("bert-base-multilingual-cased", "of the bert family"),
        ("distilbert-base-uncased", "of the distilbert family"),
        ("gpt2", "of the gpt2 family"),
        ("t5-small", "of the t5 family"),
        ("google-bert/bert-base-uncased", "a model of the bert family; expected one of the XLM-R family"),
        ("distilbert/distilbert-base-uncased", "of the distilbert family"),
        ("google-t5/t5-small", "of the t5 family"),
        ("openai-community/gpt2", "of the gpt2 family"),
        ("Qwen/Qwen2.5-0.5B", "of the qwen family"),
        ("meta-llama/Llama-3.2-1B", "of the llama family"),
        ("microsoft/mdeberta-v3-base", "of the mdeberta family"),
        ("DeepPavlov/rubert-base-cased", "of the rubert family"),
        ("sentence-transformers/LaBSE", "of the labse family"),
        ("sentence-transformers/all-mpnet-base-v2", "of the mpnet family"),
        ("FacebookAI/xlm-mlm-100-1280", "of the xlm-mlm family"),
        ("facebook/xlm-roberta-xl", "of the xlm-roberta-xl family"),
        ("./nowhere", "The backbone ./nowhere is not a folder"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_before_anything_is_fetched(name: str, expected: str) -> None:
    with pytest.raises(ToolkitError) as refused:
        check_backbone_name(name)
    assert expected in str(refused.value)


def test_a_folder_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bert-base-uncased").mkdir()
    check_backbone_name("bert-base-uncased")


def test_the_configuration_of_a_kept_model_decides_and_not_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda name, _: (asked.append(name), str(tmp_path / "config.json"))[1]
    )
    check_backbone_name("me/bert")
    assert asked == ["me/bert"]
