"""The documentation: examples run, links lead somewhere, quoted commands parse, the generated page is fresh."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
import yaml

import cli
import toolkit
from tests import PROJECT, REPORTS
from toolkit.composition import parse
from toolkit.config import load
from toolkit.config.ready import get_ready
from toolkit.tasks import BUILT_IN

FOLDERS = ("docs", "examples", "findings", "adapter_zoo")
PAGES = sorted([*PROJECT.glob("*.md"), *(page for name in FOLDERS for page in (PROJECT / name).rglob("*.md"))])
COMMAND_SOURCES = [page for page in PAGES if page not in REPORTS] + sorted((PROJECT / "configs").rglob("*.yaml"))
PROGRAMS = (["xstilts"], ["python", "cli.py"], [".venv/bin/xstilts"])
HEAVY = ("torch", "transformers", "adapters", "mlflow", "datasets", "faiss", "matplotlib")


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


# -- the generated page -----------------------------------------------------------------------------------------------


def load_script(name: str) -> ModuleType:
    """Return a script of `docs/` as a module."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def make_cli() -> ModuleType:
    return load_script("make_cli")


def test_the_command_line_page_is_what_the_commands_say() -> None:
    command = [sys.executable, "docs/make_cli.py", "--check"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    assert found.returncode == 0, found.stderr


def test_the_check_finds_a_stale_or_missing_page(
    make_cli: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_cli, "PAGE", tmp_path / "cli.md")
    assert make_cli.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert make_cli.main([]) == 0
    assert make_cli.main(["--check"]) == 0
    make_cli.PAGE.write_text(make_cli.PAGE.read_text(encoding="utf-8") + "more", encoding="utf-8")
    assert make_cli.main(["--check"]) == 1


def test_the_command_line_page_does_not_depend_on_the_terminal(
    make_cli: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    narrow = make_cli.page()
    monkeypatch.setenv("COLUMNS", "200")
    assert make_cli.page() == narrow


def test_every_command_is_on_the_command_line_page(make_cli: ModuleType) -> None:
    names = {" ".join(words) for words, _, _ in make_cli.commands()}
    assert {"xstilts train", "xstilts zoo verify", "xstilts track sync"} <= names
    headings = set(re.findall(r"^## (xstilts.*)$", (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8"), re.M))
    assert headings == names


def test_every_help_shows_a_worked_example(make_cli: ModuleType) -> None:
    for words, command, context in make_cli.commands():
        assert "Examples:\n    " in command.get_help(context), " ".join(words)


def test_the_pictures_and_tables_of_the_architecture_are_what_the_imports_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert load_script("make_architecture").main(["--check"]) == 0, capsys.readouterr().err


def test_a_picture_draws_every_import_that_does_not_follow_from_others() -> None:
    make = load_script("make_architecture")
    edges = {"a": {"b", "c", "d"}, "b": {"c"}, "c": set(), "d": {"c"}}
    assert make.reduced(edges) == {"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": {"c"}}
    assert make.levels(edges) == [["a"], ["b", "d"], ["c"]]
    drawn = make.picture(make.levels(edges), make.reduced(edges), {"b"}, "four")
    assert drawn.count("marker-end") == 4
    assert drawn.count('class="torch"') == 1
    assert drawn == make.picture(make.levels(edges), make.reduced(edges), {"b"}, "four")


# -- examples that run ------------------------------------------------------------------------------------------------


class _Unfenced(doctest.DocTestParser):
    """Reads Markdown: the line that closes a code fence is not expected output."""

    def parse(self, string: str, name: str = "<string>") -> list[str | doctest.Example]:
        return super().parse(re.sub(r"^```.*$", "", string, flags=re.M), name)


def examples(page: Path) -> list[doctest.Example]:
    return _Unfenced().get_examples(page.read_text(encoding="utf-8"))


@pytest.mark.journey
@pytest.mark.usefixtures("cheap_journeys")
@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=name_of)
def test_the_examples_of_a_page_say_what_happens(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("XSTILTS_DATA", "XSTILTS_BACKBONE"):
        monkeypatch.delenv(variable, raising=False)
    # Without NORMALIZE_WHITESPACE, which would let a caret point anywhere.
    found = doctest.testfile(
        str(page), module_relative=False, parser=_Unfenced(), optionflags=doctest.ELLIPSIS, encoding="utf-8"
    )
    assert found.failed == 0, capsys.readouterr().out
    assert found.attempted > 0


def test_the_pages_that_promise_examples_have_them() -> None:
    for name in ("quickstart", "compositions", "add_a_task"):
        assert len(examples(PROJECT / "docs" / f"{name}.md")) >= 10, name


def test_a_journey_takes_at_most_five_lines() -> None:
    text = (PROJECT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    opening = text.split("## Before the first journey", 1)[1].split("\n## ", 1)[0]
    # `fast` only makes the page quick; what is left is `import toolkit` and `config = ...`.
    shared = [line for line in opening.splitlines() if line.startswith(">>> ") and not line.startswith(">>> fast")]
    for section in re.split(r"^## ", text, flags=re.M):
        if re.match(r"\d\. ", section):
            first = next(block for block in section.split("```") if block.startswith("python\n"))
            lines = [line for line in first.splitlines() if line.startswith((">>> ", "... "))]
            assert len(lines) >= 1 and len(shared) + len(lines) <= 5, section.splitlines()[0]


# -- what pages point at ----------------------------------------------------------------------------------------------


def prose(page: Path) -> str:
    """Return a page without its fenced code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name_of(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(file), (
                f"{name_of(page)} links to {target}; the headings are {sorted(anchors(file))}"
            )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    rooms = "toolkit|docs|tests|configs|benchmarks|adapter_zoo|cli\\.py|setup\\.py|Makefile|constraints\\.txt"
    for path in re.findall(rf"`((?:{rooms})(?:/[\w./*-]*)?)`", prose(page)):
        assert list(PROJECT.glob(path.rstrip("/"))), f"{name_of(page)} names {path}, which is not there"


def test_every_decision_is_in_the_list_that_the_readme_links_to() -> None:
    folder = PROJECT / "docs" / "decisions"
    assert "(docs/decisions/README.md)" in (PROJECT / "README.md").read_text(encoding="utf-8")
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in sorted(folder.glob("[0-9]*.md")) if f"({page.name})" not in index] == []


# -- the site ---------------------------------------------------------------------------------------------------------


def nav_of(entries: list[object]) -> Iterator[str]:
    """Yield the pages of a navigation of mkdocs, in its order."""
    for entry in entries:
        values = entry.values() if isinstance(entry, dict) else [entry]
        for value in values:
            yield from nav_of(value) if isinstance(value, list) else [value]


def test_every_page_is_in_the_navigation_of_the_site_once() -> None:
    settings = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(nav_of(settings["nav"])) == sorted(name_of(page) for page in PAGES if page not in REPORTS)
    assert settings["not_in_nav"] == "/docs/results/*/"


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or an attribute of a module or class."""
    try:
        importlib.import_module(name)
        return True
    except ImportError:
        home, _, attribute = name.rpartition(".")
        try:
            return hasattr(importlib.import_module(home), attribute)
        except ImportError:
            return False


def test_the_pages_on_python_document_every_public_name_and_only_what_exists() -> None:
    names = [
        name
        for page in (PROJECT / "docs" / "api").glob("*.md")
        for name in re.findall(r"^::: ([\w.]+)$", page.read_text(encoding="utf-8"), flags=re.M)
    ]
    assert [name for name in names if not exists(name)] == []
    public = {f"toolkit.{name}" for name in toolkit.__all__ if not name.startswith("_")}
    assert sorted(public - set(names)) == []


def test_the_check_of_the_site_finds_dead_links_and_foreign_addresses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = load_script("check_site")
    (tmp_path / "below").mkdir()
    (tmp_path / "index.html").write_text('<h1 id="top">x</h1><a href="below/#here">y</a><a href="#top">z</a>')
    (tmp_path / "below" / "index.html").write_text('<b id="here">x</b><a href="https://example.org">y</a>')
    assert check.main([str(tmp_path)]) == 0
    (tmp_path / "below" / "index.html").write_text(
        '<a href="../gone.html">x</a><script src="https://x.org/a.js"></script>'
    )
    assert check.main([str(tmp_path)]) == 1
    found = capsys.readouterr().err
    assert "links to below/#here; that page has no such heading" in found
    assert "links to ../gone.html, which does not exist" in found
    assert "fetches https://x.org/a.js from another server" in found


# -- quoted commands --------------------------------------------------------------------------------------------------


def quoted_commands(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each command line that a file quotes, and whether it stands in a sentence, where a bare name is enough.

    They stand in code blocks (fenced or indented), in backticks, and in a configuration's opening comment.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        blocks = "\n".join(re.findall(r"^```.*?^```", text, flags=re.M | re.S))
        lines = [*blocks.splitlines(), *re.findall(r"^ {4}.*$", prose(path), flags=re.M)]
        inline = [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose(path))]
    else:
        lines, inline = [line.removeprefix("#") for line in text.splitlines() if line.startswith("#")], []
    for line, in_sentence in [*((line, False) for line in lines), *((line, True) for line in inline)]:
        line = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line.strip().removeprefix("$ "))
        is_ours = any(line.split()[: len(program)] == program for program in PROGRAMS)
        if is_ours and "..." not in line.split("[")[0] and "|" not in line:
            yield line, in_sentence


def context_of(line: str, *, in_sentence: bool = False) -> click.Context | None:
    """Let click read a command line, down to the last command, without running it; None where there is nothing to read."""
    words = shlex.split(line, comments=True)
    words = words[2:] if words[0] == "python" else words[1:]
    command: click.Command = cli.main
    context, name = None, "xstilts"
    try:
        while words or not in_sentence:
            context = command.make_context(name, list(words), parent=context)
            if not isinstance(command, click.Group):
                return context
            rest = [*context._protected_args, *context.args]
            found_name, found, words = command.resolve_command(context, rest)
            assert found is not None
            assert found_name is not None
            name, command = found_name, found
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
        pass
    return None


def is_placeholder(text: str) -> bool:
    return bool(re.search(r"[A-Z]", text))


@pytest.mark.parametrize("source", COMMAND_SOURCES, ids=name_of)
def test_every_command_that_is_quoted_parses(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)  # their paths are relative to the project
    variants: set[str] = set()  # names that an earlier command of the page gave (`--as`)
    for line, in_sentence in dict.fromkeys(quoted_commands(source)):
        try:
            context = context_of(line, in_sentence=in_sentence)
        except click.ClickException as error:
            pytest.fail(f"{name_of(source)}: `{line}`: {error.format_message()}")
        if context is None:
            continue
        given = context.params
        variants |= {given["new_name"]} if given.get("new_name") else set()
        if "sets" in given:
            load(given.get("config_file"), given["sets"])  # unknown settings and missing files raise
        expressions = [given[key] for key in ("expr", "name") if given.get(key)]
        if given.get("suggest"):
            expressions += [*given["members"], given["target"]]
        elif "members" in given:
            expressions.append(f"fuse[{','.join(given['members'])}]/{given['target']}")
        group = context.parent.command.name if context.parent is not None else None
        if group == "configs":
            for name in [given["name"]] if given.get("name") else []:
                assert is_placeholder(name) or get_ready(name), name
            continue
        if group == "tasks":
            expressions, names = [], [given["name"]] if given.get("name") else []
        else:
            names = [given["task"]] if given.get("task") else []
        if context.info_name == "rank":
            expressions += [*([given["target"]] if given["target"] else []), *given["sources"]]
        for expression in expressions:
            if not is_placeholder(expression):
                composition = parse(expression)
                names += [name.name for name in (*composition.leaves(), composition.head) if name is not None]
        for name in names:
            is_declared = (PROJECT / "configs" / "task" / f"{name}.yaml").is_file()
            assert is_placeholder(name) or name in BUILT_IN.held or is_declared or name in variants, (
                f"{name_of(source)}: `{line}`: there is no task '{name}'"
            )


def test_the_reader_of_quoted_commands_finds_them_and_their_faults() -> None:
    found = [line for page in COMMAND_SOURCES for line in quoted_commands(page)]
    assert len(found) > 80
    assert context_of("xstilts zoo verify", in_sentence=True) is None
    context = context_of("xstilts zoo show mnli --backbone embedded  # a card")
    assert context is not None and context.params["name"] == "mnli"
    with pytest.raises(click.UsageError):
        context_of("xstilts train mnli --bakbone embedded")
    for line in ("xstilts trian mnli", "xstilts train"):
        with pytest.raises(click.UsageError):
            context_of(line)
    with pytest.raises(click.UsageError):
        context_of("xstilts zoo verifi", in_sentence=True)


def test_every_make_target_and_test_that_a_page_quotes_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    made, tested = 0, 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        quoted = [*re.findall(r"`([^`\n]+)`", text), *text.splitlines()]
        for words in (
            shlex.split(one, comments=True) for one in quoted if re.match(r"make [a-z]|python -m pytest ", one)
        ):
            if words[0] == "make":
                made += 1
                assert words[1] in targets, f"{name_of(page)}: `{' '.join(words)}`"
                continue
            for path in (word for word in words if word.startswith("tests/")):
                tested += 1
                file, _, name = path.partition("::")
                assert (PROJECT / file).exists(), f"{name_of(page)}: `{' '.join(words)}`"
                chosen = words[words.index("-k") + 1] if "-k" in words else name
                assert chosen in (PROJECT / file).read_text("utf-8"), f"{name_of(page)}: `{' '.join(words)}`"
    assert made > 5
    assert tested > 1


# -- speed of help ----------------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    asked = [[], ["train"], ["eval"], ["zoo", "list"]]
    program = (
        "import runpy, sys\n"
        f"for words in {asked!r}:\n"
        "    sys.argv = ['cli.py', *words, '--help']\n"
        "    try:\n        runpy.run_path('cli.py', run_name='__main__')\n"
        "    except SystemExit as end:\n        assert not end.code, end.code\n"
        f"    print(*words, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert found.stdout.count("Usage: ") == len(asked)
    assert found.stderr.splitlines() == [" ".join([*words, "[]"]) for words in asked]
