"""A grid from YAML."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolkit.errors import ConfigError
from toolkit.sweeps import Sweep, read_sweep


def is_retrieved(task: str) -> bool:
    return task in ("tatoeba", "bucc")


def read(tmp_path: Path, text: str) -> Sweep:
    path = tmp_path / "grid.yaml"
    path.write_text(text, encoding="utf-8")
    return read_sweep(path, is_retrieved=is_retrieved)


def compositions(sweep: Sweep) -> list[str]:
    return [cell.composition for cell in sweep.cells]


def test_every_intermediate_meets_every_target_and_the_baseline_comes_first(tmp_path: Path) -> None:
    sweep = read(tmp_path, "axes: {intermediates: [mnli, squad], targets: [xnli, udpos]}")
    assert compositions(sweep) == ["xnli", "udpos", "mnli/xnli", "mnli/udpos", "squad/xnli", "squad/udpos"]
    assert [cell.is_baseline for cell in sweep.cells] == [True, True, False, False, False, False]
    assert sweep.rows == ("baseline", "mnli", "squad") and sweep.targets == ("xnli", "udpos")


def test_seeds_and_settings_multiply_the_grid(tmp_path: Path) -> None:
    text = """
axes:
  intermediates: [mnli]
  targets: [udpos]
  seeds: [0, 1, 2]
  settings: {low: {train: {lr: 1e-4}}, high: {train.lr: 5e-4}}
baseline: no
"""
    sweep = read(tmp_path, text)
    assert len(sweep.cells) == 6 and sweep.seeds == (0, 1, 2) and sweep.variants == ("low", "high")
    assert [dict(cell.settings) for cell in sweep.cells[::3]] == [{"train.lr": "1e-4"}, {"train.lr": "5e-4"}]
    assert len({cell.name for cell in sweep.cells}) == 6


def test_orders_are_all_permutations_in_each_method(tmp_path: Path) -> None:
    text = "axes: {orders: {of: [a, b, c], methods: [stack, seq, warm]}, targets: [t]}\nbaseline: no"
    found = compositions(read(tmp_path, text))
    assert len(found) == 18 == len(set(found))
    assert {"a/b/c/t", "c/b/a/t", "seq[b,a,c]/t", "seq[b,a,c,t]"} <= set(found)


def test_members_are_put_together_in_every_method(tmp_path: Path) -> None:
    text = """
axes:
  fusions: {of: {two: [a, b]}, methods: [fuse, avg, merge, ties, dare, stack]}
  mixtures: {multi-task: [a, b]}
  targets: [t]
baseline: no
"""
    sweep = read(tmp_path, text)
    expected = ["mix[a,b]/t", "fuse[a,b]/t", "avg[a,b]/t", "merge[a,b]/t", "ties[a,b]/t", "dare[a,b]/t", "a/b/t"]
    assert compositions(sweep) == expected
    assert sweep.rows[:2] == ("multi-task", "two (fuse)")


def test_sources_are_the_targets_own_languages_or_an_intermediates(tmp_path: Path) -> None:
    text = "axes: {sources: {of: [en, sw, ko], sizes: [1, 3]}, targets: [tydiqa]}\nbaseline: en"
    sweep = read(tmp_path, text)
    assert compositions(sweep) == ["tydiqa.en", "tydiqa.sw", "tydiqa.ko", "mix[tydiqa.en,tydiqa.sw,tydiqa.ko]"]
    assert [cell.row for cell in sweep.cells if cell.is_baseline] == ["en"]
    below = read(tmp_path, "axes: {sources: {of: [en, no], sizes: [2], task: panx}, targets: [udpos]}\nbaseline: no")
    assert compositions(below) == ["mix[panx.en,panx.no]/udpos"]


def test_a_retrieval_target_takes_what_lies_below_it_and_the_backbone_as_baseline(tmp_path: Path) -> None:
    text = "axes: {intermediates: [mnli], orders: {of: [a, b], methods: [warm]}, targets: [tatoeba]}"
    assert compositions(read(tmp_path, text)) == ["backbone", "mnli", "seq[a,b]", "seq[b,a]"]


def test_a_target_is_not_stacked_on_itself(tmp_path: Path) -> None:
    sweep = read(tmp_path, "axes: {intermediates: [a, t], targets: [t]}")
    assert compositions(sweep) == ["t", "a/t"]
    assert sweep.left_out == ("'t' on t: a task is not stacked on itself.",)


def test_a_block_may_hold_the_target_that_stands_on_it(tmp_path: Path) -> None:
    sweep = read(tmp_path, "axes: {mixtures: {all: [a, t]}, orders: [a, t], targets: [t]}\nbaseline: no")
    assert compositions(sweep) == ["mix[a,t]/t"] and len(sweep.left_out) == 2


def test_languages_are_named_by_target_or_for_the_rest(tmp_path: Path) -> None:
    text = "axes: {targets: [t, u, v]}\nlanguages: {t: [en, no], rest: de}"
    assert [cell.languages for cell in read(tmp_path, text).cells] == ["en,no", "de", "de"]
    assert [cell.languages for cell in read(tmp_path, "axes: {targets: [t]}").cells] == ["all"]


def test_the_control_is_a_row_of_its_own(tmp_path: Path) -> None:
    text = "axes: {domains: {of: [fiction, travel], control: mnli}, targets: [xnli]}\nbaseline: mnli (control)"
    sweep = read(tmp_path, text)
    assert sweep.rows == ("fiction", "travel", "mnli (control)")
    assert [cell.composition for cell in sweep.cells if cell.is_baseline] == ["mnli/xnli"]


def test_compositions_are_taken_as_they_are_written(tmp_path: Path) -> None:
    text = "axes: {compositions: {direct: '{target}', two: 'fuse[a, b]@{target}'}, targets: [t]}\nbaseline: direct"
    sweep = read(tmp_path, text)
    assert compositions(sweep) == ["t", "fuse[a,b]@t"] and sweep.cells[0].is_baseline


def test_settings_go_to_all_stages_to_a_role_or_to_a_task(tmp_path: Path) -> None:
    text = """
axes: {intermediates: [a], targets: [t]}
settings: {train: {epochs: 2, limit: null}}
target: {train: {limit: 100}}
tasks: {a: {train: {batch_size: 16}}}
"""
    sweep = read(tmp_path, text)
    assert sweep.settings == {"train.epochs": "2", "train.limit": "null"} and sweep.target == {"train.limit": "100"}
    assert sweep.tasks == {"a": {"train.batch_size": "16"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("axes: {intermediate: [a], targets: [t]}", "No axis named 'intermediate'. Did you mean 'intermediates'?"),
        ("axis: {targets: [t]}", "No key named 'axis'. Did you mean 'axes'?"),
        ("axes: {intermediates: [], targets: [t]}", "the grid is empty: the axis names no members"),
        ("axes: {intermediates: [a], targets: []}", "he grid is empty: `axes: targets` names no task"),
        ("axes: {intermediates: [a]}", "he grid is empty: `axes: targets` names no task"),
        ("axes: {targets: [t]}\nbaseline: no", "the grid is empty: it has no rows"),
        ("axes: {intermediates: [t], targets: [t]}\nbaseline: no", "the grid is empty: 't' on t"),
        ("axes: {intermediates: [a], targets: [t], seeds: []}", "the grid is empty: `seeds` names none"),
        ("axes: {intermediates: [a], targets: [t], seeds: [zero]}", "'zero' is not a whole number"),
        ("axes: {intermediates: [a, b], targets: [t, t]}", "names 't' twice"),
        ("axes: {intermediates: {of: [a], methods: [stak]}, targets: [t]}", "Did you mean 'stack'?"),
        ("axes: {intermediates: {of: [a], method: [stack]}, targets: [t]}", "Did you mean 'methods'?"),
        ("axes: {orders: {of: [a, b], sizes: [3]}, targets: [t]}", "expected 1 to 2"),
        ("axes: {mixtures: {x: [a, b], y: [a, A]}, targets: [t]}", "'A' is not a name"),
        ("axes: {intermediates: [a], targets: [t]}\nbaseline: b", "There is no row 'b' for the baseline"),
        ("axes: {intermediates: [a], targets: [t]}\nsettings: {train: {epoch: 2}}", "Did you mean 'train.epochs'?"),
        ("axes: {intermediates: [a], targets: [t]}\nsettings: {train: {seed: 2}}", "seeds are an axis"),
        ("axes: {intermediates: [a], targets: [t]}\nsettings: {zoo: here}", "names a place"),
        ("axes: {intermediates: [a], targets: [t]}\nlanguages: {u: [en]}", "names 'u', which is not a target"),
        ("axes: {sources: [en, sw], targets: [tatoeba]}\nbaseline: no", "scored by retrieval"),
        ("axes: {orders: [a, b, c, d, e, f, g, h, i], targets: [t]}", "362,880 orders"),
        ("- a\n- b", "expected keys such as `axes:`"),
        ("axes: {targets: [t], targets: [u]}", "line 1: 'targets' is given twice"),
        ("axes: [", "not valid YAML"),
    ],
)
def test_a_fault_is_one_sentence_with_the_file(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as fault:
        read(tmp_path, text)
    assert expected in str(fault.value) and str(fault.value).startswith(str(tmp_path / "grid.yaml"))


def test_a_missing_file_offers_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "order.yaml").write_text("")
    with pytest.raises(ConfigError, match=r"No sweep file .* Did you mean 'order.yaml'\?"):
        read_sweep(tmp_path / "ordre.yaml", is_retrieved=is_retrieved)


def test_a_pipe_in_the_place_of_a_sweep_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "grid.yaml")
    with pytest.raises(ConfigError, match="is a pipe"):
        read_sweep(tmp_path / "grid.yaml", is_retrieved=lambda _: False)
