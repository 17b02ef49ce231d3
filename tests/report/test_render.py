import csv
import io

import pytest

from toolkit.errors import ToolkitError
from toolkit.report import Table, render

TABLE = Table(
    "xnli, accuracy in %",
    ("composition", "data", "en", "zero-shot", "de"),
    (("mnli", "", 64.04, 56.0, 5.06), ("fuse[a,b]/xnli", "generated", 100.0, None, None)),
    ("generated: a note.",),
)


def test_text_is_aligned_numbers_right_and_names_left():
    assert render(TABLE) == (
        "xnli, accuracy in %\n"
        "composition     data          en  zero-shot   de\n"
        "mnli                        64.0       56.0  5.1\n"
        "fuse[a,b]/xnli  generated  100.0          -    -\n"
        "generated: a note.\n"
    )


def test_a_wide_table_goes_on_below_with_its_names_repeated():
    codes = [f"l{i}" for i in range(20)]
    wide = Table("", ("composition", *codes), (("mnli", *map(float, range(20))),))
    lines = render(wide, width=40).splitlines()
    assert max(map(len, lines)) <= 40
    assert [line.split()[0] for line in lines if line.startswith("composition")] == ["composition"] * len(lines[::3])
    numbers = [cell for line in lines if line.startswith("mnli") for cell in line.split()[1:]]
    assert numbers == [f"{float(i):.1f}" for i in range(20)]


def test_a_name_wider_than_the_line_still_gets_its_numbers():
    wide = Table("", ("composition", "en", "de"), (("x" * 200, 1.0, 2.0),))
    assert [line.split()[-1] for line in render(wide, width=80).splitlines() if line.startswith("x")] == ["1.0", "2.0"]


def test_markdown_has_a_rule_that_aligns_and_escapes_its_bars():
    found = render(Table("a|b", TABLE.columns, TABLE.rows, TABLE.notes), "markdown").splitlines()
    assert found[0] == "**a\\|b**"
    assert found[2] == "| composition | data | en | zero-shot | de |"
    assert found[3] == "|---|---|---:|---:|---:|"
    assert found[5] == "| fuse[a,b]/xnli | generated | 100.0 | - | - |"
    assert found[-1] == "generated: a note."


def test_csv_is_read_back_with_two_decimals_and_empty_for_nothing():
    rows = list(csv.DictReader(io.StringIO(render(TABLE, "csv"))))
    assert rows[0] == {"composition": "mnli", "data": "", "en": "64.04", "zero-shot": "56.00", "de": "5.06"}
    assert rows[1]["composition"] == "fuse[a,b]/xnli"
    assert rows[1]["de"] == ""


def test_an_unknown_format_is_named_with_the_nearest():
    with pytest.raises(ToolkitError, match=r"'markdwon'\. Did you mean 'markdown'\?"):
        render(TABLE, "markdwon")
