from __future__ import annotations

import math

import numpy as np
import pytest

from tests.report.test_plots import size
from toolkit.report import render
from toolkit.report.similarity import Panel, _shades, similarity_maps, similarity_table
from toolkit.similarity import Matrix

NAN = math.nan
GROUPS = {"pos": "syntactic", "ccg": "syntactic", "nli": "semantic", "qa": "semantic"}


def panel(k=4, *, is_symmetric=True, name="cka"):
    names = tuple(GROUPS)[:k]
    values = np.array([[1.0 - 0.1 * abs(i - j) for j in range(k)] for i in range(k)])
    linkage = Matrix(names, values, True, name).linkage() if is_symmetric and k > 1 else None
    rows = tuple(tuple(row) for row in values.tolist())
    return Panel(name, "a number", names, rows, GROUPS, linkage, is_symmetric, is_by_column=not is_symmetric)


def test_colours_run_over_what_is_not_on_the_diagonal():
    shades = _shades([[9.0, 1.0], [3.0, 9.0]], is_by_column=False)
    assert np.isnan(shades[0][0]) and np.isnan(shades[1][1])
    assert (shades[0][1], shades[1][0]) == (0.0, 1.0)


def test_colours_of_numbers_that_compare_within_a_column_run_within_it():
    shades = _shades([[0.0, 100.0, NAN], [1.0, 0.0, 7.0], [2.0, 300.0, 0.0]], is_by_column=True)
    assert (shades[1][0], shades[2][0]) == (0.0, 1.0)
    assert (shades[0][1], shades[2][1]) == (0.0, 1.0)
    assert shades[1][2] == 0.5 and np.isnan(shades[0][2])


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("is_symmetric", [True, False])
def test_few_tasks_and_many_are_drawn(tmp_path, k, is_symmetric):
    similarity_maps([panel(k, is_symmetric=is_symmetric)], [tmp_path / "a.png"], title="t")
    assert min(size(tmp_path / "a.png")) > 300


def test_the_picture_holds_every_task_group_and_predictor(tmp_path):
    drawn = [panel(), panel(is_symmetric=False, name="logme"), panel(3, name="text"), panel(2, name="fisher")]
    similarity_maps(drawn, [tmp_path / "a.svg"], title="Similarity of tasks")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    for word in (*GROUPS, "syntactic", "semantic", "cka", "logme", "text", "fisher", "source", "target"):
        assert f">{word}" in text, word


def test_the_same_values_make_the_same_file(tmp_path):
    for name in ("a", "b"):
        similarity_maps([panel()], [tmp_path / f"{name}.png", tmp_path / f"{name}.svg"], title="t")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_numbers_that_are_all_alike_or_missing_are_drawn(tmp_path):
    alike = Panel("a", "d", ("x", "y"), ((1.0, 1.0), (1.0, 1.0)), {"x": "semantic", "y": "semantic"})
    missing = Panel("b", "d", ("x", "y"), ((NAN, NAN), (NAN, 0.5)), {"x": "semantic", "y": "semantic"})
    similarity_maps([alike, missing], [tmp_path / "a.png"], title="t")
    assert min(size(tmp_path / "a.png")) > 300


def test_a_table_names_the_group_of_every_source():
    text = render(similarity_table(panel(), notes=["Note."]))
    lines = text.splitlines()
    assert lines[0] == "cka: a number"
    assert lines[2].split() == ["pos", "syntactic", "+1.000", "+0.900", "+0.800", "+0.700"]
    assert lines[-2].split()[:2] == ["qa", "semantic"] and lines[-1] == "Note."
