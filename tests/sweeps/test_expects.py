"""Expectations in a sweep's file: what is read, and what is refused in one sentence."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from toolkit.errors import ConfigError
from toolkit.sweeps import read_sweep
from toolkit.sweeps.expects import Expectation, from_dict

GRID = """
question: Does it help?
axes:
  intermediates: [mnli, squad]
  targets: [xnli, udpos]
  settings:
    clean: {{}}
    typos: {{noise: {{apply: "swap:0.2"}}}}
expects:
{expects}
"""


def read(tmp_path: Path, expects: str, grid: str = GRID) -> tuple[Expectation, ...]:
    path = tmp_path / "grid.yaml"
    path.write_text(grid.format(expects=expects), encoding="utf-8")
    return read_sweep(path, is_retrieved=lambda task: False).expects


def test_every_form_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
  - {row: mnli, is: higher, by: 2.5, on: xnli, because: Phang et al. 2020}
  - {row: [mnli, squad], than: baseline, is: same, by: 3, on: [xnli, udpos], in: [de, sw]}
  - {row: squad, than: mnli, is: lower, of: change}
  - Whatever helps does so in English first.
""",
    )
    assert found == (
        Expectation(("mnli",), ("baseline",), "higher", 2.5, ("xnli",), because="Phang et al. 2020"),
        Expectation(("mnli", "squad"), ("baseline",), "same", 3.0, ("xnli", "udpos"), ("de", "sw")),
        Expectation(("squad",), ("mnli",), "lower", measure="change"),
        Expectation(because="Whatever helps does so in English first."),
    )
    assert [str(one) for one in found] == [
        "mnli is higher than baseline by at least 2.5 points on xnli (Phang et al. 2020)",
        "the mean of mnli, squad is the same as baseline within 3 points on xnli, udpos in de, sw",
        "squad loses more under noise than mnli",
        "Whatever helps does so in English first.",
    ]
    assert tuple(from_dict(asdict(one)) for one in found) == found


def test_none_are_expected_where_none_are_given(tmp_path: Path) -> None:
    assert read(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("expects", "said"),
    [
        ("  row: mnli", "expected a list"),
        ("  higher", "expected a list"),
        ("  - [mnli]", "number 1: found a list"),
        ("  - {row: mnli}", "lacks `is`"),
        ("  - {is: higher}", "lacks `row`"),
        ("  - {row: mnli, is: highr}", "Did you mean 'higher'"),
        ("  - {row: mnil, is: higher}", "no row 'mnil'. Did you mean 'mnli'"),
        ("  - {row: mnli, is: higher, than: sqaud}", "no row 'sqaud'. Did you mean 'squad'"),
        ("  - {row: mnli, is: higher, on: xnil}", "no target 'xnil'. Did you mean 'xnli'"),
        ("  - {row: mnli, is: higher, by: two}", "found 'two'; expected points"),
        ("  - {row: mnli, is: higher, by: -1}", "found '-1'; expected points"),
        ("  - {row: mnli, is: higher, by: nan}", "found 'nan'; expected points"),
        ("  - {row: mnli, is: higher, by: [1]}", "expected points"),
        ("  - {row: mnli, is: same}", "`is: same` needs `by`"),
        ("  - {row: mnli, is: higher, than: mnli}", "compared with itself"),
        ("  - {row: [mnli, mnli], is: higher}", "names 'mnli' twice"),
        ("  - {row: {a: b}, is: higher}", "a name or a list of names"),
        ("  - {row: mnli, is: higher, onn: xnli}", "No key named 'onn'"),
        ("  - {row: mnli, is: higher, of: speed}", "found 'speed'"),
        ("  - {row: mnli, is: higher, of: change, in: de}", "`in` is for scores"),
        ("  - {row: mnli, is: higher, because: [a]}", "expected a sentence"),
        ("  - {row: mnli, is: higher}\n  - {row: mnli, is: higher}", "number 2: it is given twice"),
    ],
)
def test_a_fault_is_one_sentence_with_its_place(tmp_path: Path, expects: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, expects)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "grid.yaml"))
    assert "\n" not in str(caught.value)


def test_a_change_needs_noise_and_a_comparison_needs_a_baseline(tmp_path: Path) -> None:
    plain = "axes: {{intermediates: [mnli], targets: [xnli]}}\nbaseline: no\nexpects:\n{expects}\n"
    with pytest.raises(ConfigError, match="needs a point with noise"):
        read(tmp_path, "  - {row: mnli, is: higher, of: change}", plain)
    with pytest.raises(ConfigError, match="the sweep has no baseline"):
        read(tmp_path, "  - {row: mnli, is: higher}", plain)
