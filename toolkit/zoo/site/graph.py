"""Drawing of the lineage: parents left of what was trained on them, every adapter a link to its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolkit.safe_text import html_text as escape

_ROW, _HEIGHT, _GAP, _MARGIN = 60, 46, 72, 14
_CHARACTER, _PADDING = 7.9, 24  # of the page's monospaced font at 13 px
_MAX_CHARACTERS = 38
_SWEEPS = 6
_MAX_DEPTH = 64
MOST_PARENTS = 64  # of one adapter that are drawn


@dataclass(frozen=True)
class Node:
    """One adapter of the drawing.

    Attributes:
        key: its place in the page, `a-` and the first digits of its digest; of a parent that the zoo lacks another text.
        name: composition.
        note: the line below the name.
        parents: keys.
        is_held: whether the zoo holds it, so that there is a card to go to.
        page: file of the gallery that has the card; empty for the page that the drawing is on.
    """

    key: str
    name: str
    note: str
    parents: tuple[str, ...]
    is_held: bool = True
    page: str = ""


def columns(nodes: Sequence[Node]) -> list[list[Node]]:
    """Return the nodes by column, what others were made from first, ordered so that lines cross little.

    Example:
        >>> a, b = Node("a", "a", "", ()), Node("b", "b", "", ())
        >>> c = Node("c", "fuse[a,b]/c", "", ("a", "b"))
        >>> [[node.key for node in column] for column in columns([c, a, b])]
        [['a', 'b'], ['c']]
    """
    by_key = {node.key: node for node in nodes}
    depth = _depths(by_key)
    found: list[list[Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in sorted(nodes, key=lambda node: node.name):
        found[depth[node.key]].append(node)
    children: dict[str, list[str]] = {}
    for node in nodes:
        for parent in node.parents:
            children.setdefault(parent, []).append(node.key)
    for sweep in range(_SWEEPS):
        row = {node.key: number for column in found for number, node in enumerate(column)}
        for column in found if sweep % 2 == 0 else reversed(found):

            def middle(node: Node, row: dict[str, int] = row, sweep: int = sweep) -> float:
                near = node.parents if sweep % 2 == 0 else children.get(node.key, ())
                rows = [row[key] for key in near if key in row]
                # Nodes without a line are below those with one.
                is_alone = not node.parents and node.key not in children
                return len(nodes) + row[node.key] if is_alone else sum(rows) / len(rows) if rows else row[node.key]

            column.sort(key=middle)
            row |= {node.key: number for number, node in enumerate(column)}
    return found


def direct(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes with only those parents that are not reached through another: a card names all of them.

    Example:
        >>> a, b = Node("a", "a", "", ()), Node("b", "a/b", "", ("a",))
        >>> direct([a, b, Node("c", "a/b/c", "", ("a", "b"))])[-1].parents
        ('b',)
    """
    above = {node.key: set(node.parents) for node in nodes}
    found = []
    for node in nodes:
        # A card lists what it was trained on from the backbone up: of hundreds the last ones are the nearest.
        near = node.parents[-MOST_PARENTS:]
        hidden = set[str]().union(*(above.get(one, set()).intersection(near) for one in near))
        found.append(replace(node, parents=tuple(one for one in near if one not in hidden)))
    return found


def svg(nodes: Sequence[Node], title: str, *, chosen: str = "") -> str:
    """Return the drawing as an SVG whose nodes are links to the cards, by `href="#KEY"`.

    Args:
        nodes: what is drawn.
        title: what it is, for those who do not see it.
        chosen: the key of the node whose own small drawing this is; the nodes of the large one have ids to go to.
    """
    placed = columns(nodes)
    wide = [max((_width(node) for node in column), default=0.0) for column in placed]
    left = [_MARGIN + sum(wide[:number]) + number * _GAP for number in range(len(placed))]
    at: dict[str, tuple[float, float, float]] = {
        node.key: (left[number], _MARGIN + row * _ROW, _width(node))
        for number, column in enumerate(placed)
        for row, node in enumerate(column)
    }
    width = (left[-1] + wide[-1] if placed else 0) + _MARGIN
    height = max((len(column) for column in placed), default=0) * _ROW - (_ROW - _HEIGHT) + 2 * _MARGIN
    lines = [_edge(node, parent, at) for column in placed for node in column for parent in node.parents if parent in at]
    boxes = [_box(node, at, chosen) for column in placed for node in column]
    return (
        f'<svg class="graph" role="group" aria-label="{escape(title)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">'
        f'<g class="edges" aria-hidden="true">{"".join(lines)}</g>{"".join(boxes)}</svg>'
    )


def _depths(by_key: dict[str, Node]) -> dict[str, int]:
    """Return the length of the longest way from a root to each node; what a circle never settles keeps what it has by then."""
    depth = dict.fromkeys(by_key, 0)
    for _ in range(min(len(by_key), _MAX_DEPTH)):  # no recursion: a stranger's chain may be long
        deeper = {
            key: 1 + max((depth[one] for one in node.parents if one in depth), default=-1)
            for key, node in by_key.items()
        }
        if deeper == depth:
            break
        depth = deeper
    return depth


def _edge(node: Node, parent: str, at: dict[str, tuple[float, float, float]]) -> str:
    from_left, from_top, from_width = at[parent]
    to_left, to_top, _ = at[node.key]
    x0, y0, x1, y1 = from_left + from_width, from_top + _HEIGHT / 2, to_left, to_top + _HEIGHT / 2
    bend = max(28.0, (x1 - x0) / 2)
    return (
        f'<path data-from="{escape(parent)}" data-to="{escape(node.key)}" '
        f'd="M{x0:.0f} {y0:.0f}C{x0 + bend:.0f} {y0:.0f} {x1 - bend:.0f} {y1:.0f} {x1 - 7:.0f} {y1:.0f}"/>'
        f'<path class="tip" data-from="{escape(parent)}" data-to="{escape(node.key)}" '
        f'd="M{x1 - 9:.0f} {y1 - 5:.0f}L{x1 - 1:.0f} {y1:.0f}L{x1 - 9:.0f} {y1 + 5:.0f}Z"/>'
    )


def _box(node: Node, at: dict[str, tuple[float, float, float]], chosen: str) -> str:
    x, y, width = at[node.key]
    inside = (
        f"<title>{escape(node.name)}</title>"
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HEIGHT}" rx="7"/>'
        f'<text x="{x + 12:.0f}" y="{y + 19:.0f}">{escape(_cut(node.name))}</text>'
        f'<text class="note" x="{x + 12:.0f}" y="{y + 36:.0f}">{escape(_cut(node.note))}</text>'
    )
    own = "" if chosen else f' id="n-{escape(node.key)}" data-parents="{escape(" ".join(node.parents))}"'
    if not node.is_held:
        return f'<g class="node absent"{own}>{inside}</g>'
    here = ' class="node is-chosen" aria-current="true"' if node.key == chosen else ' class="node"'
    return f'<a{here}{own} href="{escape(node.page)}#{escape(node.key)}" aria-label="{escape(node.name)}, {escape(node.note)}">{inside}</a>'


def _width(node: Node) -> float:
    longest = max(len(_cut(node.name)) * _CHARACTER, len(_cut(node.note)) * _CHARACTER * 11.5 / 13)
    return max(90.0, longest + _PADDING)


def _cut(text: str) -> str:
    """Return a text that fits into a box.

    Example:
        >>> _cut("fuse[mnli,squad,hellaswag,cosmosqa,csqa]/xquad")
        'fuse[mnli,squad,hellaswag,cosmosqa,cs…'
    """
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"
