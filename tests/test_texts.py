"""Many texts in little memory: sorted, each once, with the place of every text that was given."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from toolkit import texts
from toolkit.errors import ToolkitError
from toolkit.texts import Texts, arranged


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("in_memory", [1, 200, 1000, 10**6])
def test_texts_are_arranged_as_sorting_them_in_memory_does(in_memory: int) -> None:
    rng = random.Random(in_memory)
    letters = ["a", "b", "é", "\ue000", "\U0001f600", "\ud800", "\0", ""]
    for n in (0, 1, 7, 60):
        given = ["".join(rng.choices(letters, k=rng.randrange(4))) for _ in range(n)]
        found = arranged(iter(given), in_memory=in_memory)
        assert list(found.distinct) == sorted(set(given))
        assert [found.distinct[place] for place in found.places] == given


def test_texts_in_a_file_are_a_sequence_and_leave_no_file(own_folder: Path) -> None:
    given = [f"é{number}" * (number % 5) for number in range(3000)]
    held = Texts(given)
    assert list(held) == given and held[10:20] == given[10:20] and held[::7] == given[::7] and held[-1] == given[-1]
    assert held[5:5] == [] and len(held) == 3000
    with pytest.raises(IndexError):
        held[3000]
    assert (own_folder / "texts").is_dir() and not list((own_folder / "texts").iterdir())


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "nameless", lambda what: open("/dev/full", "r+b", buffering=0))  # noqa: SIM115
    with pytest.raises(
        ToolkitError, match=r"The texts read cannot be kept in .*texts \(No space left on device\); free"
    ):
        list(Texts(["a"]))
