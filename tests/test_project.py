"""The files around the package: citation, hooks, pins and tool settings agree with each other."""

from __future__ import annotations

import ast
import re
import tomllib

import yaml

from tests import PROJECT
from toolkit.version import __version__


def pins() -> dict[str, str]:
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").split()
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in (line.split("==") for line in lines)}


def test_the_citation_names_this_version_and_the_paper() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["references"][0]["url"] == "https://arxiv.org/abs/2005.13013"


def test_the_hooks_run_pinned_tools_and_fetch_nothing() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]
    for hook in hooks["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/")
        assert program.removeprefix(".venv/bin/") in {*pins(), "python"}


def test_every_package_that_setup_names_is_pinned() -> None:
    text = (PROJECT / "setup.py").read_text(encoding="utf-8")
    quoted = re.findall(r'"([A-Za-z][\w-]*)(?:\[\w+\])?(?:==[\w.]+)?"', text[text.index("REQUIRED") : text.index("]")])
    extras = re.findall(r'"(?:embedded|dev|docs|hooks)": \[(.*?)\]', text, re.DOTALL)
    extras += re.findall(r"^(?:EXPORT|PAGE) = \[(.*)\]$", text, re.MULTILINE)
    quoted += [name for extra in extras for name in re.findall(r'"([\w-]+)', extra)]
    assert {"torch", "pytest", "mkdocs-material", "pre-commit", "onnxscript", "nicegui"} <= set(quoted)
    assert [name for name in quoted if re.sub(r"[-_.]+", "-", name).lower() not in pins()] == []


def test_the_settings_of_the_tools_are_in_one_file() -> None:
    with (PROJECT / "pyproject.toml").open("rb") as stream:
        tools = tomllib.load(stream)["tool"]
    assert {"ruff", "mypy", "pytest"} <= set(tools)
    assert not [name for name in ("ruff.toml", "mypy.ini", "pytest.ini") if (PROJECT / name).exists()]


def test_benchmarks_and_examples_import_what_exists() -> None:
    faults = []
    for path in [*PROJECT.glob("benchmarks/*.py"), *PROJECT.glob("examples/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "toolkit":
                home = PROJECT.joinpath(*node.module.split("."))
                file = home / "__init__.py" if home.is_dir() else home.with_suffix(".py")
                known = set(re.findall(r"\w+", file.read_text(encoding="utf-8"))) if file.is_file() else set()
                known |= {each.stem for each in home.glob("*")} if home.is_dir() else set()
                names = [alias.name for alias in node.names if alias.name not in known]
                faults += [f"{path.name}:{node.lineno}: {node.module} has no {', '.join(names)}"] if names else []
    assert faults == []
