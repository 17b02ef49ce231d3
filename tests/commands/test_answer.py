from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["xnli"], "source tasks are ranked by `xstilts rank xnli`."),
        (["xnli", "mnli"], "source tasks are ranked by `xstilts rank xnli mnli`."),
        (["xnli", "mnli", "squad", "--by", "logme"], "ranked by `xstilts rank xnli mnli squad --by logme`."),
        (["--sweep", "sweeps/x"], "ranked by `xstilts rank --sweep sweeps/x`."),
    ],
)
def test_who_types_the_old_form_of_predict_is_told_the_new_name(words: list[str], told: str) -> None:
    found = CliRunner().invoke(cli.main, ["predict", *words])
    assert found.exit_code == 2 and told in found.output


def test_rows_without_a_task_ask_for_one(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n")
    found = CliRunner().invoke(cli.main, ["predict", "mnli", str(rows)])
    assert found.exit_code == 2 and "Name the task whose rows" in found.output


def test_a_task_shows_the_columns_of_its_rows() -> None:
    found = CliRunner().invoke(cli.main, ["tasks", "xnli"])
    assert "columns            premise, hypothesis; gold: label" in found.output
