"""What a forward pass imports, and that what it leaves out works for everybody who wants it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import PROJECT
from tests.modeling.published.checkpoints import publish

# None of these computes anything in a forward pass, and each takes longer than a tenth of a second.
UNUSED = (
    "sklearn pandas pyarrow scipy.stats scipy.optimize sympy torch._dynamo torch._inductor torch.distributed.tensor "
)
UNUSED += (
    "mlflow datasets faiss matplotlib transformers.integrations.tensor_parallel transformers.model_debugging_utils"
)

FORWARD = """
import sys
import torch
from toolkit.composition import parse
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec

with Circuit(load_backbone(sys.argv[1]), parse("mnli"), heads={"mnli": HeadSpec("pair", ("a", "b"))}) as circuit:
    ids = torch.ones(2, 5, dtype=torch.long)
    with torch.inference_mode():
        assert circuit.fold()({"input_ids": ids, "attention_mask": ids}).shape == (2, 2)
"""

USED_LATER = """
import torch, transformers
from transformers import AutoModel, BertConfig, BertModel
from transformers.generation.candidate_generator import roc_curve
from transformers.loss.loss_for_object_detection import linear_sum_assignment
from transformers import masking_utils, modeling_utils

assert len(roc_curve([0, 1], [0.1, 0.9])) == 3
assert [list(found) for found in linear_sum_assignment([[1.0, 0.0], [0.0, 1.0]])] == [[0, 1], [1, 0]]
assert not isinstance(torch.zeros(1), modeling_utils.DTensor)
with masking_utils.TransformGetItemToIndex():
    pass
import sklearn, torch.distributed.tensor, transformers.model_debugging_utils, transformers.models.bert
assert sklearn.__version__ and torch.distributed.tensor.DTensor and transformers.models.bert.BertConfig
small = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9)
model = AutoModel.from_config(small).eval()
ids = torch.ones(1, 3, dtype=torch.long)
compiled = torch.compile(model, backend="eager")
assert torch.allclose(model(ids).last_hidden_state, compiled(ids).last_hidden_state)
"""


def _run(program: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(publish(folder))], capture_output=True, text=True, cwd=PROJECT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.journey
def test_a_forward_pass_imports_only_what_it_needs(tmp_path: Path) -> None:
    asked = f"print([name for name in {UNUSED.split()} if name in sys.modules])"
    assert _run(FORWARD + asked, tmp_path / "checkpoint") == "[]"


@pytest.mark.slow
def test_what_a_forward_pass_leaves_out_works_when_it_is_wanted(tmp_path: Path) -> None:
    _run(FORWARD + USED_LATER, tmp_path / "checkpoint")
