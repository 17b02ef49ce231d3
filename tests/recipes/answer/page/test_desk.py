"""Desk of the page: what is offered, what is answered, and what is said in the place of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import toolkit
from tests.recipes.small import FUSED, tiny_config
from toolkit.config import Config
from toolkit.recipes.answer.page.desk import CHARACTERS, WAITING, Desk, Question, Reply, row_of
from toolkit.recipes.answer.page.examples import EXAMPLES, TEXTS, examples_of
from toolkit.recipes.answer.page.offers import first_zoo
from toolkit.recipes.session.session import Session
from toolkit.tasks import BUILT_IN
from toolkit.tasks.kinds import EVALUATED
from toolkit.tasks.own.convert import Asker
from toolkit.tasks.own.fields import own_fields

PAIR = {"first": "It rains.", "second": "It is dry."}


@pytest.fixture(scope="module")
def desk(trained: Config) -> Iterator[Desk]:
    found = Desk(Session.open(trained), models=2)
    yield found
    found.close()


def ask(
    desk: Desk, expression: str, values: Any = None, *, task: str | None = "micro-nli", language: str = ""
) -> Reply:
    return desk.ask(expression, Question("tiny", task, PAIR if values is None else values, language))


# -- what is offered --------------------------------------------------------------------------------------------------


@pytest.mark.journey
def test_tasks_are_offered_with_the_entries_whose_heads_answer_them(desk: Desk) -> None:
    found = desk.offer("tiny")
    assert found.tasks["micro-choice"] == (FUSED,) and found.tasks["micro-nli"] == found.tasks["xnli"] == ("micro-nli",)
    assert set(found.entries) == {"micro-nli", "micro-qa", FUSED, "micro-nli/micro-pos"} and not found.faults
    # Those that were trained on come first.
    assert set(list(found.tasks)[:4]) == {"micro-nli", "micro-qa", "micro-choice", "micro-pos"}
    assert desk.backbones() == ("tiny",)


@pytest.mark.journey
def test_the_backbone_that_the_zoo_has_entries_for_comes_first(trained: Config) -> None:
    other = replace(trained, backbone=replace(trained.backbone, name="embedded"))
    assert Desk(Session.open(other)).backbones() == ("tiny", "embedded")


def test_an_empty_zoo_is_said_and_offers_nothing(tmp_path: Path) -> None:
    session = Session.open(tiny_config(tmp_path))
    assert "holds nothing that was trained" in first_zoo(session)
    found = Desk(session).offer("tiny")
    assert (found.entries, found.tasks) == ((), {})


# -- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.journey
@pytest.mark.parametrize(
    ("expression", "task"),
    [
        ("micro-nli", "micro-nli"),
        ("micro-qa", "micro-qa"),
        (FUSED, "micro-choice"),
        ("micro-nli/micro-pos", "micro-pos"),
    ],
)
def test_examples_of_every_kind_are_answered_as_by_predict(
    desk: Desk, trained: Config, expression: str, task: str
) -> None:
    with toolkit.load(expression, trained) as model:
        for example in examples_of(toolkit.get_task(task)):
            values = {name: each if isinstance(each, str) else list(each) for name, each in example.values.items()}
            reply = ask(desk, expression, values, task=task, language=example.language)
            assert reply.fault == "" and reply.answer == model.predict([row_of(values)], language=example.language)[0]


@pytest.mark.journey
def test_attention_sums_to_one_in_every_layer_and_the_next_answer_is_the_same(desk: Desk) -> None:
    values = {"context": "Tom is here.", "question": "Who?", "choices": ["Tom", "Ann"]}
    first, second = (ask(desk, FUSED, values, task="micro-choice") for _ in range(2))
    assert first == second and first.answer is not None
    (grid,) = first.grids
    assert grid.title == "fuse[micro-nli,micro-qa]" and grid.rows == ("micro-nli", "micro-qa")
    assert grid.columns[0] == "mean" and len(grid.columns) == 3
    assert [sum(column) for column in zip(*grid.values, strict=True)] == pytest.approx([1.0] * 3)


@pytest.mark.journey
def test_texts_are_compared_by_the_vectors_of_embed(desk: Desk, trained: Config) -> None:
    texts = str(TEXTS[0].values["texts"])
    with toolkit.load(FUSED, trained) as model:
        vectors = model.embed(texts.splitlines())
    reply = ask(desk, FUSED, {"texts": f"\n{texts}\n \n"}, task=None)
    assert [list(row) for row in reply.cosines] == [pytest.approx(list(row), abs=1e-5) for row in vectors @ vectors.T]
    assert reply.grids and ask(desk, "backbone", {"texts": texts}, task=None).cosines


@pytest.mark.journey
def test_a_text_longer_than_the_window_is_said(desk: Desk) -> None:
    long = {"first": "It rains. " * 400, "second": "It is dry."}
    assert "its end was not read" in " ".join(ask(desk, "micro-nli", long).notes)
    windows = {"context": "Tom is in the house. " * 300, "question": "Where is Tom?"}
    assert "was read in several" in " ".join(ask(desk, "micro-qa", windows, task="micro-qa").notes)
    assert ask(desk, "micro-nli").notes == ()


@pytest.mark.journey
def test_an_entry_that_was_trained_anew_answers_anew(trained: Config, tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("micro-nli", config)
    desk = Desk(Session.open(config), models=1)
    before = ask(desk, "micro-nli").answer
    again = tiny_config(tmp_path, "train.lr=0.01")
    toolkit.train("micro-nli", again, retrain=True, force=True)
    assert ask(desk, "micro-nli").answer != before
    desk.close()


# -- what is said in the place of an answer ---------------------------------------------------------------------------


@pytest.mark.journey
@pytest.mark.parametrize(
    ("expression", "values", "options", "said"),
    [
        ("micro-nli/fuse[a", None, {}, "never closed"),
        ("", None, {}, "empty"),
        ("nosuch", None, {}, "nosuch"),
        ("micro-qa", None, {}, "micro-qa"),
        ("backbone", None, {}, "head"),
        ("x" * 5000, None, {}, "2,000 characters"),
        ("micro-nli", {"first": "alone"}, {}, "no column 'second'"),
        ("micro-nli", {"first": "a" * CHARACTERS, "second": "b"}, {}, "50,001 characters"),
        ("micro-nli", None, {"language": "nosuchlanguage"}, "nosuchlanguage"),
        ("micro-nli", {"first": "half \ud800", "second": "b"}, {}, "surrogate"),
        ("micro-nli", {"texts": "one"}, {"task": None}, "1 texts"),
        ("micro-nli", {"texts": "a\n" * 31}, {"task": None}, "31 texts"),
        ("micro-nli", None, {"task": "nosuchtask"}, "nosuchtask"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(
    desk: Desk, expression: str, values: Any, options: dict[str, Any], said: str
) -> None:
    reply = ask(desk, expression, values, **options)
    assert reply.answer is None and said in reply.fault and reply.fault.partition("\n")[0].endswith((".", "?", "'"))


def test_a_backbone_that_is_not_offered_is_refused(tmp_path: Path) -> None:
    desk = Desk(Session.open(tiny_config(tmp_path)))
    reply = desk.ask("mnli", Question("/etc", "mnli", PAIR))
    assert "for the backbone '/etc'" in reply.fault


def test_more_questions_than_can_wait_are_refused_in_a_sentence(tmp_path: Path) -> None:
    begun, go_on = [Event() for _ in range(WAITING)], Event()
    number = iter(range(WAITING))

    def load(*_: Any) -> Any:
        begun[next(number)].set()
        go_on.wait()
        raise toolkit.ToolkitError("Not now.")

    desk = Desk(Session.open(tiny_config(tmp_path)), models=WAITING, load=load)
    with ThreadPoolExecutor(WAITING) as pool:
        asked = [pool.submit(ask, desk, f"a{number}") for number in range(WAITING)]
        for each in begun:
            each.wait()
        assert "questions are being answered; ask again" in ask(desk, "b").fault
        go_on.set()
        assert {each.result().fault for each in asked} == {"Not now."}
    assert desk.asked == WAITING


def test_a_lack_of_memory_is_a_sentence(tmp_path: Path) -> None:
    def load(*_: Any) -> Any:
        raise MemoryError

    assert "not enough memory" in ask(Desk(Session.open(tiny_config(tmp_path)), load=load), "mnli").fault


# -- examples ---------------------------------------------------------------------------------------------------------


def test_every_kind_has_examples_in_several_languages() -> None:
    assert set(EXAMPLES) == set(EVALUATED)
    assert all(len({each.language for each in found}) == len(found) > 1 for found in EXAMPLES.values())


def test_every_task_that_is_answered_has_examples_that_are_rows_of_it() -> None:
    for task in BUILT_IN.held.values():
        if task.kind not in EVALUATED:
            continue
        found = examples_of(task)
        assert found, task.name
        for example in found:
            language = example.language if example.language in task.languages else task.train_language
            values = {name: each if isinstance(each, str) else list(each) for name, each in example.values.items()}
            assert Asker(task, language).ask(row_of(values), "example").row
            assert len(example.words) < 50
            assert examples_of(task)[0].values.keys() <= {each.name for each in own_fields(task, language)}
