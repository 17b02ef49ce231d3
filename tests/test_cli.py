"""The command surface: what it prints, and that each fault is one sentence with exit code 2."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
from tests import PROJECT
from tests.printed import commands_in, config_of
from tests.recipes.small import FUSED, SETTINGS, three_languages
from toolkit.config import Config

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("cheap_journeys")]


def run(*arguments: str) -> Result:
    found = CliRunner().invoke(cli.main, list(arguments))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def fault(*arguments: str) -> str:
    found = run(*arguments)
    assert found.exit_code == 2, found.output
    return found.stderr


def options(config: Config) -> list[str]:
    sets = [part for one in SETTINGS for part in ("--set", one)]
    return ["--backbone", "tiny", "--zoo", str(config.zoo), "--set", f"run_dir={config.run_dir}", *sets]


def test_tasks_lists_the_catalogue_and_shows_one() -> None:
    assert "xquad" in run("tasks").output
    assert "Artetxe" in run("tasks", "xquad").output
    assert "German" in run("tasks", "xnli-translated.deu").output


def test_plan_says_what_learns_and_what_is_frozen(folder: Path) -> None:
    found = run("plan", "mnli/xquad")
    assert "squad (xquad has no training rows of its own)" in found.output
    stages = [json.loads(line) for line in run("plan", "fuse[mnli,squad]/xquad", "--json").output.splitlines()]
    assert [stage["entry"] for stage in stages] == ["mnli", "squad", "fuse[mnli,squad]/xquad"]
    assert stages[2]["parents"] == ["mnli", "squad"]


def test_fuse_is_the_friendly_spelling_of_train(trained: Config) -> None:
    found = run("fuse", "micro-nli", "micro-qa", "--target", "micro-choice", *options(trained))
    assert found.exit_code == 0
    assert "Nothing to train" in found.stderr


def test_eval_prints_the_table_on_stdout_and_the_rest_on_stderr(trained: Config) -> None:
    found = run("eval", FUSED, "--task", "micro-choice", "--languages", "en,de", *options(trained))
    assert found.stdout.startswith("micro-choice, accuracy")
    assert "Written to" in found.stderr
    assert "Written to" not in found.stdout


def test_out_names_the_folder_of_the_results(trained: Config, folder: Path) -> None:
    given = [*options(trained), "--no-track"]
    found = run("eval", FUSED, "--task", "micro-choice", "--languages", "en", "--out", "paper/choice", *given)
    assert "Written to paper/choice/" in found.stderr
    assert {"scores.csv", "scores.json", "heat_map.png"} <= {path.name for path in Path("paper/choice").iterdir()}
    several = ["retrieve", "backbone", "micro-nli", "--task", "micro-bitext", "--languages", "de"]
    run(*several, "--out", "paper/bitext", *given)
    assert {path.name for path in Path("paper/bitext").iterdir()} == {"backbone", "micro-nli"}
    assert Path("paper/bitext/backbone/scores.csv").is_file()


def test_retrieve_prints_its_protocol(trained: Config) -> None:
    found = run("retrieve", "backbone", "--task", "micro-bitext", "--languages", "de", *options(trained))
    assert "layer=1/2 pooling=mean direction=en->xx" in found.stderr


def test_the_zoo_is_listed_shown_verified_and_cleared(trained: Config, folder: Path) -> None:
    shutil.copytree(trained.zoo, folder / "zoo")
    zoo = ["--zoo", str(folder / "zoo")]
    assert FUSED in run("zoo", "list", *zoo).output
    assert "data_seen" in run("zoo", "show", "micro-nli", *zoo).output
    assert "as its card says" in run("zoo", "verify", *zoo).output
    assert "is a parent of" in fault("zoo", "remove", "micro-nli", *zoo)
    assert run("zoo", "remove", "micro-nli/micro-pos", *zoo).exit_code == 0
    weights = next((folder / "zoo").rglob("fusion.safetensors"))
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    verified = run("zoo", "verify", *zoo)
    assert verified.exit_code == 1 and "SHA-256" in verified.stderr and "micro-nli on tiny" in verified.stdout
    assert "SHA-256" in fault("eval", FUSED, "--task", "micro-choice", "--backbone", "tiny", "--no-track", *zoo)


def test_doctor_gives_a_fix_for_everything_that_is_missing(folder: Path) -> None:
    lines = run("doctor", "--data-root", "nowhere").output.splitlines()
    assert any(line.startswith("ok") and "torch" in line for line in lines)
    assert any(line.startswith("FIX   mirror nowhere") for line in lines)
    for i, line in enumerate(lines):
        if line.startswith("FIX "):
            assert lines[i + 1].strip(), line


def test_doctor_never_says_ok_where_nothing_can_be_scored(folder: Path) -> None:
    (folder / "mirror" / "facebook" / "xnli").mkdir(parents=True)
    lines = run("doctor", "--data-root", str(folder / "mirror")).output.splitlines()
    (found,) = [line for line in lines if "task xnli: facebook/xnli" in line]
    assert found.startswith("FIX") and "0 of 15 languages" in found
    assert not any(line.startswith("ok") and " 0 of " in line for line in lines)


@pytest.mark.parametrize("place", [".", "mirror/facebook", "mirror/facebook/xnli"])
def test_a_folder_next_to_a_mirror_names_the_mirror(place: str, folder: Path) -> None:
    mirror = folder / "mirror"
    (mirror / "facebook" / "xnli").mkdir(parents=True)
    lines = run("doctor", "--data-root", str(folder / place)).output.splitlines()
    (at,) = [i for i, line in enumerate(lines) if "holds no dataset" in line]
    assert lines[at].startswith("FIX") and lines[at + 1].strip() == f"--data-root {mirror}"
    sentence = fault("tasks", "check", "xnli", "--backbone", "tiny", "--data-root", str(folder / place))
    assert f"does not hold facebook/xnli, but {mirror} does; give --data-root {mirror}." in sentence


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "xqaud"], "Did you mean 'xquad'?"),
        (["plan", "xqaud"], "Did you mean 'xquad'?"),
        (["plan", "xnli.de"], "no language 'de'"),
        (["plan", "fus[mnli,squad]"], "^^^"),
        (["plan", "fuse[mnli,squad"], "^"),
        (["plan", "fuse[mnli]"], "^"),
        (["plan", "a/" * 6000 + "a"], "10,000"),
        (["plan", "mnli", "--set", "train.lrr=1", "--set", "train.epochs=no"], "train.epochs"),
        (["plan", "mnli", "--set", "train.lrr=1", "--set", "train.epochs=no"], "Did you mean 'train.lr'?"),
        (["plan", "mnli", "--config", "absent.yaml"], "absent.yaml"),
        (["plan", "par[mnli,squad]@xnli"], "no head learns on several members"),
        (["zoo", "show", "mnli"], "empty"),
        (["plan", "mnli", "--backbone", "embeded"], "Did you mean 'embedded'?"),
        (["train", "mnli", "--backbone", "bert-base-uncased"], "a model of the bert family"),
        (["eval", "mnli", "--task", "xnli", "--backbone", "embeded"], "Did you mean 'embedded'?"),
        (["zoo", "pull", "hf://org/repo"], "the hub does not answer from here"),
        (["zoo", "sync", "hf://org/repo"], "the hub does not answer from here"),
        (["tasks", "tatoebo"], "Did you mean 'tatoeba'?"),
    ],
)
def test_a_users_fault_is_one_sentence_with_exit_code_two(folder: Path, arguments: list[str], expected: str) -> None:
    said = fault(*arguments)
    assert said.startswith("Error: ")
    assert expected in said
    assert "Traceback" not in said


def test_an_unreachable_hub_names_the_ways_out(folder: Path) -> None:
    said = fault("train", "mnli", "--backbone", "tiny", "--no-track")
    assert "xstilts tasks fetch TASK --out DIR" in said
    assert "--data-root DIR" in said
    assert "micro-nli" in said.rpartition("Error:")[2]
    said = fault("train", "micro-nli", "--backbone", "xlm-roberta-large", "--no-track")
    assert "--backbone embedded" in said
    assert "hf download" in said


def test_a_folder_that_cannot_be_written_loses_nothing(trained: Config, folder: Path) -> None:
    (folder / "occupied").write_text("a file where a folder should be")
    for setting in (["--zoo", str(folder / "occupied")], ["--set", f"run_dir={folder / 'occupied'}"]):
        given = options(trained)
        given = [*given, *setting] if setting[0] == "--set" else [*given[:2], *setting, *given[4:]]
        said = fault("train", "micro-pos", *given, "--no-track")
        assert "occupied" in said


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("toolkit.tasks.catalogue_of", broken)
    found = CliRunner().invoke(cli.main, ["tasks", "mnli"])
    assert isinstance(found.exception, ZeroDivisionError)


def test_python_cli_py_is_the_same_program() -> None:
    found = subprocess.run(
        [sys.executable, "cli.py", "--help"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert "xstilts train mnli/squad" in found.stdout


def test_a_task_of_ones_own_works_in_every_command(folder: Path) -> None:
    (folder / "wetter.csv").write_text(
        "a,b,gold\n" + "Es regnet.,Nass.,ja\nEs regnet.,Dürr.,nein\n" * 8, encoding="utf-8"
    )
    shutil.copy(folder / "wetter.csv", folder / "dev.csv")
    (folder / "wetter.yaml").write_text(
        "name: wetter\nkind: pair\nlabels: [ja, nein]\nfiles: {train: wetter.csv, dev: dev.csv}\n"
        "columns: {first: a, second: b, label: gold}\n"
    )
    (folder / "bits.tsv").write_text("Es regnet.\tIt rains.\nEr singt.\tHe sings.\n", encoding="utf-8")
    (folder / "configs" / "task").mkdir(parents=True)
    (folder / "configs" / "task" / "bits.yaml").write_text(
        "name: bits\nkind: bitext\nlanguages: [de]\nfiles: {score: ../../bits.tsv}\ncolumns: {source: 0, target: 1}\n"
    )
    sets = ["--backbone", "tiny", *(part for one in SETTINGS for part in ("--set", one))]
    own = ["--task-file", "wetter.yaml"]
    assert "wetter" in run("tasks", *own).output and "bits" in run("tasks").output
    assert run("plan", "wetter", *own, "--json").exit_code == 0
    assert "wetter dev accuracy" in run("train", "wetter", *own, *sets).output
    assert "split dev" in run("eval", "wetter", "--task", "wetter", *own, *sets).output
    assert "bits, accuracy" in run("retrieve", "backbone", "--task", "bits", *sets).output
    assert "No task named 'wetter'" in fault("plan", "wetter")
    assert "There is no task file" in fault("plan", "wetter", "--task-file", "none.yaml")


def test_eval_wants_a_task_or_a_suite_and_not_both(trained: Config) -> None:
    for arguments in ((), ("--task", "micro-nli", "--suite", "micro")):
        assert "either --task TASK or --suite NAME" in fault("eval", "micro-nli/TARGET", *arguments, *options(trained))
    assert "go with --suite" in fault("eval", "micro-nli", "--task", "micro-nli", "--dry-run", *options(trained))
    suite = ("eval", "micro-nli/TARGET", "--suite", "micro", *options(trained))
    assert "leave --languages and --lock out" in fault(*suite, "--languages", "en")
    assert "is not TASK=EXPR" in fault(*suite, "--with", "micro-qa")
    assert "write TARGET there" in fault("eval", "micro-nli", "--suite", "micro", *options(trained))


def test_a_suites_dry_run_prints_the_commands_that_train_what_is_missing(trained: Config) -> None:
    found = run(
        "eval", "micro-nli/TARGET", "--suite", "micro", "--with", "micro-qa=micro-qa", "--dry-run", *options(trained)
    )
    assert found.exit_code == 0
    assert "micro-qa      micro-qa" in found.output
    (command,) = commands_in(found.output)
    assert command.startswith("xstilts train micro-nli/micro-choice --backbone tiny")
    printed = config_of(command)
    assert (printed.zoo, printed.backbone, printed.adapter) == (trained.zoo, trained.backbone, trained.adapter)
    assert printed.train == trained.train


@pytest.mark.parametrize(
    "arguments",
    [
        ["eval", "squad/TARGET", "--suite", "xtreme", "--dry-run"],
        ["eval", "mnli/squad", "--task", "xquad", "--languages", "en"],
        ["eval", "mnli", "--task", "tatoeba"],
        ["retrieve", "mnli", "--task", "xnli"],
        ["robust", "mnli", "--task", "bucc"],
        ["compare", "mnli", "--task", "xnli"],
        ["rank", "xnli"],
    ],
    ids=lambda words: " ".join(words),
)
def test_a_printed_command_can_be_copied_and_carries_the_options_it_needs(arguments: list[str], folder: Path) -> None:
    mirror, zoo = folder / "the mirror", folder / "it's a zoo"
    for task in ("facebook/xnli", "google/xquad"):
        (mirror / task).mkdir(parents=True)
    given = [
        "--data-root",
        str(mirror),
        "--zoo",
        str(zoo),
        "--backbone",
        "tiny",
        "--no-track",
        "--set",
        "train.limit=7",
    ]
    found = CliRunner().invoke(cli.main, [*arguments, *given])
    commands = [each for each in commands_in(found.output) if each not in ("xstilts tasks", "xstilts doctor")]
    assert commands, found.output
    for command in commands:
        config = config_of(command)
        assert (config.data_root, config.zoo, config.backbone.name) == (mirror, zoo, "tiny")
        assert not config.tracking.enabled
        if command.startswith("xstilts train "):
            assert config.train.limit == 7


def test_a_suite_prints_its_average_on_stdout(trained: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    three_languages(monkeypatch)
    found = run("eval", "micro-nli/TARGET", "--suite", "micro", *options(trained))
    assert found.exit_code == 0
    assert "PARTIAL average" in found.stdout
    assert "suite.json" not in found.stdout and "Written to" in found.stderr
