"""The house rules that keep data flowing one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import PROJECT

TOOLKIT = PROJECT / "toolkit"

# Import only from strictly lower rows; siblings never import each other.
ROWS = (
    ("cache", "errors", "hub", "progress", "version"),
    ("files", "registry"),
    ("languages",),
    ("composition", "config", "results", "statistics", "tracking"),
    ("tasks",),
    ("plan", "metrics", "similarity", "retrieval", "features", "perturb", "embeddings"),
    ("sweeps",),
    ("report",),
    ("modeling",),
    ("zoo",),
    ("training", "evaluation"),
    ("recipes",),
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
INSIDE_FUNCTIONS_ONLY = {"mlflow", "matplotlib", "datasets", "huggingface_hub", "fsspec"}


def sources() -> list[Path]:
    return sorted(path for path in TOOLKIT.rglob("*.py") if path != TOOLKIT / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(TOOLKIT).parts[0].removesuffix(".py")


def imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "toolkit":
                yield from (f"toolkit.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(TOOLKIT)))
def test_a_module_imports_only_from_lower_rows_or_its_own_room(path: Path) -> None:
    room = room_of(path)
    assert room in ROW_OF, f"{room} has no row: give it one in ROWS and in the design"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "toolkit" or len(parts) < 2 or parts[1] == room or parts[1] not in ROW_OF:
            continue
        assert ROW_OF[parts[1]] < ROW_OF[room], f"{path.relative_to(PROJECT)} imports {name}, which is not below it"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(TOOLKIT)))
def test_a_module_imports_only_the_third_party_packages_of_its_row(path: Path) -> None:
    row = ROW_OF[room_of(path)]
    for name in imports(path, top_only=True):
        package = name.split(".")[0]
        assert package not in INSIDE_FUNCTIONS_ONLY, (
            f"{path.name} imports {package} at its top; import it in a function"
        )
        assert row >= ROW_OF[HEAVY.get(package, "errors")], f"{path.name} imports {package} below its row"


def test_only_modeling_imports_adapters() -> None:
    users = {room_of(path) for path in sources() for name in imports(path) if name.split(".")[0] == "adapters"}
    assert users == {"modeling"}


def test_there_is_no_utils_module() -> None:
    assert not [path for path in TOOLKIT.rglob("*") if path.stem in ("utils", "helpers", "misc")]


def test_nothing_in_toolkit_prints() -> None:
    for path in sources():
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        printed = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
        assert not printed, f"{path.relative_to(PROJECT)} prints in lines {printed}"


def test_the_top_level_is_what_the_design_says() -> None:
    for name in ("cli.py", "setup.py", "toolkit", "adapter_zoo", "configs", "tests", "constraints.txt", "LICENSE"):
        assert (PROJECT / name).exists(), name


@pytest.mark.parametrize(
    "module", ["toolkit", "cli", "toolkit.tasks", "toolkit.plan", "toolkit.features", "toolkit.tracking"]
)
def test_importing_it_loads_no_heavy_package(module: str) -> None:
    heavy = sorted({"torch", "transformers", "adapters", "mlflow", "matplotlib", "datasets", "faiss"})
    program = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert found.stdout.strip() == "[]"
