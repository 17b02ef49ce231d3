"""Scores that are kept next to an entry: added line by line, of its own weights alone, whatever else the file holds."""

from __future__ import annotations

import errno
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.zoo.cards import card, weights
from toolkit.errors import ToolkitError, ZooError
from toolkit.results.score import Score
from toolkit.zoo import AdapterCard, Zoo
from toolkit.zoo.record import add_scores, scores_of, with_scores
from toolkit.zoo.scored import SCORES_FILE, Kept, parse_lines


def kept(held: AdapterCard, language: str = "de", value: float = 0.5, **other: Any) -> Kept:
    fields: dict[str, Any] = {"n": 100, "composition": held.name, "seed": 0, "split": "test", "fingerprint": "ab"}
    score = Score("xnli", language, "accuracy", value, **{**fields, **other})
    return Kept(held.digest, score, True, "en", "eval")


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    held = Zoo(tmp_path / "zoo")
    held.put(card("mnli"), weights(1))
    return held


@pytest.fixture
def mnli(zoo: Zoo) -> AdapterCard:
    return zoo.get("mnli", "tiny")


def file_of(zoo: Zoo, held: AdapterCard) -> Path:
    return zoo.folder(held) / SCORES_FILE


def test_what_was_added_is_read_and_the_same_number_is_added_once(zoo: Zoo, mnli: AdapterCard) -> None:
    assert add_scores(zoo, mnli, [kept(mnli), kept(mnli, "sw", 0.4)]) == 2
    assert add_scores(zoo, mnli, [kept(mnli), kept(mnli, "ru", 0.3)]) == 1
    found = scores_of(zoo, mnli)
    assert [(one.score.language, one.score.value) for one in found] == [("de", 0.5), ("sw", 0.4), ("ru", 0.3)]
    assert found[0].score == kept(mnli).score and found[0].at and (found[0].is_main, found[0].pivot) == (True, "en")
    full = with_scores(zoo, mnli)
    assert full.languages == {"no", "en", "de", "sw", "ru"}
    assert replace(full, scores=mnli.scores) == mnli == zoo.get("mnli", "tiny")
    zoo.verify(mnli)


@pytest.mark.parametrize(
    "other", [{"protocol": "noise=typos"}, {"fingerprint": "cd"}, {"split": "dev"}, {"n": 100, "value": 0.6}]
)
def test_a_score_replaces_one_of_the_same_protocol_and_rows_alone(zoo: Zoo, mnli: AdapterCard, other: Any) -> None:
    add_scores(zoo, mnli, [kept(mnli), kept(mnli, **other)])
    is_same = other.get("value") is not None
    assert [one.score.value for one in scores_of(zoo, mnli)] == ([0.6] if is_same else [0.5, 0.5])
    assert len(file_of(zoo, mnli).read_text().splitlines()) == 2  # nothing is taken away


def test_weights_that_were_trained_again_do_not_have_the_scores_of_the_old_ones(zoo: Zoo, mnli: AdapterCard) -> None:
    add_scores(zoo, mnli, [kept(mnli)])
    again = zoo.put(card("mnli"), weights(2), replace=True)
    assert scores_of(zoo, again) == () and add_scores(zoo, again, [kept(mnli, "sw")]) == 0
    add_scores(zoo, again, [kept(again, "de", 0.9)])
    assert [one.score.value for one in scores_of(zoo, again)] == [0.9]
    back = zoo.put(card("mnli"), weights(1), replace=True)
    assert back.digest == mnli.digest and [one.score.value for one in scores_of(zoo, back)] == [0.5]
    zoo.remove("mnli", "tiny")
    assert add_scores(zoo, back, [kept(back)]) == 0 and not zoo.folder(back).exists()


@pytest.mark.parametrize(
    "line",
    [
        b"{not json",
        b"[]",
        b"3",
        b'{"digest": 3}',
        b"\xff\xfe",
        b"\x00\x00",
        b"[" * 5000,
        "value above 1",
        "value that is not a number",
        "control characters",
        "no task",
    ],
)
def test_a_line_that_cannot_be_read_is_counted_and_the_others_are_used(
    zoo: Zoo, mnli: AdapterCard, line: bytes | str
) -> None:
    if isinstance(line, str):
        values = json.loads(kept(mnli).to_line())
        changes: dict[str, tuple[str, Any]] = {
            "value above 1": ("value", 1.5),
            "value that is not a number": ("value", float("nan")),
            "control characters": ("protocol", "\x1b[31m"),
            "no task": ("task", 7),
        }
        key, value = changes[line]
        values["score"][key] = value
        line = json.dumps(values).encode()
    add_scores(zoo, mnli, [kept(mnli)])
    with file_of(zoo, mnli).open("ab") as stream:
        stream.write(line + b"\n")
    add_scores(zoo, mnli, [kept(mnli, "sw")])
    damaged: list[str] = []
    assert [one.score.language for one in scores_of(zoo, mnli, damaged=damaged)] == ["de", "sw"]
    assert damaged == ["1 line of the scores of 'mnli' cannot be read; the others are used."]


def test_half_a_line_is_being_written_and_after_a_kill_the_next_writer_cuts_it_off(zoo: Zoo, mnli: AdapterCard) -> None:
    add_scores(zoo, mnli, [kept(mnli)])
    file_of(zoo, mnli).write_bytes(file_of(zoo, mnli).read_bytes() + kept(mnli, "ru").to_line().encode()[:60])
    damaged: list[str] = []
    assert len(scores_of(zoo, mnli, damaged=damaged)) == 1 and not damaged
    add_scores(zoo, mnli, [kept(mnli, "sw")])
    assert [one.score.language for one in scores_of(zoo, mnli, damaged=damaged)] == ["de", "sw"]
    assert not damaged


def test_a_whole_last_line_without_its_end_stays(zoo: Zoo, mnli: AdapterCard) -> None:
    add_scores(zoo, mnli, [kept(mnli)])
    file_of(zoo, mnli).write_bytes(file_of(zoo, mnli).read_bytes().rstrip())
    add_scores(zoo, mnli, [kept(mnli, "sw")])
    assert [one.score.language for one in scores_of(zoo, mnli)] == ["de", "sw"]


def test_a_disk_that_fills_up_leaves_the_file_as_it_was(
    zoo: Zoo, mnli: AdapterCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_scores(zoo, mnli, [kept(mnli)])
    before = file_of(zoo, mnli).read_bytes()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:60])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ToolkitError):
        add_scores(zoo, mnli, [kept(mnli, "sw")])
    assert file_of(zoo, mnli).read_bytes() == before


def test_fields_of_a_later_release_are_left_out(mnli: AdapterCard) -> None:
    values = json.loads(kept(mnli).to_line())
    values["score"]["calibration"] = 0.1
    values["machine"] = "a"
    found = parse_lines(json.dumps(values).encode() + b"\n")
    assert found.n_damaged == 0 and found.kept[0].score == kept(mnli).score


def test_a_link_is_not_followed_and_nothing_is_written_through_it(zoo: Zoo, mnli: AdapterCard, tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.write_text("untouched")
    file_of(zoo, mnli).symlink_to(aim)
    damaged: list[str] = []
    assert scores_of(zoo, mnli, damaged=damaged) == () and "symbolic link" in damaged[0]
    with pytest.raises(ZooError, match="symbolic link"):
        add_scores(zoo, mnli, [kept(mnli)])
    assert aim.read_text() == "untouched"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_zoo_that_cannot_be_written_is_one_sentence(zoo: Zoo, mnli: AdapterCard) -> None:
    zoo.folder(mnli).parent.chmod(0o500)
    try:
        with pytest.raises(ZooError, match="not writable"):
            add_scores(zoo, mnli, [kept(mnli)])
    finally:
        zoo.folder(mnli).parent.chmod(0o700)


def test_writers_at_the_same_time_lose_no_score_and_tear_no_line(zoo: Zoo, mnli: AdapterCard) -> None:
    def write(number: int) -> None:
        for step in range(10):
            shared, own = kept(mnli, protocol=f"step={step}"), kept(mnli, protocol=f"{number} {step}")
            add_scores(Zoo(zoo.root), mnli, [shared, own])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    damaged: list[str] = []
    assert len(scores_of(zoo, mnli, damaged=damaged)) == 10 + 4 * 10 and not damaged
    assert len(file_of(zoo, mnli).read_text().splitlines()) == 50


def test_nothing_is_written_through_a_hard_link(zoo: Zoo, mnli: AdapterCard, tmp_path: Path) -> None:
    add_scores(zoo, mnli, [kept(mnli)])
    os.link(file_of(zoo, mnli), tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_text()
    assert add_scores(zoo, mnli, [kept(mnli, "sw", 0.4)]) == 1
    assert (tmp_path / "elsewhere").read_text() == before and len(scores_of(zoo, mnli)) == 2
    zoo.verify(mnli)
