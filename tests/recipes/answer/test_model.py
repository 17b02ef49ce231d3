from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import toolkit
from tests.recipes.small import FUSED
from toolkit.config import Config
from toolkit.errors import DataError, ToolkitError
from toolkit.results.predictions import read_predictions
from toolkit.tasks.rows import ChoiceRow, PairRow, SpanRow, TagsRow
from toolkit.tasks.sources.fill import fill
from toolkit.tasks.task import Task

pytestmark = pytest.mark.journey
N = 8
TRAINED = {"micro-nli": "micro-nli", "micro-qa": "micro-qa", "micro-choice": FUSED, "micro-pos": "micro-nli/micro-pos"}


def record_of(row: Any) -> dict[str, Any]:
    """A row as a file of one's own has it: without gold."""
    if isinstance(row, PairRow):
        return {"first": row.first, "second": row.second}
    if isinstance(row, ChoiceRow):
        return {"context": row.context, "question": row.question, "choices": list(row.choices)}
    if isinstance(row, SpanRow):
        return {"question": row.question, "context": row.context}
    assert isinstance(row, TagsRow)
    return {"tokens": list(row.tokens)}


def records_of(task: str, language: str = "en", n: int = N) -> list[dict[str, Any]]:
    return [record_of(row) for row in toolkit.get_task(task).rows("score", language, limit=n)]


@pytest.fixture
def nli(trained: Config) -> Iterator[Any]:
    with toolkit.load("micro-nli", trained) as model:
        yield model


@pytest.mark.parametrize("task", TRAINED)
def test_rows_of_every_kind_get_the_answers_that_eval_wrote(trained: Config, task: str) -> None:
    scored = toolkit.evaluate(TRAINED[task], trained, task=task, languages="de")
    written = read_predictions(scored.folder / "predictions" / f"{task}.de.jsonl")
    with toolkit.load(TRAINED[task], trained) as model:
        found = model.predict(records_of(task, "de"), language="de")
        assert model.task.name == task
    as_written = [list(each.prediction) if task == "micro-pos" else each.prediction for each in found]
    assert as_written == [each.prediction for each in written]
    assert len(found) == N == len(found.table())


def test_an_unknown_language_of_texts_is_refused(nli: Any) -> None:
    assert nli.embed(["a"], language="de").shape == (1, 32)
    with pytest.raises(ToolkitError, match="No language named 'xx'"):
        nli.embed(["a"], language="xx")


def test_a_label_comes_with_the_probabilities_of_all(nli: Any) -> None:
    answer = nli.predict(records_of("micro-nli", n=1))[0]
    assert list(answer.probabilities) == list(nli.labels) == ["entailment", "neutral", "contradiction"]
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.probability == max(answer.probabilities.values()) == answer.probabilities[answer.prediction]


def test_a_span_says_where_it_is(trained: Config) -> None:
    rows = records_of("micro-qa")
    with toolkit.load("micro-qa", trained) as model:
        for row, answer in zip(rows, model.predict(rows), strict=True):
            assert row["context"][answer.start : answer.end] == answer.prediction != ""


def test_a_question_may_have_no_answer_where_the_task_says_so(trained: Config) -> None:
    rows = records_of("micro-qa", n=2)
    with toolkit.load("micro-qa", trained) as model:
        knows = replace(model.task, may_be_unanswerable=True)
        model._wired = replace(model._wired, task=knows)
        model.config = toolkit.configure("eval.null_threshold=-1e9", backbone="tiny")
        found = model.predict(rows)
    assert [(each.prediction, each.start, each.end) for each in found] == [("", None, None)] * 2
    assert all(each.score is not None for each in found)


def test_raw_text_is_cut_into_words_that_are_tagged_and_placed(trained: Config) -> None:
    text = "Anna isn't here, 3.50."
    with toolkit.load("micro-nli/micro-pos", trained) as model:
        raw, cut = model.predict([text, {"tokens": ["Anna", "isn't", "here", ",", "3.50", "."]}])
    assert raw.tokens == ("Anna", "isn't", "here", ",", "3.50", ".")
    assert raw.prediction == cut.prediction and cut.starts is None
    assert [text[start:][: len(token)] for token, start in zip(raw.tokens, raw.starts, strict=True)] == list(raw.tokens)


@pytest.mark.parametrize("task", TRAINED)
def test_logits_lead_to_the_answers(trained: Config, task: str) -> None:
    rows = records_of(task)
    with toolkit.load(TRAINED[task], trained) as model:
        found = model.logits(rows)
        answers = model.predict(rows)
    assert len(found) == N and found[0].dtype == np.float32
    if task in ("micro-nli", "micro-choice"):
        named = model.labels or range(9)
        assert [named[best] for best in found.argmax(1)] == [each.prediction for each in answers]
    else:
        assert {each.shape[1] for each in found} == {2 if task == "micro-qa" else len(model.labels)}


def test_texts_get_the_vectors_that_retrieve_compares(trained: Config) -> None:
    with toolkit.load("micro-nli", trained) as model:
        found = model.embed(["Anna sees a dog.", "Anna sees a dog.", "no"])
        assert model.embed([]).shape == (0, model.hidden_size)
    assert found.shape == (3, 32) and found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert (found[0] == found[1]).all() and not np.allclose(found[0], found[2])


def test_the_backbone_alone_gives_vectors_and_no_answers(trained: Config) -> None:
    with toolkit.load("backbone", trained) as model:
        assert model.embed(["a"]).shape == (1, 32)
        with pytest.raises(ToolkitError, match="'backbone' has no head, so it gives vectors and no answers"):
            model.predict([{"first": "a", "second": "b"}])


def test_models_are_open_next_to_each_other_and_to_an_evaluation(trained: Config, nli: Any) -> None:
    rows = records_of("micro-nli")
    before = nli.predict(rows)
    with toolkit.load(FUSED, trained) as other:
        toolkit.evaluate("micro-qa", trained, task="micro-qa", languages="en")
        assert len(other.predict(records_of("micro-choice"))) == N
        assert nli.predict(rows) == before


def test_threads_share_a_model(nli: Any) -> None:
    rows = records_of("micro-nli")
    alone = nli.predict(rows)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: nli.predict(rows), range(8)))
        vectors = list(pool.map(nli.embed, [["a", "b"]] * 4))
    assert found == [alone] * 8
    assert all((each == vectors[0]).all() for each in vectors)


def test_a_closed_model_says_so(trained: Config) -> None:
    model = toolkit.load("micro-nli", trained)
    model.close()
    model.close()
    with pytest.raises(ToolkitError, match="The model 'micro-nli' is closed"):
        model.predict(records_of("micro-nli"))


def test_a_model_is_a_torch_module_and_a_tokenizer(nli: Any) -> None:
    import torch

    batch = nli.tokenizer(["It rains."], ["It is dry."], return_tensors="pt")
    with torch.inference_mode():
        logits = nli.module(batch)
    assert logits.numpy() == pytest.approx(nli.logits([{"first": "It rains.", "second": "It is dry."}]), abs=1e-5)


def test_columns_are_those_of_the_task_or_the_names_of_its_fields(trained: Config) -> None:
    with toolkit.load("micro-nli", trained) as model:
        own = model.predict([{"first": "a", "second": "b"}])
        model._wired = replace(model._wired, task=_with_columns(model.task))
        assert model.predict([{"premise": "a", "hyp_de": "b", "label": "odd"}], language="de") == own
        assert model.predict([{"first": "a", "second": "b"}]) == own
        with pytest.raises(
            DataError, match=r"row 1 \(counted from 0\): no column 'hyp_en' \(it has premise\); expected"
        ):
            model.predict([{"premise": "a", "hyp_en": "b"}, {"premise": "a"}])


def _with_columns(task: Task) -> Task:
    source = toolkit.get_task("xnli").source
    columns = {"first": "premise", "second": "hyp_{code}", "label": "label"}
    assert fill("hyp_{code}", "de") == "hyp_de"
    return replace(task, source=replace(source, columns=columns), is_generated=False)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"first": "a", "second": 3}], "3 as second; expected text"),
        ([{"first": "a", "second": None}], "None as second; expected text"),
        ([{"first": "a"}], "no column 'second'"),
        ([{"text": 3, "second": "b"}], "3 as first in column 'text'; expected text"),
        (["a"], "a text alone; expected first and second"),
        ([["a", "b"]], "list; expected a row with first and second"),
        ([{}], r"no column 'first' \(it has nothing\)"),
    ],
)
def test_a_row_that_cannot_be_answered_is_one_sentence(nli: Any, rows: list[Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        nli.predict(rows)


def test_one_row_is_not_a_list_of_rows(nli: Any) -> None:
    with pytest.raises(ToolkitError, match=r"One dict is not a list of rows; write \[row\]"):
        nli.predict({"first": "a", "second": "b"})
    with pytest.raises(ToolkitError, match=r"One text is not a list of texts"):
        nli.embed("a")


def test_a_table_of_pandas_is_rows(nli: Any) -> None:
    import pandas

    rows = records_of("micro-nli")
    assert nli.predict(pandas.DataFrame(rows)) == nli.predict(rows)


def test_a_model_takes_settings_or_a_configuration(trained: Config) -> None:
    with toolkit.load("micro-nli", backbone="tiny", zoo=trained.zoo, sets=["backbone.precision=fp32"]) as model:
        assert model.config.backbone.name == "tiny"
    with pytest.raises(ToolkitError, match="Both a configuration and settings were given"):
        toolkit.load("micro-nli", trained, backbone="tiny")


@pytest.mark.parametrize(
    ("expression", "task", "said"),
    [
        ("par[micro-nli,micro-qa]", None, "gives several answers to one row"),
        ("micro-nli", "micro-qa", "answers micro-nli"),
        ("micro-nli", "micro-bitext", "whose texts have vectors and no answers: `xstilts embed`"),
        ("micro-qa/micro-pos", None, "not in the zoo"),
        ("micro-nil", None, "Did you mean"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(trained: Config, expression: str, task: str | None, said: str) -> None:
    with pytest.raises(ToolkitError, match=said):
        toolkit.load(expression, trained, task=task)


def test_threads_load_one_after_the_other(trained: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """The random backbone is drawn from the process's generator: of two loaded at once, one had other weights."""
    from toolkit.recipes.answer import load

    inside, most, wire = [0], [0], load.trained_circuit

    def wired(*args: Any, **options: Any) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        found = wire(*args, **options)
        inside[0] -= 1
        return found

    monkeypatch.setattr(load, "trained_circuit", wired)
    with ThreadPoolExecutor(4) as pool:
        for model in pool.map(lambda _: toolkit.load("micro-nli", trained), range(4)):
            model.close()
    assert most == [1]


def test_attention_is_that_of_the_rows_and_the_next_answers_are_the_same(trained: Config, nli: Any) -> None:
    rows = records_of("micro-choice", n=2)
    with toolkit.load(FUSED, trained) as model:
        before = model.predict(rows)
        found = model.attention(rows)
        assert model.predict(rows).answers == before.answers and model.circuit.is_folded
        assert model.attention([]) == [] and model.attention(["a text"], are_texts=True)
    assert {mass.member for mass in found} == {"micro-nli", "micro-qa"} and {mass.language for mass in found} == {"en"}
    assert nli.attention([{"first": "a", "second": "b"}]) == []


@pytest.mark.parametrize("task", TRAINED)
def test_no_rows_have_no_answers(trained: Config, task: str) -> None:
    with toolkit.load(TRAINED[task], trained) as model:
        assert len(model.predict([])) == len(model.answer([])) == len(model.logits([])) == 0
        assert model.predict([]).table().empty and model.embed([]).shape == (0, model.hidden_size)
