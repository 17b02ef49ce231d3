"""Checks a built documentation site: every link and anchor inside it leads somewhere, and no page fetches from elsewhere.

python docs/check_site.py site
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("object", "data")}
FETCHED_RELATIONS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "manifest"}


class Page(HTMLParser):
    """Anchors, links and fetched addresses of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        self.fetched += [given[name] for name in given if (tag, name) in FETCHED]
        if tag == "link" and FETCHED_RELATIONS & set(given.get("rel", "").split()):
            self.fetched.append(given.get("href", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


def faults(site: Path) -> Iterator[str]:
    """Yield a sentence for each link, anchor or address of `site` that is wrong."""
    # The page for unknown addresses links by the address that the site is served from.
    pages = {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}
    if not pages:
        yield f"{site} has no pages; `make site` builds them."
    for path, page in pages.items():
        name = path.relative_to(site)
        for address in page.fetched:
            if urlsplit(address).netloc:
                yield f"{name} fetches {address} from another server."
            elif not address.startswith("data:") and not (path.parent / unquote(urlsplit(address).path)).exists():
                yield f"{name} fetches {address}, which does not exist."
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            found = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            found = found / "index.html" if found.is_dir() else found
            if not found.is_file():
                yield f"{name} links to {link}, which does not exist."
            elif parts.fragment and found.suffix == ".html":
                target = pages.get(site.resolve() / found.relative_to(site.resolve()))
                if target is not None and unquote(parts.fragment) not in target.anchors:
                    yield f"{name} links to {link}; that page has no such heading."
    for sheet in sorted(site.rglob("*.css")):
        for address in re.findall(r"url\(\s*['\"]?((?:https?:)?//[^)'\"]+)", sheet.read_text(encoding="utf-8")):
            yield f"{sheet.relative_to(site)} fetches {address} from another server."


def main(arguments: list[str]) -> int:
    """Print the faults of the site in a folder; return the exit code."""
    if len(arguments) != 1:
        print("Usage: python docs/check_site.py SITE", file=sys.stderr)
        return 2
    found = list(faults(Path(arguments[0]).resolve()))
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
