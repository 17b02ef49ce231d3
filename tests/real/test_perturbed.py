"""Every perturbation on real rows of every task, language and script of the mirror."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests import PROJECT
from tests.real.perturbed import TASKS, faults, look
from toolkit.languages import get_language
from toolkit.perturb import PERTURBATIONS
from toolkit.tasks import Answer, PairRow, SpanRow, TagsRow, get_task

SPAN = SpanRow("1", "Who?", "Ana came. Ben left.", (Answer("Ana", 0), Answer("Ben", 10)))
TAGS = TagsRow("1", ("New", "York", "is", "big"), (3, 4, 0, 0))  # B-ORG I-ORG O O


def one_a_script(name: str, data_root: Path) -> list[str]:
    """Return a task's scored languages, the first of each script."""
    codes = get_task(name).reachable("score", data_root=data_root)
    return list({get_language(code.partition(".")[0]).script: code for code in reversed(codes)}.values())


@pytest.mark.journey
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("is_every_language", "least"), [(False, 700), pytest.param(True, 1_300, marks=pytest.mark.slow)]
)
def test_labels_spans_and_tags_stay_right_on_real_rows_of_15_scripts(
    is_every_language: bool, least: int, data_root: Path
) -> None:
    def languages_of(name: str) -> list[str]:
        return [] if is_every_language else one_a_script(name, data_root)

    seen = [look(name, data_root, limit=1, strengths=(0.5,), languages=languages_of(name)) for name in TASKS]
    assert [fault for each in seen for fault in each.faults] == []
    assert sum(sum(each.pairs.values()) for each in seen) > least
    assert all(sum(each.changed.values()) > sum(each.pairs.values()) / 2 for each in seen)
    languages = {code.partition(".")[0] for each in seen for code in each.rows}
    assert len({get_language(code).script for code in languages}) >= 15
    assert {name for each in seen for name in each.pairs} == {
        n for n, p in PERTURBATIONS.items() if p.needs != "lexicon"
    }


@pytest.mark.exhaustive
@pytest.mark.real_data
@pytest.mark.parametrize("name", TASKS)
def test_all_strengths_leave_labels_spans_and_tags_right_on_hundreds_of_rows_a_language(
    name: str, data_root: Path
) -> None:
    seen = look(name, data_root, limit=400)
    assert seen.faults == []
    assert sum(seen.changed.values()) > 2000


@pytest.mark.slow
@pytest.mark.real_data
def test_another_process_with_the_same_seed_makes_the_same_rows_to_the_byte(data_root: Path) -> None:
    here = look("pawsx", data_root, limit=2)
    command = [sys.executable, "-m", "tests.real.perturbed", str(data_root), "--tasks", "pawsx", "--limit", "2"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONHASHSEED": "12345"}
    there = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.split()[-1] == here.digest
    assert look("pawsx", data_root, limit=2, seed=1).digest != here.digest


@pytest.mark.parametrize(
    ("before", "now", "name", "task", "sentence"),
    [
        (PairRow("1", "a b", "c", 0), PairRow("1", "a b", "c", 1), "swap", "xnli", "label changed"),
        (PairRow("1", "a b", "c", 0), PairRow("2", "a b", "c", 0), "swap", "xnli", "id changed"),
        (PairRow("1", "abc", "c", 0), PairRow("1", "abd", "c", 0), "swap", "xnli", "'abc' became 'abd'"),
        (PairRow("1", "abc", "c", 0), PairRow("1", "abxc", "c", 0), "delete", "xnli", "became"),
        (SPAN, replace(SPAN, context="Anna came. Ben left."), "insert", "xquad", "'Ana' is not at 0"),
        (SPAN, replace(SPAN, answers=SPAN.answers[:1]), "insert", "xquad", "its answers are others"),
        (TAGS, replace(TAGS, tokens=("Nwe", "York", "is")), "swap", "panx", "3 tokens and 4 tags"),
        (TAGS, replace(TAGS, tokens=("N ew", "York", "is", "big")), "swap", "panx", "holds a space"),
        (TAGS, replace(TAGS, tags=(3, 4, 0, 3)), "case", "panx", "tags moved"),
        (TAGS, replace(TAGS, tags=(4, 3, 0, 0)), "word-shuffle", "panx", "words changed their tags"),
        (TAGS, replace(TAGS, tokens=("New", "is", "York", "big"), tags=(3, 0, 4, 0)), "word-shuffle", "panx", "torn"),
    ],
)
def test_the_check_itself_finds_what_is_wrong(before, now, name: str, task: str, sentence: str) -> None:
    assert any(sentence in fault for fault in faults(before, now, name, get_task(task)))
    assert not list(faults(before, before, name, get_task(task)))
