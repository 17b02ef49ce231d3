"""Import graph and sizes of the modules of `toolkit/`, as numbers: `python tests/architecture.py [TREE or REVISION ...]`.

Without arguments it prints the counts of this tree and of release 0.1.0 (commit 0291d74), each read from git.
Every import counts, those inside functions and under TYPE_CHECKING too.
"""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).resolve().parent.parent
OLD = "0291d74"  # the tree before the rooms were laid out

MAX_FILE = 300  # lines
MAX_FUNCTION = 60  # lines, without decorators and docstring
MAX_PARAMETERS = 7  # without self and cls

Graph = dict[str, set[str]]


@dataclass(frozen=True)
class Module:
    """One module of the package.

    Attributes:
        name: dotted name; a package's own name stands for its `__init__`.
        path: where it is read from.
        tree: its syntax.
    """

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_face(self) -> bool:
        """Whether it is the `__init__` of a package, which hands on names of the modules below it."""
        return self.path.name == "__init__.py"


def read_modules(project: Path = PROJECT, *, words: Iterable[str] = ("",)) -> dict[str, Module]:
    """Return every module of `project/toolkit` that has one of the words, by dotted name."""
    found, words = {}, tuple(words)
    for path in sorted((project / "toolkit").rglob("*.py")):
        name = ".".join(path.relative_to(project).with_suffix("").parts).removesuffix(".__init__")
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in words):
            found[name] = Module(name, path, ast.parse(text))
    return found


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement below a node; no import is inside an expression."""
    for node in _below(tree):
        yield node
        yield from _statements(node)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements right below a node."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        yield from getattr(node, field, ())


def imported(tree: ast.AST, *, top_only: bool = False) -> Iterator[str]:
    """Yield the dotted names that a module imports; of `from a import b` both `a` and `a.b`."""
    nodes: Iterable[ast.AST] = tree.body if top_only and isinstance(tree, ast.Module) else _statements(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_graph(modules: Mapping[str, Module]) -> Graph:
    """Return module -> modules that it imports.

    `from package import name` counts as an import of the module that defines `name`, where the package only hands it on: a face
    is no room of its own.
    """
    homes = {name: _handed_on(module, modules) for name, module in modules.items() if module.is_face}
    graph: Graph = {}
    for name, module in modules.items():
        if module.is_face:
            continue
        graph[name] = set()
        for target in imported(module.tree):
            package, _, attribute = target.rpartition(".")
            if target in graph or (target in modules and not modules[target].is_face):
                graph[name].add(target)
            elif package in homes and attribute in homes[package]:
                graph[name].add(homes[package][attribute])
            elif target == "toolkit" or (target in homes and _defines(modules[target])):
                graph[name].add(target)
        graph[name].discard(name)
    for name, module in modules.items():
        if module.is_face and (_defines(module) or name == "toolkit"):
            graph[name] = {each for each in imported(module.tree) if each in modules and not modules[each].is_face}
    return {name: {each for each in targets if each in graph} for name, targets in graph.items()}


def _handed_on(module: Module, modules: Mapping[str, Module]) -> dict[str, str]:
    """Return the names that a face imports from modules of the package, with the module of each."""
    return {
        alias.asname or alias.name: node.module
        for node in _statements(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module in modules and not modules[node.module].is_face
        for alias in node.names
    }


def _defines(module: Module) -> bool:
    """Whether a module defines functions or classes of its own."""
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in module.tree.body)


def circles(graph: Graph) -> list[list[str]]:
    """Return the strongly connected components of more than one node, each sorted (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            place = stack.index(node)
            component = sorted(stack[place:])
            del stack[place:]
            if len(component) > 1:
                found.append(component)

    sys.setrecursionlimit(10_000)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def climbing(graph: Graph) -> list[tuple[str, str]]:
    """Return the imports (module, imported) that run against the direction of all others, in every folder.

    A folder's children (modules and subfolders) are put into the order that makes the fewest imports run upwards; those that
    still do are returned. An import of the package's own face `toolkit` from inside runs up, too.
    """
    found = {
        (a, b) for a in graph for b in graph[a] if b == "toolkit" and a.split(".")[1:2] not in (["commands"], ["face"])
    }
    folders = {name.rsplit(".", 1)[0] for name in graph if "." in name}
    folders |= {".".join(name.split(".")[:n]) for name in folders for n in range(1, name.count(".") + 1)}
    for folder in sorted(folders):
        edges = _between_children(folder, graph)
        children: Graph = {}
        for one, other in edges:
            children.setdefault(one, set()).add(other)
            children.setdefault(other, set())
        for component in circles(children):
            order = _best_order(component, edges)
            for one, other in itertools.permutations(component, 2):
                if order.index(one) < order.index(other):  # lower ones first: `one` may not import `other`
                    found.update(edges.get((one, other), ()))
    return sorted(found)


def _between_children(folder: str, graph: Graph) -> dict[tuple[str, str], list[tuple[str, str]]]:
    depth = folder.count(".") + 2
    edges: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, targets in graph.items():
        for target in targets:
            if name.startswith(f"{folder}.") and target.startswith(f"{folder}."):
                ends = tuple(".".join(each.split(".")[:depth]) for each in (name, target))
                if ends[0] != ends[1]:
                    edges.setdefault((ends[0], ends[1]), []).append((name, target))
    return edges


def _best_order(nodes: list[str], edges: Mapping[tuple[str, str], list[tuple[str, str]]]) -> list[str]:
    """Return an order, lowest first, in which few imports run upwards: exact up to 7 nodes, else greedy (Eades et al. 1993)."""

    def cost(order: Iterable[str]) -> int:
        listed = list(order)
        return sum(len(edges.get((one, other), ())) for i, one in enumerate(listed) for other in listed[i + 1 :])

    if len(nodes) <= 7:
        return list(min(itertools.permutations(nodes), key=cost))
    left, order = set(nodes), []
    while left:
        weight = {
            node: sum(len(edges.get((node, each), ())) - len(edges.get((each, node), ())) for each in left)
            for node in left
        }
        order.append(min(sorted(left), key=weight.__getitem__))
        left.remove(order[-1])
    return order


def functions(module: Module) -> Iterator[tuple[str, int, int]]:
    """Yield (qualified name, lines of code without docstring, parameters) of each function and method."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
        for child in _below(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{prefix}{child.name}"
                body = child.body
                has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
                docstring = (body[0].end_lineno or 0) - body[0].lineno + 1 if has_docstring else 0
                arguments = child.args
                listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
                count = sum(1 for each in listed if each.arg not in ("self", "cls"))
                yield name, (child.end_lineno or 0) - child.lineno + 1 - docstring, count
                yield from walk(child, f"{name}.")
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    yield from walk(module.tree, "")


def oversized(modules: Mapping[str, Module], project: Path = PROJECT) -> dict[str, str]:
    """Return what is larger than the house allows: `path` or `path::function`, with its size in words."""
    found = {}
    for module in modules.values():
        path = module.path.relative_to(project).as_posix()
        if (lines := len(module.path.read_text(encoding="utf-8").splitlines())) > MAX_FILE:
            found[path] = f"{lines} lines"
        for name, length, count in functions(module):
            if length > MAX_FUNCTION or count > MAX_PARAMETERS:
                found[f"{path}::{name}"] = f"{length} lines, {count} parameters"
    return found


def report(project: Path, title: str) -> str:
    """Return the counts of one tree as text."""
    modules = read_modules(project)
    graph = import_graph(modules)
    rings, up = circles(graph), climbing(graph)
    lines = [
        f"{title}: {len(modules)} modules, {sum(map(len, graph.values()))} imports, "
        f"{len(rings)} circles, {len(up)} imports that run back up, {len(oversized(modules, project))} oversized"
    ]
    lines += [f"  circle: {', '.join(ring)}" for ring in rings]
    lines += [f"  up: {one} -> {other}" for one, other in up]
    return "\n".join(lines)


def _of_revision(revision: str, folder: Path) -> Path:
    packed = subprocess.run(
        ["git", "-C", str(PROJECT), "archive", revision, "toolkit"], capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


if __name__ == "__main__":
    for given in sys.argv[1:] or (str(PROJECT), OLD):
        if (Path(given) / "toolkit").is_dir():
            print(report(Path(given).resolve(), Path(given).resolve().name))
        else:
            with TemporaryDirectory() as scratch:
                print(report(_of_revision(given, Path(scratch)), given))
