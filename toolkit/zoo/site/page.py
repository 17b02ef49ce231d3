"""Gallery of a zoo as one page of HTML: its adapters, their scores, and their lineage.

Everything in a card may be a stranger's text. It reaches the page through `html_text` alone; the page carries one script and one style
sheet, and its security policy names their hashes, so that a browser runs and fetches nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from toolkit.files import replace_text
from toolkit.languages import get_language, is_language
from toolkit.safe_text import html_text as escape
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.record import with_scores
from toolkit.zoo.site.article import article, caveat, key_of, languages_of, name_of, note_of
from toolkit.zoo.site.graph import Node, direct, svg
from toolkit.zoo.store import Zoo
from toolkit.zoo.zero_shot import zero_shot_means

PAGE = "index.html"


def write_site(zoo: Zoo, folder: Path) -> tuple[Path, int, list[str]]:
    """Write the gallery of a zoo into a folder; the page that was there is replaced at once.

    Returns:
        The page, how many adapters it shows, and a sentence for every entry that cannot be read (shown on the page, too).

    Raises:
        ToolkitError: the folder cannot be written.
    """
    damaged: list[str] = []
    cards = [with_scores(zoo, card, damaged=damaged) for card in zoo.list(damaged=damaged)]
    replace_text(folder / PAGE, page(cards, damaged))
    return folder / PAGE, len(cards), damaged


def page(cards: Sequence[AdapterCard], damaged: Sequence[str] = ()) -> str:
    """Return the gallery; the same cards give the same text."""
    style, script = _asset("style.css"), _asset("script.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    shelves = _shelves(cards)
    links = [("Lineage", "#lineage"), ("Adapters", "#adapters"), ("Scores", "#scores")] if cards else []
    nav = "".join(f'<li><a href="{target}">{name}</a></li>' for name, target in links)
    n_scores = sum(len(card.scores) for card in cards)
    counted = [(len(cards), "adapter"), (len(shelves), "backbone"), (n_scores, "score")]
    body = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Adapter zoo</title><style>{style}</style></head>",
        '<body class="no-script"><a class="skip" href="#adapters">Skip to the adapters</a>',
        f'<header><h1>Adapter zoo</h1><nav aria-label="Sections"><ul>{nav}</ul></nav>',
        f"<p>{', '.join(_count(number, noun) for number, noun in counted)}</p></header><main>",
        _damaged(damaged),
        *([_lineage(shelves), _adapters(cards, shelves), _scores(cards)] if cards else [_EMPTY]),
        f"</main><script>{script}</script></body></html>\n",
    ]
    return "\n".join(part for part in body if part)


_EMPTY = (
    '<h2 id="adapters">No adapters yet</h2><p>This zoo is empty. <code>xstilts train mnli</code> puts one into it, '
    "<code>xstilts zoo pull PLACE</code> fetches others.</p>"
)


def _lineage(shelves: Mapping[str, Sequence[AdapterCard]]) -> str:
    figures = []
    for shelf, held in shelves.items():
        nodes = _nodes(held)
        caption = f"{escape(name_of(held[0]))}: {_count(len(held), 'adapter')}"
        figures.append(
            f'<figure><figcaption>{caption}</figcaption><div class="graph-scroll">'
            f"{svg(direct(nodes), f'Lineage on {shelf}')}</div></figure>"
        )
    return (
        '<section aria-labelledby="lineage"><h2 id="lineage">Lineage</h2>'
        '<p class="soft">The parents of an adapter are left of it. Point at one, or reach it with Tab, to highlight its line; '
        "← and → go to a parent and to what was made from it, ↑ and ↓ to its neighbours, Enter opens its card, which has its own part of the drawing.</p>"
        f"{''.join(figures)}</section>"
    )


def _nodes(held: Sequence[AdapterCard]) -> list[Node]:
    """Return the nodes of one backbone; a parent that the zoo holds no more, or holds with other weights, is one, too."""
    digests = {card.digest for card in held}
    absent = {
        parent.digest: Node(key_of(parent.digest), parent.name, "not in this zoo", (), is_held=False)
        for card in held
        for parent in card.parents
        if parent.digest not in digests
    }
    nodes = [
        Node(key_of(card.digest), card.name, note_of(card), tuple(key_of(parent.digest) for parent in card.parents))
        for card in held
    ]
    return [*nodes, *absent.values()]


def _adapters(cards: Sequence[AdapterCard], shelves: Mapping[str, Sequence[AdapterCard]]) -> str:
    tasks = sorted({task for card in cards for task in (*card.tasks, *(s.task for s in card.scores))})
    languages = sorted({code for card in cards for code in languages_of(card)})
    options = {shelf: name_of(held[0]) for shelf, held in shelves.items()}
    sorts = {"name": "name", "score": "best score first", "size": "largest first", "created": "newest first"}
    nodes = {node.key: node for held in shelves.values() for node in _nodes(held)}
    children: dict[str, list[Node]] = {}
    for node in nodes.values():
        for parent in node.parents:
            children.setdefault(parent, []).append(node)
    articles = "".join(f"<li>{article(card, nodes, children.get(key_of(card.digest), []))}</li>" for card in cards)
    return (
        '<section aria-labelledby="adapters"><h2 id="adapters" tabindex="-1">Adapters</h2><form role="search" aria-label="Find adapters">'
        '<label>Search <input type="search" name="search" placeholder="name, task, data, digest" autocomplete="off"></label>'
        f"{_select('backbone', 'Backbone', options)}{_select('task', 'Task', {t: t for t in tasks})}"
        f"{_select('language', 'Language', {code: _language(code) for code in languages})}"
        f"{_select('sort', 'Sort by', sorts, all_of_them=False)}"
        '<button type="reset">Clear</button></form><p id="found" class="soft" role="status"></p>'
        f'<ul class="cards">{articles}</ul></section>'
    )


def _select(name: str, label: str, options: Mapping[str, str], *, all_of_them: bool = True) -> str:
    first = '<option value="">all</option>' if all_of_them else ""
    rest = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items())
    return f'<label>{label} <select name="{name}">{first}{rest}</select></label>'


def _scores(cards: Sequence[AdapterCard]) -> str:
    rows = []
    for card in cards:
        for one in zero_shot_means(card):
            what = f"zero-shot mean of {len(one.zero_shot)}" if one.zero_shot else _language(one.pivot)
            rows.append(_score_row(card, (one.task, what, one.metric), one.mean, one.rows, caveat(one)))
        for score in card.scores:
            what = _language(score.language)
            rows.append(_score_row(card, (score.task, what, score.metric), score.value, score.n, caveat(score)))
    if not rows:
        return '<section aria-labelledby="scores"><h2 id="scores">Scores</h2><p>None recorded.</p></section>'
    heads = [
        ("adapter", ""),
        ("backbone", ""),
        ("task", ""),
        ("language", ""),
        ("metric", ""),
        ("score", "number"),
        ("rows", "number"),
    ]
    top = "".join(f'<th scope="col" class="{kind}"><button type="button">{name}</button></th>' for name, kind in heads)
    return (
        '<section aria-labelledby="scores"><h2 id="scores">Scores</h2><figure><div class="scroll" tabindex="0" role="region" '
        'aria-labelledby="scores"><table class="wide" id="scores-table"><caption class="soft">In per cent, on the rows that each card names, of the adapters '
        f'found above. A heading sorts.</caption><thead><tr>{top}<th scope="col">note</th></tr></thead>'
        f'<tbody id="score-rows">{"".join(rows)}</tbody></table></div></figure></section>'
    )


def _score_row(card: AdapterCard, cells: tuple[str, str, str], value: float, n: int | None, note: str) -> str:
    link = f'<td><a href="#{key_of(card.digest)}">{escape(card.name)}</a></td>'
    rest = "".join(f"<td>{escape(cell)}</td>" for cell in (name_of(card), *cells))
    number = f'<td class="number" data-value="{value!r}">{100 * value:.2f}</td>'
    count = escape("" if n is None else str(n))
    return (
        f'<tr data-card="{key_of(card.digest)}">{link}{rest}{number}<td class="number">{count}</td><td>{note}</td></tr>'
    )


def _damaged(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div class="notice" role="note"><strong>{_count(len(sentences), "entry", "entries")} cannot be read:</strong><ul>{items}</ul></div>'


def _language(code: str) -> str:
    return f"{get_language(code).name} ({code})" if is_language(code) else code


def _shelves(cards: Iterable[AdapterCard]) -> dict[str, list[AdapterCard]]:
    found: dict[str, list[AdapterCard]] = {}
    for card in cards:
        found.setdefault(card.shelf, []).append(card)
    return found


def _count(number: int, noun: str, nouns: str = "") -> str:
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
