"""Language adapters of the stand-in hub, as AdapterHub has them: what the `adapters` library saves, for the tiny encoder."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tests.hub.repos import Files, Repo, Repositories
from toolkit.modeling.seeded import seeded
from toolkit.modeling.tiny import tiny_model

LANGUAGES = ("en", "sw", "qu")


def adapter_repositories() -> Repositories:
    """Return repositories `AdapterHub/tiny-sw-wiki_pfeiffer` and so on, each made when it is asked for first."""
    return Repositories(makers={f"AdapterHub/tiny-{code}-wiki_pfeiffer": partial(_repo, code) for code in LANGUAGES})


def _repo(code: str) -> Repo:
    from adapters import SeqBnInvConfig, XLMRobertaAdapterModel

    encoder = tiny_model()
    model: Any = XLMRobertaAdapterModel(encoder.config)
    model.roberta.load_state_dict(encoder.state_dict(), strict=False)
    model.config._name_or_path = "tiny"
    with seeded(LANGUAGES.index(code)):
        model.add_adapter(code, config=SeqBnInvConfig(reduction_factor=2))
        model.add_masked_lm_head(code)
    with tempfile.TemporaryDirectory() as folder:
        model.save_adapter(folder, code)
        files: Files = {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}
    return Repo({"main": {"README.md": b"---\ntags:\n- adapters\n- xlm-roberta\n---\n", **files}})
