"""Training and evaluation take tokenised rows from the cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
import toolkit
from tests.recipes.small import tiny_config
from toolkit.features import cache
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))


def test_a_second_run_tokenises_nothing_and_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (tiny_config(tmp_path / name, "cache_gib=1") for name in ("a", "b"))
    toolkit.train("micro-qa", first)
    scores = toolkit.evaluate("micro-qa", first, task="micro-qa", languages="en,sw").scores
    monkeypatch.setattr(cache, "tokenised_in_parts", lambda *_, **__: pytest.fail("tokenised again"))
    toolkit.train("micro-qa", second)
    assert toolkit.evaluate("micro-qa", second, task="micro-qa", languages="en,sw").scores == scores
    one, two = (Zoo(config.zoo) for config in (first, second))
    for file in one.get("micro-qa", "tiny").files:
        tensors = [zoo.tensors(zoo.get("micro-qa", "tiny"), file) for zoo in (one, two)]
        assert all(np.array_equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


def test_a_damaged_file_is_told_to_the_reader(tmp_path: Path) -> None:
    toolkit.train("micro-nli", tiny_config(tmp_path / "a", "cache_gib=1"))
    for file in cache.features_folder().iterdir():
        file.write_bytes(file.read_bytes()[:-1])
    said: list[str] = []
    toolkit.train("micro-nli", tiny_config(tmp_path / "b", "cache_gib=1"), say=said.append)
    assert sum("are damaged" in each for each in said) == 2  # training and dev rows


def test_the_command_says_what_is_held_and_clears_it(tmp_path: Path) -> None:
    toolkit.train("micro-nli", tiny_config(tmp_path / "a", "cache_gib=1"))
    runner = CliRunner()
    assert "tokenised rows in 2 files" in runner.invoke(cli.main, ["cache", "show"]).output
    assert "2 files removed" in runner.invoke(cli.main, ["cache", "clear"]).output
    assert "in 0 files, 0.0 MiB" in runner.invoke(cli.main, ["cache", "show"]).output
