"""What is exported is read by the `adapters` library itself, and answers with the same logits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from adapters import XLMRobertaAdapterModel
from click.testing import CliRunner

import cli
from tests.recipes.small import FUSED
from toolkit.config import Config
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.tiny import tiny_model
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.zoo import Zoo
from toolkit.zoo.adapterhub import export


def loaded_by_the_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> XLMRobertaAdapterModel:
    """Run the page of an export, on the tiny encoder."""
    encoder = tiny_model()
    model = XLMRobertaAdapterModel(encoder.config)
    model.roberta.load_state_dict(encoder.state_dict(), strict=False)
    code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.S)
    assert code is not None
    program = re.sub(r"^model = .*$", "", code[1], flags=re.M)
    monkeypatch.chdir(folder)
    exec(program, {"model": model})
    return model.eval()


def logits_of(found: object) -> torch.Tensor:
    if hasattr(found, "start_logits"):
        return torch.stack([found.start_logits, found.end_logits], dim=-1)  # [B, T, 2]
    return found.logits.reshape(-1, found.logits.shape[-1]) if found.logits.dim() == 2 else found.logits


@pytest.mark.parametrize("expression", ["micro-nli", "micro-qa", "micro-nli/micro-pos", FUSED])
def test_the_library_reads_an_export_and_gives_equal_logits(
    trained: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expression: str
) -> None:
    # A multiple-choice head of the library folds its batch into rows of choices.
    export(Zoo(trained.zoo), expression, "tiny", tmp_path / "out", choices=2)
    model = loaded_by_the_library(tmp_path / "out", monkeypatch)
    ids = torch.randint(5, 200, (4, 12), generator=torch.Generator().manual_seed(0))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    circuit, _ = trained_circuit(expression, Session.open(trained), heads=None)
    with circuit, torch.no_grad():
        expected = circuit({key: value.to(circuit.backbone.device) for key, value in batch.items()}).cpu()
        asked = {key: value.view(2, 2, 12) for key, value in batch.items()} if expression == FUSED else batch
        found = logits_of(model(**asked)).reshape(expected.shape)
    # The library computes a fusion in another order (docs of toolkit/modeling/fusion.py), so rounding may differ.
    assert torch.allclose(found, expected, atol=1e-6, rtol=1e-5), (found - expected).abs().max()
    assert expected.abs().max() > 1e-4


def test_the_command_says_what_it_wrote_and_never_into_a_folder_that_holds_something(
    trained: Config, tmp_path: Path
) -> None:
    words = ["zoo", "export", "micro-nli", str(tmp_path / "out"), "--to", "adapterhub", "--zoo", str(trained.zoo)]
    said = CliRunner().invoke(cli.main, words)
    assert said.exit_code == 0, said.output
    assert said.stdout.splitlines() == ["adapter.micro-nli", "head.micro-nli"]
    again = CliRunner().invoke(cli.main, words)
    assert again.exit_code == 2 and "holds something already" in again.stderr
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_has_no_such_form_is_refused(trained: Config, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="no adapter to export"):
        export(Zoo(trained.zoo), "backbone", "tiny", tmp_path / "out")
    with pytest.raises(ToolkitError, match="has no form that is exported"):
        export(Zoo(trained.zoo), "avg[micro-nli,micro-qa]", "tiny", tmp_path / "out")
    assert not list(tmp_path.iterdir())
