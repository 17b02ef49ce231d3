"""Writes the pictures and the tables of docs/architecture.md from the imports and docstrings of `toolkit/`.

python docs/make_architecture.py            # write them
python docs/make_architecture.py --check    # exit 1 if one is stale

The imports are those that `tests/test_architecture.py` holds to the rules. An arrow that follows from others is not drawn.
"""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))  # so that it describes this tree, whatever is installed

from tests.architecture import Module, import_graph, read_modules  # noqa: E402
from tests.test_architecture import HEAVY, ROWS  # noqa: E402

PAGE = PROJECT / "docs" / "architecture.md"
WIDTH = 960  # of a picture, in pixels
ROW_HEIGHT = 66
BOX_HEIGHT = 30
LETTER = 8.2  # width of a letter of a box, in pixels
SHIFT = 130  # of a box that is alone in its row, in pixels

Edges = dict[str, set[str]]

STYLE = """\
  <style>
    text { font: 14px ui-monospace, monospace; fill: #1f2933; text-anchor: middle; }
    rect { fill: #eef2f6; stroke: #7b8794; rx: 6px; }
    rect.torch { fill: #fde8d7; stroke: #c05621; }
    path { fill: none; stroke: #7b8794; stroke-width: 1.2; }
    marker path { fill: #7b8794; stroke: none; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f4f8; }
      rect { fill: #323f4b; stroke: #9aa5b1; }
      rect.torch { fill: #5a3216; stroke: #ed8936; }
    }
  </style>
  <defs>
    <marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
      <path d="M0 0 L8 4 L0 8 Z"/>
    </marker>
  </defs>"""


def folder_edges(modules: Mapping[str, Module], depth: int, below: str = "toolkit") -> Edges:
    """Return folder -> folders that it imports, for the folders and files right below a package.

    Args:
        modules: the modules of the package, by dotted name.
        depth: which part of a dotted name is the folder: 1 for `toolkit.zoo`, 2 for `toolkit.recipes.train`.
        below: the package whose folders are meant.
    """
    edges: Edges = {}
    for name, targets in import_graph(modules).items():
        for target in targets:
            one, other = (each.split(".")[depth : depth + 1] for each in (name, target))
            inside = name.startswith(f"{below}.") and target.startswith(f"{below}.")
            if inside and one and other and one != other:
                edges.setdefault(one[0], set()).add(other[0])
                edges.setdefault(other[0], set())
    return edges


def reduced(edges: Edges) -> Edges:
    """Return the edges that do not follow from others.

    Example:
        >>> reduced({"a": {"b", "c"}, "b": {"c"}, "c": set()})
        {'a': {'b'}, 'b': {'c'}, 'c': set()}
    """

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        left = [start]
        while left:
            for target in edges[left.pop()] - found:
                found.add(target)
                left.append(target)
        return found

    below = {name: reached(name) for name in edges}
    return {
        name: {one for one in targets if not any(one in below[other] for other in targets - {one})}
        for name, targets in edges.items()
    }


def levels(edges: Edges) -> list[list[str]]:
    """Return the nodes in rows, highest first, so that every edge leads to a lower row."""
    height: dict[str, int] = {}

    def measure(name: str) -> int:
        if name not in height:
            height[name] = 1 + max((measure(target) for target in sorted(edges[name])), default=-1)
        return height[name]

    for name in sorted(edges):
        measure(name)
    return [sorted(name for name in edges if height[name] == level) for level in range(max(height.values()), -1, -1)]


Places = dict[str, tuple[float, float]]


def placed(rows: Sequence[Sequence[str]], edges: Edges) -> Places:
    """Return the centre of every box.

    The boxes of a row are ordered by the mean place of what imports them. A box alone in its row is moved to one side: of all
    choices, the one in which the fewest arrows cross a box.
    """
    alone = [number for number, row in enumerate(rows) if len(row) == 1 and number]
    choices = itertools.product((SHIFT, -SHIFT), repeat=len(alone))
    found = (_placed(rows, edges, dict(zip(alone, shifts, strict=True))) for shifts in choices)
    return min(found, key=lambda places: _crossed(places, edges))


def _placed(rows: Sequence[Sequence[str]], edges: Edges, shifts: Mapping[int, float]) -> Places:
    places: Places = {}
    for number, row in enumerate(rows):

        def wanted(name: str) -> float:
            above = [places[one][0] for one in places if name in edges.get(one, ())]
            return sum(above) / len(above) if above else WIDTH / 2

        room = WIDTH / len(row)
        for i, name in enumerate(sorted(row, key=lambda name: (wanted(name), name))):
            places[name] = (room * (i + 0.5) + shifts.get(number, 0), 30 + number * ROW_HEIGHT)
    return places


def _crossed(places: Places, edges: Edges) -> int:
    """Return a penalty for the arrows that cross boxes."""
    count = 0
    for one, targets in edges.items():
        for other in targets:
            (x, y), (u, v) = places[one], places[other]
            for name, (left, top) in places.items():
                if y < top < v and name not in (one, other):
                    t = (top - y) / (v - y)
                    across = x + (u - x) * (3 * t**2 - 2 * t**3)  # the arrow's curve at the height of the box
                    count += abs(across - left) < box_width(name) / 2 + 6
                    count += 3 * (abs(across - left) < 14)  # it would look like an arrow of this box
    return count


def box_width(name: str) -> float:
    """Return the width of a box with a name, in pixels."""
    return LETTER * len(name) + 24


def picture(rows: Sequence[Sequence[str]], edges: Edges, tinted: set[str], title: str) -> str:
    """Return an SVG of boxes in rows, and an arrow for each edge."""
    places = placed(rows, edges)
    height = 60 + (len(rows) - 1) * ROW_HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        STYLE,
    ]
    half = BOX_HEIGHT / 2
    for one in sorted(edges):
        for other in sorted(edges[one]):
            (x, y), (u, v) = places[one], places[other]
            lines.append(
                f'  <path d="M{x:.0f} {y + half:.0f} C{x:.0f} {y + half + 26:.0f} {u:.0f} {v - half - 26:.0f} '
                f'{u:.0f} {v - half:.0f}" marker-end="url(#end)"/>'
            )
    for name, (x, y) in places.items():
        width = box_width(name)
        kind = ' class="torch"' if name in tinted else ""
        lines.append(
            f'  <rect{kind} x="{x - width / 2:.0f}" y="{y - half:.0f}" width="{width:.0f}" height="{BOX_HEIGHT}"/>'
        )
        lines.append(f'  <text x="{x:.0f}" y="{y + 5:.0f}">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def summary(path: Path) -> str:
    """Return the first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[.!?]) (?=[A-Z`])", first)[0].replace("|", "\\|")


def table(folder: Path, rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown list of the folders and files in `rows`, each with its docstring's first sentence."""
    lines = []
    for row in rows:
        for name in sorted(row):
            path = folder / name / "__init__.py" if (folder / name).is_dir() else folder / f"{name}.py"
            lines.append(f"- **`{name}`**: {summary(path)}")
    return "\n".join(_wrapped(line) for line in lines)


def _wrapped(line: str, width: int = 120) -> str:
    words, lines = line.split(), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(" ")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


def generated() -> dict[Path, str]:
    """Return the text of every generated file: two pictures, and the page with its tables filled in."""
    modules = read_modules()
    found = folder_edges(modules, 1)
    # Single files are the ground that every folder may use: they have the lowest row, and no arrows.
    ground = sorted(name for name in found if not (PROJECT / "toolkit" / name).is_dir())
    rooms = reduced({name: found[name] - set(ground) for name in found if name not in ground})
    rows = [[name for name in row if name in rooms] for row in reversed(ROWS)]
    rows = [*(row for row in rows if row), [name for name in ground if name not in ("face", "__init__")]]
    first_heavy = min(i for i, row in enumerate(ROWS) if set(row) & set(HEAVY.values()))
    tinted = {name for row in ROWS[first_heavy:] for name in row if name not in ("commands", "face", "__init__")}
    journeys = reduced(folder_edges(modules, 2, "toolkit.recipes"))
    text = PAGE.read_text(encoding="utf-8")
    for mark, folder, listed in (
        ("folders", PROJECT / "toolkit", rows),
        ("journeys", PROJECT / "toolkit" / "recipes", levels(journeys)),
    ):
        begin, end = f"<!-- {mark}: generated -->", f"<!-- {mark}: end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{table(folder, listed)}\n\n{end}{rest.split(end)[1]}"
    return {
        PROJECT / "docs" / "architecture.svg": picture(rows, rooms, tinted, "The folders of toolkit and their imports"),
        PROJECT / "docs" / "journeys.svg": picture(
            levels(journeys), journeys, set(), "The journeys in toolkit/recipes and their imports"
        ),
        PAGE: text,
    }


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with `--check` say whether they are as they should be; return the exit code."""
    if arguments not in ([], ["--check"]):
        print("Usage: python docs/make_architecture.py [--check]", file=sys.stderr)
        return 2
    stale = []
    for path, text in generated().items():
        if not arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        print(f"{', '.join(stale)}: stale; run `make docs`.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
