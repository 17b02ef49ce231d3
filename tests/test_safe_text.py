"""Texts of strangers: shown and not obeyed on a terminal, harmless in files for people, exact in files for machines."""

from __future__ import annotations

import ast
import csv
import io
import json
import xml.dom.minidom
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests import PROJECT
from tests.architecture import read_modules
from toolkit.report import Table, heat_map, render
from toolkit.results.predictions import Prediction, read_predictions, write_predictions
from toolkit.results.result import as_csv, from_csv
from toolkit.results.score import Score
from toolkit.safe_text import csv_rows, csv_text, html_text, json_text, latex_text, markdown_text, one_line, visible

ACTING = [chr(code) for code in (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F))]
ACTING += ["\u2066", "\u2067", "\u2068", "\u2069", "\u2028", "\u2029", "\ud800"]
INTACT = [
    "می\u200cشود",  # Persian, with a non-joiner
    "क्\u200dष",  # Hindi, with a joiner
    "שלום \u200fworld\u200e",
    "مرحبا\u061c",
    "cafe\u0301",
    "👩\u200d👩\u200d👧",
    "tab\tand\nline",
    r"a \x1b that was written out",
]
COMPUTED = ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\n=1", "=cmd|' /C calc'!A0", "+1-2", "-1+A1", "＝1+1", "'=1"]
NUMBERS = ["-0.5", "+1.5", "-1e-5", "-inf", "-3", "+.5", "-1.5 [-2.0, -1.0] *", "+2.1 [+0.4, +3.8]", "-", ""]


@pytest.mark.parametrize("sign", ACTING, ids=ascii)
def test_what_would_act_on_a_terminal_is_shown(sign: str) -> None:
    shown = visible(f"a{sign}b")
    assert shown.startswith("a\\") and shown.endswith("b") and shown.isprintable() and sign not in shown


@pytest.mark.parametrize("text", INTACT, ids=ascii)
def test_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert visible(text) == text == json.loads(json_text(text))


def test_a_cell_is_one_line() -> None:
    assert one_line("a\nError: b\tc") == r"a\nError: b\tc"


@pytest.mark.parametrize("text", COMPUTED, ids=ascii)
def test_a_text_that_a_spreadsheet_would_compute_is_preceded_by_an_apostrophe_and_read_back(text: str) -> None:
    written = csv_text(["label"], [[text]])
    assert list(csv.reader(io.StringIO(written)))[1] == [f"'{text}"]
    assert csv_rows(written) == [{"label": text}]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_stays_a_number(text: str) -> None:
    assert list(csv.reader(io.StringIO(csv_text(["label", "n"], [[text, -0.5]]))))[1] == [text, "-0.5"]


def test_records_with_formulas_and_signs_come_back() -> None:
    rows = [{"=name": "@x", "n": -1, "low": -0.25}, {"=name": "'=y", "n": 2, "low": None}]
    assert from_csv(as_csv(rows)) == rows


def test_predictions_are_exact_and_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    answers = [Prediction("=1", f"{sign}=x", "-y", 0.5) for sign in (*ACTING, *INTACT)]
    write_predictions(answers, tmp_path / "p.jsonl")
    assert read_predictions(tmp_path / "p.jsonl") == answers
    assert visible(text := (tmp_path / "p.jsonl").read_text(encoding="utf-8")) == text and '"id": "=1"' in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>x</script>", "&lt;script>x&lt;/script>"),
        ("[a](javascript:x) ![b](http://c)", r"[a\](javascript:x) ![b\](http://c)"),
        ("a | b\n# c", r"a \| b # c"),
        ("**b** `c` _d_ \\", r"\*\*b\*\* \`c\` \_d\_ \\"),
        ("&lt; & p <= 0.05", "&amp;lt; & p <= 0.05"),
        ("fuse[a_b,c]/x.en@y", "fuse[a_b,c]/x.en@y"),
    ],
)
def test_markdown_shows_a_text_as_it_is(text: str, expected: str) -> None:
    assert markdown_text(text) == expected


def test_html_and_latex_show_a_text_as_it_is() -> None:
    assert html_text("<b \x1b '\">") == "&lt;b \\x1b &#x27;&quot;&gt;"
    assert latex_text("[x]\n\\input{y} $z$") == r"{}[x]\textbackslash{}n\textbackslash{}input\{y\} \$z\$"


@pytest.mark.parametrize("format", ["text", "markdown", "csv", "latex"])
def test_titles_names_cells_and_notes_of_a_table_are_safe(format: str) -> None:
    bad = "\x1b]0;x\x07\u202e"
    found = render(Table(bad, ("", f"a{bad}"), ((f"b{bad}", 1.0), (f"c\n{bad}", None)), (bad,)), format)
    assert visible(found) == found


def test_a_picture_reads_no_text_as_a_formula_and_an_svg_stays_xml(tmp_path: Path) -> None:
    bad = "a$b_{$ \\frac$ \x1b[31m \u202e <x> & \ud800"
    scores = [Score(bad, code, "f1", value, 3, bad, 0) for code, value in (("en", 0.5), ("de", 0.25))]
    heat_map(scores, tmp_path / "map.svg")
    xml.dom.minidom.parse(str(tmp_path / "map.svg"))
    assert "a$b_{$" in (text := (tmp_path / "map.svg").read_text(encoding="utf-8")) and "\\x1b[31m" in text


def test_a_task_of_a_stranger_is_listed_and_shown_or_refused_without_acting(tmp_path: Path) -> None:
    task = 'name: evil\nkind: pair\ndescription: "\\e[31mred \\u202Eexe"\nlabels: [a, b]\nlanguages: [en]\n'
    task += "files: {train: a.jsonl, dev: b.jsonl, test: c.jsonl}\ncolumns: {first: a, second: b, label: l}\n"
    (tmp_path / "evil.yaml").write_text(task, encoding="utf-8")
    (tmp_path / "worse.yaml").write_text(task.replace("[a, b]", '["a\\e[2J", "b\\u2066"]'), encoding="utf-8")
    for words in (["tasks", "list"], ["tasks", "show", "evil"], ["train", "evil", "--backbone", "tiny", "--no-track"]):
        for name in ("evil", "worse"):
            found = CliRunner().invoke(cli.main, [*words, "--task-file", str(tmp_path / f"{name}.yaml")])
            assert found.exit_code == (2 if words[0] == "train" or name == "worse" else 0)
            for stream in (found.stdout, found.stderr):
                assert visible(stream) == stream
            assert "\\x1b[" in found.output or (words[0] == "train" and name == "evil")


PRINTING = {"toolkit.commands.screen", "toolkit.commands.live"}
EXPORTING = {"toolkit.safe_text"}


def test_one_place_prints_and_one_place_exports() -> None:
    found = []
    for name, module in read_modules(PROJECT, words=("echo", "Console", "csv", "escape", "print(")).items():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute):
                called = ast.unparse(node)
                is_printing = called in ("click.echo", "click.secho")
                is_exporting = called in ("csv.writer", "csv.DictWriter", "html.escape")
            elif isinstance(node, ast.Call):
                is_printing, is_exporting = ast.unparse(node.func) in ("print", "Console"), False
            else:
                is_printing = False
                is_exporting = isinstance(node, ast.ImportFrom) and node.module == "html"
            if (is_printing and name not in PRINTING) or (is_exporting and name not in EXPORTING):
                found.append(f"{name}, line {getattr(node, 'lineno', 0)}")
    assert found == []
