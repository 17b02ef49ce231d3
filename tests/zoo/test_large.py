"""Large zoos: work that grows with entries and bytes; cards that were checked are not parsed again; a gallery of pages."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests.zoo.cards import resealed
from tests.zoo.large import make
from tests.zoo.test_site import Page
from toolkit.errors import ZooError
from toolkit.zoo import Zoo, index
from toolkit.zoo.folders import Folders
from toolkit.zoo.share.share import pull, push, sync
from toolkit.zoo.site.book import Book
from toolkit.zoo.site.page import _page, write_site

N = 12


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """A zoo of which an index is kept, although it is small and young."""
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "LEAST", 3)
    monkeypatch.setattr(index, "_SETTLED_S", -1.0)
    make(tmp_path / "zoo", N, is_chain=True)
    return Zoo(tmp_path / "zoo")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders whose cards are parsed from now on."""
    found: list[str] = []
    read = Folders.read_in_place

    def counted(folders: Folders, folder: Path) -> object:
        found.append(folder.name)
        return read(folders, folder)

    monkeypatch.setattr(Folders, "read_in_place", counted)
    return found


def test_a_made_zoo_is_sound(zoo: Zoo) -> None:
    assert zoo.faults() == [] and len(zoo.list()) == N


def test_what_was_checked_once_is_not_parsed_again(zoo: Zoo, parsed: list[str]) -> None:
    first = zoo.list()
    assert len(parsed) == N
    again = zoo.list()
    assert len(parsed) == N and again == first
    assert [(card.path, card.shelf) for card in again] == [(card.path, card.shelf) for card in first]
    assert not [path for path in zoo.root.rglob("*") if path.suffix == ".sqlite"]  # a zoo brings no index along


def test_a_card_that_changed_is_parsed_and_one_that_is_gone_is_forgotten(zoo: Zoo, parsed: list[str]) -> None:
    zoo.list()
    zoo.remove("task11", "tiny")
    resealed(zoo.root / "tiny" / "task3", lambda values: values.update(licence="other"))
    (zoo.root / "tiny" / "task5" / "card.yaml").write_text("broken")
    parsed.clear()
    damaged: list[str] = []
    found = {card.name: card for card in zoo.list(damaged=damaged)}
    assert found["task3"].licence == "other" and "task11" not in found and "task5" not in found and len(damaged) == 1
    assert set(parsed) == {"task3", "task5"}


@pytest.mark.parametrize("change", ["link of the card", "link of the folder", "another folder"])
def test_an_index_lets_nothing_pass_that_is_refused_without_it(zoo: Zoo, tmp_path: Path, change: str) -> None:
    zoo.list()
    home = zoo.root / "tiny" / "task1"
    if change == "another folder":
        home.rename(home.with_name("other"))
    else:
        path = home / "card.yaml" if change == "link of the card" else home
        path.rename(tmp_path / "away")
        path.symlink_to(tmp_path / "away")
    with pytest.raises(ZooError, match="symbolic link|belongs into"):
        zoo.list()


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0" + b"x" * 5000, b"no database"])
def test_a_damaged_index_is_not_used(zoo: Zoo, tmp_path: Path, damage: bytes) -> None:
    first = zoo.list()
    (path,) = (tmp_path / "cache").rglob("*.sqlite")
    path.write_bytes(damage)
    assert zoo.list() == first


def test_an_index_that_cannot_be_written_is_done_without(zoo: Zoo, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert len(zoo.list()) == N and len(zoo.list()) == N


def test_a_file_that_may_still_change_is_not_kept(zoo: Zoo, parsed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_SETTLED_S", 3600.0)
    zoo.list()
    zoo.list()
    assert len(parsed) == 2 * N


@pytest.mark.parametrize("way", ["put", "pull", "push", "sync"])
def test_what_was_written_was_checked_and_is_not_parsed_again(
    zoo: Zoo, parsed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(index, "_EVERY_S", -1.0)
    other = Zoo(tmp_path / "other")
    if way == "put":
        for card in zoo.list():
            other.put(card, {file: zoo.tensors(card, file) for file in card.files})
    elif way == "push":
        push(zoo, zoo.get(f"task{N - 1}", "tiny"), str(other.root))
    elif way == "pull":
        pull(other, str(zoo.root))
    else:
        sync(other, str(zoo.root))
    parsed.clear()
    assert len(other.list()) == N
    assert parsed == []


# -- pages ---------------------------------------------------------------------------------------------------------------


def test_every_link_of_a_gallery_of_pages_leads_to_something(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Book.of.__func__, "__defaults__", (5,))
    made = write_site(zoo, tmp_path / "site")
    assert (made.n_adapters, made.n_pages, made.faults) == (N, 3, ())
    pages = {path.name: Page(path.read_text(encoding="utf-8")) for path in (tmp_path / "site").iterdir()}
    assert set(pages) == {"index.html", "page-2.html", "page-3.html", "names.html"}
    for name, page in pages.items():
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            file, _, key = link.partition("#")
            assert not key or key in pages[file or name].ids, (name, link)
    assert len([link for link in pages["names.html"].links if "#a-" in link]) == N
    names = (tmp_path / "site" / "names.html").read_text(encoding="utf-8")
    assert len(re.findall(r'<li data-text="task\d+ tiny [0-9a-f]{64}', names)) == N and 'role="search"' in names
    assert all(
        'href="names.html">Search all pages (12 adapters' in (tmp_path / "site" / f).read_text()
        for f in list(pages)
        if f != "names.html"
    )
    shown = {name for page in pages.values() for name in re.findall(r"task\d+", page.text)}
    assert shown >= {f"task{n}" for n in range(N)}


def test_a_shorter_gallery_removes_the_pages_of_a_longer_one_and_nothing_else(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Book.of.__func__, "__defaults__", (5,))
    out = tmp_path / "site"
    write_site(zoo, out)
    (out / "page-9.html").write_text("my own")
    monkeypatch.setattr(Book.of.__func__, "__defaults__", (200,))
    write_site(zoo, out)
    assert {path.name for path in out.iterdir()} == {"index.html", "page-9.html"}


@pytest.mark.parametrize("names_all", [False, True])
def test_a_gallery_of_a_chain_grows_with_the_bytes_of_its_cards(tmp_path: Path, names_all: bool) -> None:
    share = []
    for number in (10, 40):
        root = tmp_path / str(number)
        make(root, number, is_chain=True, names_all=names_all)
        book = Book.of(Zoo(root).list(), 5)
        written = sum(len(_page(book, n)) for n in range(len(book.pages)))
        read = sum(os.path.getsize(path) for path in root.rglob("card.yaml"))
        share.append(written / read)
    assert share[1] < 1.5 * share[0], share  # each entry was drawn with its whole chain


def test_a_card_that_names_itself_is_named_and_the_gallery_has_the_others(zoo: Zoo, tmp_path: Path) -> None:
    resealed(zoo.root / "tiny" / "task0", lambda values: values.update(parents=[{"name": "task0", "digest": "0" * 64}]))
    said = CliRunner().invoke(cli.main, ["zoo", "site", "--out", str(tmp_path / "site"), "--zoo", str(zoo.root)])
    assert said.exit_code == 1 and f"{N - 1} adapters" in said.stderr and "names itself as a parent" in said.stderr


def test_a_long_table_is_aligned_without_a_width(zoo: Zoo) -> None:
    said = CliRunner().invoke(cli.main, ["zoo", "list", "--zoo", str(zoo.root)])
    lines = said.stdout.splitlines()
    assert said.exit_code == 0 and len(lines) == N + 1 and len({line.find("tiny") for line in lines[1:]}) == 1
