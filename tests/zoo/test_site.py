"""The gallery: one page, everything a stranger wrote escaped, every adapter reachable from its parents and its children."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests.zoo.cards import SHAPE, TINY, card, resealed, weights, wide
from toolkit.errors import ToolkitError
from toolkit.zoo import AdapterCard, CardScore, Parent, Seen, Zoo
from toolkit.zoo.site import page, write_site
from toolkit.zoo.site.graph import Node, columns, direct

HOSTILE = "</script></style><script>alert(1)</script><img src=x onerror=alert(2)>\"' &amp; ]]>"
VOID = {"meta", "input", "img", "br"}


class Page(HTMLParser):
    """What a browser would see: the tags, the ids, where links lead; and whether every tag that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if not self.open or self.open[-1] not in ("script", "style") else ""


def family(tmp_path: Path, **fields: object) -> Zoo:
    """mnli, squad on top of it, and a fusion of mnli and a parent that the zoo does not hold."""
    zoo = Zoo(tmp_path / "zoo")
    mnli = zoo.put(card("mnli", **fields), weights(1))
    named = Parent("mnli", mnli.digest)
    zoo.put(card("mnli/squad", parents=(named,)), weights(2))
    zoo.put(card("fuse[mnli,xnli]/xquad", parents=(named, Parent("xnli", "ee" * 32))), weights(3, is_fused=True))
    return zoo


def test_every_link_leads_to_something_on_the_page_and_every_id_is_one(tmp_path: Path) -> None:
    found = Page(page(family(tmp_path).list()))
    assert len(found.ids) == len(set(found.ids))
    assert found.links and {link for link in found.links if not link.startswith("#")} == set()
    assert {link[1:] for link in found.links} <= set(found.ids)


def test_from_any_adapter_its_parents_and_children_are_one_link_away(tmp_path: Path) -> None:
    zoo = family(tmp_path)
    text = page(zoo.list())
    keys = {one.name: f"a-{one.digest[:16]}" for one in zoo.list()}
    articles = {name: text.split(f'<article id="{key}"')[1].split("</article>")[0] for name, key in keys.items()}
    assert f'href="#{keys["mnli"]}"' in articles["mnli/squad"]
    assert f'href="#{keys["mnli/squad"]}"' in articles["mnli"]
    assert f'href="#{keys["fuse[mnli,xnli]/xquad"]}"' in articles["mnli"]
    assert "xnli</code> (not in this zoo)" in articles["fuse[mnli,xnli]/xquad"]
    graph = text.split('<svg class="graph"')[1].split("</svg>")[0]
    assert all(f'href="#{key}"' in graph for key in keys.values())
    assert f'data-from="{keys["mnli"]}" data-to="{keys["mnli/squad"]}"' in graph


def test_a_strangers_text_becomes_no_markup(tmp_path: Path) -> None:
    zoo = family(
        tmp_path,
        tasks=(HOSTILE,),
        licence=HOSTILE,
        created=HOSTILE,
        recipe={HOSTILE: HOSTILE, "adapter": SHAPE},
        versions={HOSTILE: HOSTILE},
        data_seen=(Seen(HOSTILE, HOSTILE, HOSTILE, fingerprint=HOSTILE, origin=HOSTILE),),
        scores=(CardScore(HOSTILE, HOSTILE, HOSTILE, 0.5, split=HOSTILE),),
        backbone=TINY,
    )  # fmt: skip
    resealed(zoo.root / "tiny" / "mnli", lambda values: values["heads"]["mnli"].update(kind=HOSTILE, labels=[HOSTILE]))
    hostile = Page(page(zoo.list(), damaged=[HOSTILE]))
    tame = Page(page(family(tmp_path / "tame").list(), damaged=["x"]))
    assert set(hostile.tags) == set(tame.tags) and hostile.tags.count("script") == tame.tags.count("script") == 1
    assert not [name for _, name, _ in hostile.attributes if name.startswith("on")]
    assert HOSTILE in hostile.text  # shown as it was written


def test_the_pages_own_policy_lets_only_its_own_script_and_style_in(tmp_path: Path) -> None:
    text = page(family(tmp_path).list())
    policy = unescape(re.findall(r'Content-Security-Policy" content="([^"]+)"', text)[0])
    for kind, tag in (("style-src", "style"), ("script-src", "script")):
        own = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(own[0].encode()).digest()).decode()
        assert len(own) == 1 and f"{kind} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert ' style="' not in text and " onclick" not in text


@pytest.mark.parametrize("number", [0, 1, 3, 200])
def test_a_zoo_of_any_size_gives_a_whole_page(number: int) -> None:
    cards: list[AdapterCard] = []
    for i in range(number):
        parents = (Parent(cards[i // 2].name, cards[i // 2].digest),) if i % 3 == 2 else ()
        cards.append(card(f"t{i}", parents=parents, digest=f"{i:064x}"[::-1]))
    found = Page(page(cards))
    assert found.tags.count("article") == number
    assert (f"{number} adapter" in found.text) and ("This zoo is empty" in found.text) is (number == 0)


def test_the_same_zoo_gives_the_same_page(tmp_path: Path) -> None:
    zoo = family(tmp_path)
    assert page(zoo.list()) == page(Zoo(zoo.root).list())


def test_parents_stand_left_of_their_children_and_a_forged_circle_ends() -> None:
    nodes = [Node("c", "c", "", ("b",)), Node("b", "b", "", ("a",)), Node("a", "a", "", ()), Node("x", "x", "", ("y",))]
    placed = [[node.key for node in column] for column in columns(nodes)]
    assert [column[0] for column in placed] == ["a", "b", "c"]
    assert columns([Node("p", "p", "", ("q",)), Node("q", "q", "", ("p",))])
    assert [node.parents for node in direct([*nodes, Node("d", "d", "", ("a", "b", "c"))])][-1] == ("c",)


def test_the_command_writes_one_page_and_names_what_cannot_be_read(tmp_path: Path) -> None:
    zoo = family(tmp_path)
    (zoo.folder(zoo.get("mnli/squad", "tiny")) / "card.yaml").write_text("broken")
    said = CliRunner().invoke(cli.main, ["zoo", "site", str(tmp_path / "out"), "--zoo", str(zoo.root)])
    assert said.exit_code == 1, said.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.html"]
    assert "2 adapters" in said.stderr and "Damaged: " in said.stderr
    assert "1 entry cannot be read" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ToolkitError, match="Cannot write") as caught:
        write_site(Zoo(tmp_path / "zoo"), tmp_path / "file" / "out")
    assert "\n" not in str(caught.value)


def test_an_adapter_that_is_not_small_is_shown_by_its_megabytes(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path / "zoo")
    zoo.put(*wide("mnli", reduction_factor=8))
    assert "1.0 MB, digest" in page(zoo.list())


def test_the_gallery_of_a_zoo_that_is_not_there_is_one_sentence_and_no_page(tmp_path: Path) -> None:
    out = tmp_path / "site"
    found = CliRunner().invoke(cli.main, ["zoo", "site", str(out), "--zoo", str(tmp_path / "nowhere")])
    assert found.exit_code == 2
    assert found.stderr.startswith("Error: The zoo ") and "nowhere is not a folder" in found.stderr
    assert not out.exists() and not (tmp_path / "nowhere").exists()
