"""Commands: one meaning per option, default verbs, former names, and each user error as one sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import cli
import toolkit
from toolkit.face.shared import listing


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments))


def leaves(command: click.Command = cli.main, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, (*words, name))
    else:
        yield " ".join(words), command


def test_an_option_has_one_form_everywhere() -> None:
    """`--out PATH` is a path wherever it is; `--by` takes names; no flag is an option with a value elsewhere."""
    forms: dict[str, dict[tuple[object, ...], list[str]]] = defaultdict(lambda: defaultdict(list))
    for words, command in leaves():
        for option in command.params:
            if isinstance(option, click.Option):
                kind = "choice" if isinstance(option.type, click.Choice) else option.type.name
                form = (option.metavar if kind != "choice" else kind, option.is_flag)
                forms[option.opts[0]][form].append(words)
    assert len(forms) > 50
    assert {name: dict(found) for name, found in forms.items() if len(found) > 1} == {}


def test_output_goes_to_out_in_every_command() -> None:
    written = {words for words, command in leaves() for option in command.params if option.name == "out"}
    assert {
        "eval",
        "retrieve",
        "mine",
        "compare",
        "robust",
        "similarity",
        "rank",
        "attention",
        "sweep run",
    } <= written
    assert {
        "report",
        "demo",
        "tasks fetch",
        "tasks pin",
        "configs copy",
        "zoo lock",
        "zoo export",
        "zoo site",
    } <= written
    options = [option for _, command in leaves() for option in command.params if isinstance(option, click.Option)]
    assert {option.opts[0] for option in options}.isdisjoint({"--dir", "--output", "--with"})
    assert all(isinstance(option.type, click.Choice) for option in options if option.opts[0] == "--to")  # a format


def test_every_command_is_a_function_of_the_package() -> None:
    named = {"eval": "evaluate", "similarity": "compare_tasks", "status": "sweep_status", "report": "sweep_report"}
    named |= {"sweep run": "sweep", "results": "write_results", "backbones list": "backbones"}
    names = {named.get(words, words.replace(" ", "_")) for words, _ in leaves()} - {
        "ui"
    }  # a server; `ui --try` is `try_page`
    assert names <= set(dir(toolkit))


def test_the_help_names_every_command_in_its_section() -> None:
    shown = run("--help").output
    for title in ("Train:", "Score:", "Compare:", "Sweeps:", "Share:", "Data:", "Look:"):
        assert f"\n{title}\n" in shown
    held = [name for names in cli.main.sections.values() for name in names]
    assert sorted(held) == sorted(cli.main.commands)
    assert "(run, status, report)" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["eval", "mnli", "--bakbone", "tiny"], "No such option '--bakbone'; did you mean '--backbone'?"),
        (["eval", "mnli", "--data_root", "x"], "No such option '--data_root'; did you mean '--data-root'?"),
        (["train", "mnli", "--lr", "1e-3"], "No such option '--lr'; did you mean `--set train.lr=...`?"),
        (["train", "mnli", "--learning-rate", "1"], "did you mean `--set train.lr=...`?"),
        (["train", "mnli", "--batch-size=4"], "did you mean `--set train.batch_size=...`?"),
        (["eval", "mnli", "--limit", "4"], "did you mean `--set eval.limit=...`?"),
        (["retrieve", "mnli", "--layer", "4"], "did you mean `--set retrieve.layer=...`?"),
        (["sweep", "order-mini", "--epochs", "4"], "did you mean `--set train.epochs=...`?"),
        (["train", "mnli", "--unheard-of"], "No such option '--unheard-of'. See"),
        (["trian"], "No such command 'trian'; did you mean 'train'?"),
        (["--verison"], "No such option '--verison'; did you mean '--version'?"),
        (["train"], "Missing argument 'EXPR'."),
        (["zoo", "site"], "Missing option '--out'."),
        (["zoo", "verifi"], "No such command 'verifi'; did you mean 'verify'?"),
        (["plan", "mnli", "--precision", "fp8"], "'fp8' is not one of"),
        (["robust", "mnli", "--task", "xnli", "--strength", "much"], "'much' is not a list of numbers"),
        (["configs", "list", "sweeps"], "'sweeps' is not one of"),
        (["sweep", "status"], "Missing argument 'DIR'."),
    ],
)
def test_an_error_of_the_command_line_is_one_sentence(arguments: list[str], expected: str) -> None:
    found = run(*arguments)
    assert found.exit_code == 2
    assert found.stdout == ""
    assert len(found.stderr.splitlines()) == 1
    assert found.stderr.startswith("Error: ")
    assert expected in found.stderr
    assert "--help`" in found.stderr


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[object, ...], dict[str, object]]]:
    """What functions of the package are called with, in place of what they do."""
    calls: list[tuple[str, tuple[object, ...], dict[str, object]]] = []

    def stand_in(name: str) -> None:
        def called(*given: object, **options: object) -> object:
            calls.append((name, given, options))
            return listing([{"name": name}], lines=[name])

        monkeypatch.setattr(toolkit, name, called, raising=False)

    for name in ("sweep_status", "sweep_plan", "tasks_list", "tasks_show", "tasks_fetch", "zoo_site", "zoo_export"):
        stand_in(name)
    for name in ("plan_suite", "demo", "configs_list", "configs_show"):
        stand_in(name)
    return calls


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("tasks", "tasks_list"),
        ("tasks list", "tasks_list"),
        ("tasks xquad", "tasks_show"),
        ("tasks show xquad", "tasks_show"),
        ("configs", "configs_list"),
        ("configs sweep/order-mini", "configs_show"),
        ("sweep status DIR", "sweep_status"),
        ("status DIR", "sweep_status"),
    ],
)
def test_a_group_has_a_default_verb(
    asked: list[tuple[str, tuple[object, ...], dict[str, object]]], words: str, name: str
) -> None:
    found = run(*words.split())
    assert found.exit_code == 0, found.output
    assert [call[0] for call in asked] == [name]


def test_an_option_may_precede_the_verb_that_is_left_out(folder: Path, asked: list[tuple[str, object, object]]) -> None:
    Path("own.yaml").write_text("name: own\nbase: micro-nli\nlanguages: [en]\n")
    for words in (
        "tasks --task-file own.yaml",
        "tasks --task-file=own.yaml show own",
        "tasks --task-file own.yaml own",
    ):
        found = run(*words.split())
        assert found.exit_code == 0, (words, found.output)
    assert [call[0] for call in asked] == ["tasks_list", "tasks_show", "tasks_show"]


@pytest.mark.parametrize(
    ("words", "name", "key", "value"),
    [
        ("zoo site gallery", "zoo_site", "out", Path("gallery")),
        ("zoo site --out gallery", "zoo_site", "out", Path("gallery")),
        ("zoo export mnli saved --to adapterhub", "zoo_export", "out", Path("saved")),
        ("zoo export mnli --out saved", "zoo_export", "format", "adapterhub"),
        ("tasks fetch xnli --to MIRROR", "tasks_fetch", "out", Path("MIRROR")),
        ("tasks fetch xnli --to=MIRROR", "tasks_fetch", "out", Path("MIRROR")),
        ("demo --folder elsewhere", "demo", "out", Path("elsewhere")),
        ("eval a/TARGET --suite micro --dry-run --with micro-qa=b", "plan_suite", "instead", {"micro-qa": "b"}),
        ("eval a/TARGET --suite micro --dry-run --instead micro-qa=b", "plan_suite", "instead", {"micro-qa": "b"}),
    ],
)
def test_spellings_of_the_first_release_still_work(
    asked: list[tuple[str, tuple[object, ...], dict[str, object]]], words: str, name: str, key: str, value: object
) -> None:
    found = run(*words.split())
    assert found.exit_code == 0, found.output
    ((called, _, options),) = asked
    assert (called, options[key]) == (name, value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sweep grid.yaml --dir there", "--dir is called --out now; both work."),
        ("mine a b --out c --with mnli", "--with is called --expr now; both work."),
        ("prune fuse[a,b,c]/d --keep 2 --retrain", "--retrain is called --replace now; both work."),
    ],
)
def test_the_new_name_of_an_option_is_said(folder: Path, words: str, said: str) -> None:
    found = run(*words.split(), "--backbone", "tiny")
    assert found.exit_code == 2  # there is nothing to work on here
    assert said in found.stderr
    assert "No such option" not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["plan", "micro-nli", "--backbone", "a" * 300],
            "' is longer than a file's name can be here; give a shorter one.",
        ),
        (["zoo", "list", "--zoo", "x/" * 2000], "the path has 2000 folders; expected at most 200."),
        (["tasks", "show", "x" * 5000], "… (5003 characters) …"),
    ],
)
def test_a_name_that_is_too_long_is_quoted_in_part(arguments: list[str], expected: str, folder: Path) -> None:
    found = run(*arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert expected in found.stderr and len(found.stderr) < 600
