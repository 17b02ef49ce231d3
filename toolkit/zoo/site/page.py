"""Gallery of a zoo as pages of HTML: its adapters, their scores, and their lineage; one page for up to 200 adapters.

Everything in a card may be a stranger's text. It reaches the page through `html_text` alone; the page carries one script and one style
sheet, and its security policy names their hashes, so that a browser runs and fetches nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from toolkit.files import replace_text
from toolkit.languages import get_language, is_language
from toolkit.safe_text import html_text as escape
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.record import with_scores
from toolkit.zoo.site.article import article, caveat, key_of, languages_of, name_of, searched
from toolkit.zoo.site.book import NAMES, PAGE, Book, file_of
from toolkit.zoo.site.graph import direct, svg
from toolkit.zoo.store import Zoo
from toolkit.zoo.zero_shot import zero_shot_means


@dataclass(frozen=True)
class Site:
    """A gallery that was written.

    Attributes:
        page: its first page.
        n_adapters, n_pages: how many it shows, on how many pages.
        faults: why entries are left out, a sentence each; the first page shows them, too.
        notes: scores that cannot be read.
    """

    page: Path
    n_adapters: int
    n_pages: int
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def write_site(zoo: Zoo, folder: Path) -> Site:
    """Write the gallery of a zoo into a folder; each page that was there is replaced at once.

    Raises:
        ToolkitError: the folder cannot be written.
    """
    faults: list[str] = []
    notes: list[str] = []
    cards = [with_scores(zoo, card, damaged=notes) for card in zoo.list(damaged=faults)]
    book = Book.of(cards)
    total = len(book.pages)
    if total > 1:
        replace_text(folder / NAMES, _names(book))
    for number in reversed(range(total)):  # the first page last: what it leads to is there
        replace_text(folder / file_of(number), _page(book, number, faults))
    _remove_former(folder, total)
    return Site(folder / PAGE, len(cards), total, tuple(faults), tuple(notes))


def page(cards: Sequence[AdapterCard], damaged: Sequence[str] = ()) -> str:
    """Return a gallery of one page; the same cards give the same text."""
    return _page(Book.of(cards, max(len(cards), 1)), 0, damaged)


def _page(book: Book, number: int, damaged: Sequence[str] = ()) -> str:
    cards, total = book.pages[number], len(book.pages)
    shelves = _shelves(cards)
    links = [("Lineage", "#lineage"), ("Adapters", "#adapters"), ("Scores", "#scores")] if cards else []
    nav = "".join(f'<li><a href="{target}">{name}</a></li>' for name, target in links)
    n_scores = sum(len(card.scores) for card in cards)
    counted = [(len(cards), "adapter"), (len(shelves), "backbone"), (n_scores, "score")]
    which = f", page {number + 1} of {total}; {sum(map(len, book.pages))} adapters in all" if total > 1 else ""
    body = [
        f'<header><h1>Adapter zoo</h1><nav aria-label="Sections"><ul>{nav}</ul></nav>',
        f"<p>{', '.join(_count(n, noun) for n, noun in counted)}{which}</p>{_leafing(number, total)}</header><main>",
        _damaged(damaged) if number == 0 else "",
        *([_lineage(book, number, shelves), _adapters(book, number, shelves), _scores(cards)] if cards else [_EMPTY]),
        f"{_leafing(number, total)}</main>",
    ]
    return _whole("\n".join(part for part in body if part))


def _whole(body: str) -> str:
    style, script = _asset("style.css"), _asset("script.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    head = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"{_TITLE}<style>{style}</style></head>",
        '<body class="no-script"><a class="skip" href="#adapters">Skip to the adapters</a>',
    ]
    return "\n".join([*head, f"{body}<script>{script}</script></body></html>\n"])


def _leafing(number: int, total: int) -> str:
    """Return the links to other pages: the first, the last, and those nearby."""
    if total == 1:
        return ""
    shown = sorted({0, total - 1, *range(max(number - 2, 0), min(number + 3, total))})
    items = [
        f'<li><a aria-current="page">{one + 1}</a></li>'
        if one == number
        else f'<li><a href="{file_of(one)}">{one + 1}</a></li>'
        for one in shown
    ]
    return f'<nav aria-label="Pages"><ul>{"".join(items)}<li><a href="{NAMES}">all adapters by name</a></li></ul></nav>'


def _names(book: Book) -> str:
    """Return the page that lists all adapters, with links to their cards."""
    lists = []
    for shelf, held in _shelves([card for cards in book.pages for card in cards]).items():
        items = "".join(
            f'<li data-text="{escape(searched(card))}"><a href="{book.nodes[key_of(card.digest)].page}#{key_of(card.digest)}">'
            f"{escape(card.name)}</a></li>"
            for card in held
        )
        title = f"{escape(name_of(held[0]))}: {_count(len(held), 'adapter')}"
        lists.append(f'<section aria-label="{escape(shelf)}"><h2>{title}</h2><ul class="names">{items}</ul></section>')
    return _whole(
        f'<header><h1 id="adapters">Adapters by name</h1><p><a href="{PAGE}">To the gallery</a></p></header><main>'
        f'<form role="search" aria-label="Find adapters on all pages">{_SEARCH}<button type="reset">Clear</button></form>'
        f'<p id="found" class="soft" role="status"></p>{"".join(lists)}</main>'
    )


def _remove_former(folder: Path, total: int) -> None:
    """Remove pages of an earlier, longer gallery."""
    former = [
        path for path in folder.glob("page-*.html") if (found := _NUMBER.fullmatch(path.name)) and int(found[1]) > total
    ]
    for path in (*former, *([folder / NAMES] if total == 1 else [])):
        with suppress(OSError):
            if path.is_file() and _TITLE in path.read_text(encoding="utf-8")[:2000]:
                path.unlink()


_SEARCH = '<label>Search <input type="search" name="search" placeholder="name, task, data, digest" autocomplete="off"></label>'
_TITLE = "<title>Adapter zoo</title>"
_NUMBER = re.compile(r"page-(\d{1,6})\.html")
_EMPTY = (
    '<h2 id="adapters">No adapters yet</h2><p>This zoo is empty. <code>xstilts train mnli</code> puts one into it, '
    "<code>xstilts zoo pull PLACE</code> fetches others.</p>"
)


def _lineage(book: Book, number: int, shelves: Mapping[str, Sequence[AdapterCard]]) -> str:
    figures = []
    for shelf, held in shelves.items():
        nodes = book.drawn(number, held)
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


def _adapters(book: Book, number: int, shelves: Mapping[str, Sequence[AdapterCard]]) -> str:
    cards, nodes = book.pages[number], book.near(number)
    tasks = sorted({task for card in cards for task in (*card.tasks, *(s.task for s in card.scores))})
    languages = sorted({code for card in cards for code in languages_of(card)})
    options = {shelf: name_of(held[0]) for shelf, held in shelves.items()}
    sorts = {"name": "name", "score": "best score first", "size": "largest first", "created": "newest first"}
    articles = "".join(
        f"<li>{article(card, nodes, [nodes[one] for one in book.children.get(key_of(card.digest), ())])}</li>"
        for card in cards
    )
    return (
        '<section aria-labelledby="adapters"><h2 id="adapters" tabindex="-1">Adapters</h2><form role="search" aria-label="Find adapters">'
        f"{_SEARCH}{_select('backbone', 'Backbone', options)}{_select('task', 'Task', {t: t for t in tasks})}"
        f"{_select('language', 'Language', {code: _language(code) for code in languages})}"
        f"{_select('sort', 'Sort by', sorts, all_of_them=False)}"
        '<button type="reset">Clear</button></form><p id="found" class="soft" role="status"></p>'
        f'{_elsewhere(book)}<ul class="cards">{articles}</ul></section>'
    )


def _elsewhere(book: Book) -> str:
    """Return the link from a search on one page to the same search on all; the script gives it its words."""
    if len(book.pages) == 1:
        return ""
    total = _count(sum(map(len, book.pages)), "adapter")
    return f'<p id="elsewhere" class="soft" hidden><a href="{NAMES}">Search all pages ({total}; Enter)</a></p>'


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
