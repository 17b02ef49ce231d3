"""Commands in two processes: the same results as in one, written once, and one sentence where they cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolkit
from tests.recipes.small import SETTINGS, tiny_config
from tests.several import Several
from toolkit.commands.processes import require_shared
from toolkit.errors import ToolkitError

SMALL = ("store.folder=null", "eval.batch_size=1")  # so that there are batches for both processes


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    toolkit.train("micro-nli", tiny_config(folder))
    return folder


def words(root: Path, runs: str, *own: object) -> list[object]:
    sets = (*SETTINGS, *SMALL, f"run_dir={root / runs}")
    return [*own, "--backbone", "tiny", "--zoo", root / "zoo", *(word for one in sets for word in ("--set", one))]


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.journey
def test_two_processes_score_as_one_does_to_the_bit_and_write_it_once(root: Path) -> None:
    toolkit.evaluate("micro-nli", tiny_config(root, *SMALL), task="micro-nli", languages="en,de")
    (main, out, said), other = Several(
        words(root, "two", "eval", "micro-nli", "--task", "micro-nli", "--languages", "en,de")
    ).ended()
    assert main == 0 and "accuracy" in out, said
    assert other == (0, "", "")
    alone, together = files_in(root / "runs" / "eval"), files_in(root / "two" / "eval")
    assert alone == together and alone


@pytest.mark.journey
def test_two_processes_retrieve_and_mine_as_one_does(root: Path) -> None:
    sides = []
    for number, side in enumerate(("one", "two")):
        sides.append(root / f"{side}.txt")
        sides[-1].write_text("".join(f"sentence {n} of {'ab'[number]} {'x ' * (n % 5)}\n" for n in range(40)))
    config = tiny_config(root, *SMALL)
    toolkit.retrieve("micro-nli", config, task="micro-bitext", languages="de")
    toolkit.mine(*sides, config, out=root / "alone.tsv")
    ended = [
        Several(words(root, "two", "retrieve", "micro-nli", "--task", "micro-bitext", "--languages", "de")).ended(),
        Several(words(root, "two", "mine", *sides, "--out", root / "together.tsv")).ended(),
    ]
    assert all(code == 0 for processes in ended for code, _, _ in processes), ended
    assert all(processes[1][1:] == ("", "") for processes in ended)
    assert files_in(root / "runs" / "retrieve") == files_in(root / "two" / "retrieve")
    assert (root / "alone.tsv").read_bytes() == (root / "together.tsv").read_bytes()


@pytest.mark.journey
@pytest.mark.parametrize("rank", [0, 1])
def test_a_fault_of_one_process_is_one_sentence_of_all(rank: int, root: Path) -> None:
    several = Several(
        words(root, "faults", "eval", "micro-nli", "--task", "micro-nli", "--languages", "en"),
        first={rank: "tests.several:raises_an_error_of_the_user"},
    )
    ended = several.ended()
    assert [code for code, _, _ in ended] == [2, 2]
    assert "".join(out for _, out, _ in ended) == ""
    said = [line for _, _, err in ended for line in err.splitlines() if line.startswith("Error") or "Trace" in line]
    assert said == ["Error: This part of the rows cannot be read."]
    assert not list((root / "faults").rglob("scores.json"))


@pytest.mark.journey
def test_a_fault_of_ours_keeps_its_traceback_where_it_was_and_the_others_add_none(root: Path) -> None:
    ended = Several(
        words(root, "faults", "eval", "micro-nli", "--task", "micro-nli", "--languages", "en"),
        first={1: "tests.several:raises_a_bug"},
    ).ended()
    assert all(code for code, _, _ in ended)
    assert "ZeroDivisionError: a fault of ours" in ended[1][2]
    assert "Traceback" not in ended[0][2] and "Error" not in ended[0][2]


@pytest.mark.journey
def test_a_process_that_is_killed_is_said_by_the_other_one_which_ends(root: Path) -> None:
    (code, out, said), killed = Several(
        words(root, "faults", "eval", "micro-nli", "--task", "micro-nli", "--languages", "en"),
        first={1: "tests.several:is_killed"},
    ).ended()
    assert killed[0] < 0
    assert code == 2 and out == "" and "Another process of this run has ended" in said and "Traceback" not in said


@pytest.mark.journey
@pytest.mark.parametrize("told", ["catches_what_a_journey_raises", "catches_what_one_part_of_a_pass_raises"])
def test_an_error_that_a_script_catches_is_caught_in_all_processes_which_work_together_again(
    told: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XSTILTS_TEST_ROOT", str(root))
    ended = Several(
        words(root, told, "eval", "micro-nli", "--task", "micro-nli", "--languages", "en"),
        first=dict.fromkeys((0, 1), f"tests.several:{told}"),
    ).ended()
    assert [code for code, _, _ in ended] == [0, 0], ended
    caught = [[line for line in out.splitlines() if line.startswith("caught")] for _, out, _ in ended]
    if told == "catches_what_a_journey_raises":
        assert len(caught[0]) == 2 and caught[0] == caught[1] and "nobody" in caught[0][0]
    else:
        assert caught == [["caught LostProcessError"], ["caught ZeroDivisionError"]]
    assert "accuracy" in ended[0][1]
    assert list((root / told).rglob("scores.json"))


@pytest.mark.parametrize(
    "line", ["sweep order-mini", "zoo list", "fuse prune x --keep 2", "fuse --suggest 2 --target xquad", "doctor"]
)
def test_what_works_in_one_process_is_refused_in_several(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require_shared(line.split())
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ToolkitError, match=r"works in one process, and 4 were started; leave `torchrun` out"):
        require_shared(line.split())
    for shared in ("train mnli", "fuse mnli squad --target xquad", "eval mnli --task xnli", "mine a b --out c"):
        require_shared(shared.split())
