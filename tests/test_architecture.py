"""The house rules of docs/architecture.md, one test each: a failing rule lists all offenders."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import PROJECT
from tests.architecture import (
    Graph,
    Module,
    circles,
    climbing,
    import_graph,
    imported,
    oversized,
    read_modules,
)

# Import only from strictly lower rows; siblings never import each other.
ROWS = (
    ("cache", "errors", "hub", "hub_errors", "language_tags", "paths", "progress", "safe_text", "version"),
    ("files", "free_memory", "nameless", "ranks", "registry", "space", "web"),
    ("engine", "languages", "outputs", "texts"),
    ("composition", "config", "results", "statistics", "tracking"),
    ("leases", "tasks"),
    ("metrics", "similarity", "retrieval", "features", "perturb", "embeddings"),
    ("sweeps",),
    ("report",),
    ("modeling",),
    ("zoo",),
    ("training", "evaluation"),
    ("recipes",),
    ("face",),
    ("__init__",),
    ("commands",),
)
ROW_OF = {room: row for row, rooms in enumerate(ROWS) for room in rooms}
# Third-party packages that a row may import at the top of a module.
HEAVY = {
    "torch": "modeling",
    "transformers": "modeling",
    "adapters": "modeling",
    "safetensors": "zoo",
    "accelerate": "training",
}
INSIDE_FUNCTIONS_ONLY = {"mlflow", "matplotlib", "datasets", "huggingface_hub", "fsspec", "pandas"}
# A journey imports files of its own folder and of these; they know no journey above them.
SHARED_JOURNEYS = {"session": set(), "train": {"session"}, "score": {"session", "train"}}
# Words of a task's kind: code that asks for one of them belongs into a table {kind: value}.
KINDS = {"pair", "choice", "span", "tags", "bitext", "mining", "retrieval"}
# The only makers of records, by the file that may call the constructor.
MAKERS = {"Score": "results/score.py", "AdapterCard": "zoo/card.py"}
DOORS = ("toolkit.face", "toolkit.commands.options", "toolkit.commands.zoo")  # with `toolkit` itself
OPENERS = {"tracking"}  # who may open a tracked run


@cache
def modules() -> dict[str, Module]:
    return read_modules()


@cache
def graph() -> Graph:
    return import_graph(modules())


def room_of(module: Module) -> str:
    return module.path.relative_to(PROJECT / "toolkit").parts[0].removesuffix(".py")


@cache
def nodes(module: Module) -> tuple[ast.AST, ...]:
    """Return the calls and comparisons of a module, which most rules are about."""
    return tuple(node for node in ast.walk(module.tree) if isinstance(node, ast.Call | ast.Compare))


def calls(module: Module) -> Iterator[ast.Call]:
    return (node for node in nodes(module) if isinstance(node, ast.Call))


def place(module: Module, node: ast.AST | None = None) -> str:
    path = module.path.relative_to(PROJECT / "toolkit").as_posix()
    return path if node is None else f"{path}:{getattr(node, 'lineno', 0)}"


# -- rules: each returns its offenders ------------------------------------------------------------------------------


def rooms_without_a_row() -> set[str]:
    return {room_of(module) for module in modules().values()} - set(ROW_OF)


def imports_from_a_row_that_is_not_lower() -> set[str]:
    offenders = set()
    for module in modules().values():
        for name in imported(module.tree):
            parts = name.split(".")
            if parts[0] != "toolkit" or len(parts) < 2 or parts[1] not in ROW_OF or parts[1] == room_of(module):
                continue
            if ROW_OF[parts[1]] >= ROW_OF[room_of(module)]:
                offenders.add(f"{place(module)} imports {name}")
    return offenders


def import_circles() -> set[str]:
    return {", ".join(circle) for circle in circles(graph())}


def imports_that_run_back_up() -> set[str]:
    return {f"{one} -> {other}" for one, other in climbing(graph())}


def journeys_that_import_another_journey() -> set[str]:
    offenders = set()
    for name, targets in graph().items():
        if not name.startswith("toolkit.recipes.") or name.count(".") < 3:
            continue
        journey = name.split(".")[2]
        for target in targets:
            other = target.split(".")[2] if target.startswith("toolkit.recipes.") and target.count(".") > 2 else journey
            if other != journey and other not in SHARED_JOURNEYS.get(journey, SHARED_JOURNEYS.keys()):
                offenders.add(f"{name} -> {target}")
    return offenders


def third_party_imports_above_their_row() -> set[str]:
    offenders = set()
    for module in modules().values():
        for name in imported(module.tree, top_only=True):
            package = name.split(".")[0]
            if package in INSIDE_FUNCTIONS_ONLY or ROW_OF[room_of(module)] < ROW_OF[HEAVY.get(package, "errors")]:
                offenders.add(f"{place(module)} imports {package} at its top")
    return offenders


def users_of_adapters_outside_modeling() -> set[str]:
    users = {
        room_of(each) for each in modules().values() for name in imported(each.tree) if name.split(".")[0] == "adapters"
    }
    assert "modeling" in users  # else this rule looks at nothing
    return users - {"modeling"}


def records_made_by_hand() -> set[str]:
    return {
        place(module)
        for module in modules().values()
        for call in calls(module)
        if isinstance(call.func, ast.Name) and call.func.id in MAKERS and place(module) != MAKERS[call.func.id]
    }


def runs_opened_by_hand() -> set[str]:
    return {
        place(module)
        for module in modules().values()
        for call in calls(module)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "start"
        and "tracker" in ast.unparse(call.func.value)
        and not any(place(module).startswith(each) for each in OPENERS)
    }


def ladders_over_kinds() -> set[str]:
    offenders = set()
    for module in modules().values():
        for node in nodes(module):
            if isinstance(node, ast.Compare) and "kind" in ast.unparse(node.left).split(".")[-1]:
                words = {
                    each.value for side in node.comparators for each in ast.walk(side) if isinstance(each, ast.Constant)
                }
                if words & KINDS:
                    offenders.add(place(module))
    return offenders


def doors_without_types() -> set[str]:
    offenders = set()
    for name in (each for each in modules() if each == "toolkit" or each.startswith(DOORS)):
        for node in ast.walk(modules()[name].tree):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = node.args
                typed = [each for each in (*arguments.args, *arguments.kwonlyargs) if each.arg not in ("self", "cls")]
                hints = [*(each.annotation for each in typed), node.returns]
                if any(hint is None or ast.unparse(hint) == "Any" for hint in hints):
                    offenders.add(f"{name}.{node.name}")
    return offenders


def files_and_functions_above_the_limits() -> set[str]:
    return set(oversized(modules()))


def catch_all_modules() -> set[str]:
    return {place(each) for each in modules().values() if each.path.stem in ("utils", "helpers", "misc", "common")}


def prints() -> set[str]:
    return {
        place(module)
        for module in modules().values()
        for call in calls(module)
        if isinstance(call.func, ast.Name) and call.func.id == "print"
    }


RULES: dict[str, Callable[[], set[str]]] = {
    "row": rooms_without_a_row,
    "down": imports_from_a_row_that_is_not_lower,
    "circle": import_circles,
    "up": imports_that_run_back_up,
    "journey": journeys_that_import_another_journey,
    "package": third_party_imports_above_their_row,
    "adapters": users_of_adapters_outside_modeling,
    "maker": records_made_by_hand,
    "tracker": runs_opened_by_hand,
    "kind": ladders_over_kinds,
    "door": doors_without_types,
    "size": files_and_functions_above_the_limits,
    "name": catch_all_modules,
    "print": prints,
}


def known(rule: str) -> set[str]:
    """The offenders of a rule that are known: lines `rule: offender` of exceptions.txt, a list that may only shrink."""
    lines = (PROJECT / "tests" / "exceptions.txt").read_text(encoding="utf-8").splitlines()
    return {line.split(": ", 1)[1].split("  #")[0].strip() for line in lines if line.startswith(f"{rule}: ")}


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> None:
    """Read every module before the first rule is asked for."""
    graph()


@cache
def offenders(rule: str) -> set[str]:
    return set(RULES[rule]())


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: str) -> None:
    assert sorted(offenders(rule) - known(rule)) == []


@pytest.mark.parametrize("rule", RULES)
def test_the_list_of_exceptions_only_shrinks(rule: str) -> None:
    assert sorted(known(rule) - offenders(rule)) == [], "these keep the rule now: take them off tests/exceptions.txt"


def test_importing_the_light_rooms_loads_no_heavy_package() -> None:
    heavy = sorted({"torch", "transformers", "adapters", "mlflow", "matplotlib", "datasets", "faiss", "pandas"})
    light = ["toolkit", "cli", "toolkit.tasks", "toolkit.composition.stages", "toolkit.features", "toolkit.tracking"]
    program = (
        "import sys\nfrom importlib import import_module\n"
        f"for name in {light!r}:\n    import_module(name)\n    print(name, [each for each in {heavy!r} if each in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert found.stdout.splitlines() == [f"{name} []" for name in light]


def test_the_top_level_is_what_the_design_says() -> None:
    wanted = ("cli.py", "setup.py", "toolkit", "adapter_zoo", "configs", "tests", "constraints.txt", "LICENSE")
    assert [name for name in wanted if not Path(PROJECT, name).exists()] == []
