"""Article of one adapter in the gallery: a summary, its own part of the lineage, and everything on its card."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from toolkit.composition import Fuse, parse
from toolkit.results.score import printed
from toolkit.safe_text import html_text as escape
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.diff import flat
from toolkit.zoo.find import size
from toolkit.zoo.names import asked_name
from toolkit.zoo.site.graph import Node, direct, svg
from toolkit.zoo.values import CardScore, Seen
from toolkit.zoo.zero_shot import ZeroShot, own_scores, worth, zero_shot_means

_MAX_LINKS, _MAX_CHILDREN, _MAX_ABOVE = 6, 12, 24


def searched(card: AdapterCard) -> str:
    """Return what a search looks into."""
    found = [card.name, name_of(card), card.digest, *card.tasks, *(seen.task for seen in card.data_seen)]
    return " ".join(dict.fromkeys(found)).lower()


def article(card: AdapterCard, nodes: Mapping[str, Node], children: Sequence[Node]) -> str:
    """Return the card of an adapter, with links to its parents and children."""
    key, bytes_ = key_of(card.digest), size(card)
    data = {
        "name": card.name,
        "backbone": card.shelf,
        "tasks": json.dumps([*card.tasks, *(score.task for score in card.scores)]),
        "languages": json.dumps(languages_of(card)),
        "score": str(worth(card)),
        "size": str(bytes_),
        "created": card.created,
        "text": searched(card),
    }
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    facts = [
        ("Backbone", escape(name_of(card))),
        ("Dev score", escape(_first_score(card)) or "none recorded"),
        *(("Zero-shot", escape(found.in_words())) for found in zero_shot_means(card)),
        ("Made from", _links([nodes[one] for one in nodes[key].parents]) or "the backbone alone"),
        ("Used by", _links(children) or "no adapter here"),
        ("Weights", f"{bytes_ / 1e6:.1f} MB, digest <code>{card.digest[:12]}</code>"),
        ("Licence", escape(card.licence) or "not stated"),
        ("Made", escape(card.created[:10]) or "not stated"),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return (
        f'<article id="{key}" aria-labelledby="h-{key}" {attributes}><h3 id="h-{key}" class="name" tabindex="-1">{escape(card.name)}</h3>'
        f'<p class="soft"><span class="tag">{_kind(card)}</span><a href="#n-{key}">show in lineage</a></p><dl>{listed}</dl>'
        f"<details><summary>Lineage, scores, data, recipe, files</summary>{_family(nodes[key], nodes, children)}{_details(card)}</details>"
        "</article>"
    )


def _family(node: Node, nodes: Mapping[str, Node], children: Sequence[Node]) -> str:
    """Return the part of the drawing around an adapter: its ancestors, itself, and what was made from it."""
    if not node.parents and not children:
        return ""
    above, waiting = {node.key: node}, deque(reversed(node.parents))
    while waiting and len(above) <= _MAX_ABOVE:
        if (key := waiting.popleft()) not in above and key in nodes:
            above[key] = nodes[key]
            waiting += reversed(nodes[key].parents[-_MAX_ABOVE:])
    is_cut = any(key not in above and key in nodes for key in waiting)
    drawn = direct(list(reversed(above.values())))
    below = [replace(child, parents=(node.key,)) for child in children[:_MAX_CHILDREN]]
    more = f"<p>And {len(children) - _MAX_CHILDREN} more, listed above.</p>" if len(children) > _MAX_CHILDREN else ""
    more += "<p>What is further up is drawn with its own children.</p>" if is_cut else ""
    return (
        f'<h4>Lineage</h4><div class="scroll" tabindex="0" role="region" aria-label="Lineage of {escape(node.name)}">'
        f"{svg([*drawn, *below], f'Lineage of {node.name}', chosen=node.key)}</div>{more}"
    )


def _links(named: Sequence[Node]) -> str:
    """Return links to cards; what exceeds a few is folded."""
    items = [
        f'<li><a href="{escape(one.page)}#{one.key}"><code>{escape(one.name)}</code></a> </li>'
        if one.is_held
        else f"<li><code>{escape(one.name)}</code> (not in this zoo) </li>"
        for one in named
    ]
    if not items:
        return ""
    first = f'<ul class="line">{"".join(items[:_MAX_LINKS])}</ul>'
    if len(items) <= _MAX_LINKS:
        return first
    rest = "".join(items[_MAX_LINKS:])
    return f'{first}<details class="more"><summary>{len(items) - _MAX_LINKS} more</summary><ul class="line">{rest}</ul></details>'


def _details(card: AdapterCard) -> str:
    scores = [
        (
            s.task,
            s.language,
            s.metric,
            _Number(printed(s.metric, s.value)),
            s.split or "",
            "" if s.n is None else s.n,
            caveat(s),
        )
        for s in card.scores
    ]
    seen = [
        (
            one.task,
            one.split or "",
            one.language or "",
            "" if one.rows is None else one.rows,
            one.fingerprint or "",
            _source(one),
        )
        for one in card.data_seen
    ]
    recipe = list(flat(card.recipe).items())
    files_ = [(name, _Number(held.bytes / 1e6), held.tensors, held.sha256) for name, held in sorted(card.files.items())]
    heads = [(name, held.kind, ", ".join(held.labels)) for name, held in card.heads.items()]
    use = f"xstilts zoo show {quote(card.name)} --backbone {quote(asked_name(name_of(card)))}"
    return "".join(
        [
            _table("Scores", ("task", "language", "metric", "score", "split", "rows", "note"), scores),
            _table("Rows it saw", ("task", "split", "language", "rows", "fingerprint", "source"), seen),
            _table("Heads", ("name", "kind", "labels"), heads),
            _table("Recipe", ("setting", "value"), recipe),
            _table("Files", ("file", "MB", "tensors", "sha256"), files_),
            _table("Libraries", ("library", "version"), list(card.versions.items())),
            f"<h4>Look at it</h4><pre><code>{escape(use)}</code></pre>",
        ]
    )


class _Number(float):
    """A cell that is set to the right."""


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return f"<h4>{title}</h4><p>None recorded.</p>"
    top = "".join(f'<th scope="col">{head}</th>' for head in heads)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    # A region that scrolls sideways must be reachable by keyboard.
    return (
        f'<h4>{title}</h4><div class="scroll" tabindex="0" role="region" aria-label="{title}"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Any) -> str:
    if isinstance(cell, _Number):
        return f'<td class="number">{cell:.2f}</td>'
    return f"<td>{escape(str(cell))}</td>"


def _kind(card: AdapterCard) -> str:
    if card.kind == "full":
        return "whole encoder"
    chain = parse(card.name).chain.units
    if any(isinstance(unit, Fuse) for unit in chain):
        return "fusion" if isinstance(chain[-1], Fuse) else "on a fusion"
    if card.is_imported:
        return "imported"
    if card.is_merged:
        return "merged"
    return "stacked" if len(chain) > 1 else "adapter"


def note_of(card: AdapterCard) -> str:
    """Return the line below an adapter's name in the drawing."""
    found = zero_shot_means(card)
    score = found[0].in_words(most=0) if found else _first_score(card)
    return f"{_kind(card)} · {score}" if score else _kind(card)


def _first_score(card: AdapterCard) -> str:
    """Return the first score of a card in words: that of the task's own metric."""
    own = own_scores(card)
    if not own:
        return ""
    first = own[0]
    note = " (generated rows)" if first.is_generated else ""
    return f"{first.task} {first.language} {first.metric} {printed(first.metric, first.value):.1f}{note}"


def caveat(score: CardScore | ZeroShot) -> str:
    """Return the note on a score, empty for none."""
    taken = score.language_adapter if isinstance(score, CardScore) and score.language_adapter else ""
    notes = [f"language adapter {taken}"] if taken else []
    return ", ".join([*notes, *["generated rows, no benchmark"] * bool(score.is_generated)])


def _source(seen: Seen) -> str:
    if seen.is_external:
        return "made elsewhere, not known"
    # What a maker's disk looks like is nobody's business.
    said = "generated" if seen.is_generated else Path(seen.origin or "").name
    return f"{said} (machine-translated)" if seen.is_translated else said


def languages_of(card: AdapterCard) -> list[str]:
    """Return the codes of the languages it was trained or scored in."""
    return sorted(card.languages - {"unknown"})


def name_of(card: AdapterCard) -> str:
    """Return the name of the backbone."""
    return card.backbone.name


def key_of(digest: str) -> str:
    """Return the place of an adapter in the page, by its digest."""
    return f"a-{digest[:16]}"
