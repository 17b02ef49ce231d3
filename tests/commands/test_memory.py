"""Memory that is used up in a command: one sentence, exit code 2, and the setting that takes less."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import cli
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.train import stage

FAULTS = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of"),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
    "python": MemoryError(),
    "system": OSError(errno.ENOMEM, "Cannot allocate memory"),
}
LEARN = ("train", "micro-nli", "--set", "train.limit=16", "--set", "train.eval_limit=8", "--set", "train.epochs=1")
COMMANDS = {
    "train": (LEARN, "--set train.batch_size=16 --set train.accumulate=2 takes the same steps"),
    "eval": (("eval", "micro-nli", "--task", "micro-nli", "--set", "eval.limit=8"), "lower --set eval.batch_size"),
    "retrieve": (("retrieve", "backbone", "--task", "micro-bitext", "--set", "retrieve.limit=8"), "lower --set eval.batch_size"),
    "predict": (("predict", "micro-nli", "--task", "micro-nli"), "lower --set eval.batch_size"),
}  # fmt: skip


def run(folder: Path, *words: object) -> tuple[int, str]:
    places = ("--backbone", "tiny", "--precision", "fp32", "--zoo", folder / "zoo", "--set", "tracking.enabled=no")
    runs = ("--set", f"run_dir={folder / 'runs'}", "--set", "store.folder=null")
    found = CliRunner().invoke(cli.main, [str(word) for word in (*words, *places, *runs)])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    code, said = run(folder, *LEARN)
    assert code == 0, said
    (folder / "rows.jsonl").write_text(json.dumps({"first": "a cat", "second": "a dog"}) + "\n", encoding="utf-8")
    return folder


@pytest.mark.journey
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_pass_that_does_not_fit_is_one_sentence(
    command: str, fault: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(*args: object, **options: object) -> None:
        raise FAULTS[fault]

    monkeypatch.setattr(Circuit, "encode", encode)
    monkeypatch.setattr(Circuit, "hidden_states", encode)
    words, way = COMMANDS[command]
    files = (trained / "rows.jsonl",) if command == "predict" else ()
    code, said = run(tmp_path if command == "train" else trained, *words, *files)
    assert code == 2 and "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and way in errors[0] and "does not hold" in errors[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_memory_that_ends_elsewhere_is_one_sentence_too(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*args: object, **options: object) -> None:
        raise FAULTS[fault]

    monkeypatch.setattr(stage, "sources_of", load)
    code, said = run(tmp_path, *LEARN)
    place = "of the GPU" if fault == "cuda" else "of this machine"
    (error,) = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert code == 2 and f"The memory {place} is used up" in error and "--set train.batch_size=auto" in error


def test_other_errors_keep_their_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*args: object, **options: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(stage, "sources_of", load)
    with pytest.raises(AssertionError, match="shapes do not match"):
        run(tmp_path, *LEARN)
