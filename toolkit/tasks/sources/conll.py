"""CoNLL files: one token a line, cells parted by tabs or blanks, an empty line after each sentence.

What is a comment, a heading or a token is decided by the number of cells (docs/decisions/0028-conll.md).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from toolkit.errors import DataError
from toolkit.tasks.sources.tables import Read, table_of

# The columns of CoNLL-U, which may be named instead of counted.
CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
BLANKS = re.compile(r"[ \t\r\n\f\v]+")  # `str.split` would also part a token at U+00A0, U+3000 and U+2028
_DOCUMENT = "-DOCSTART-"
_HEAD = 1000  # sentences that show how a file parts its cells, where it is read one sentence at a time
_KEY = re.compile(r"#\s*[\w:.\[\]-]+ =(\s|$)")  # a comment of CoNLL-U, `# sent_id = 3`
_NO_WORD = re.compile(r"\d+[-.]\d+")  # an id of CoNLL-U that is of no word: a range (`1-2`), an empty node (`1.1`)
# The code of a Wikipedia before each token of WikiAnn: `en:Anna`, `zh-min-nan:Lí`.
_PREFIX = re.compile(r"(?:simple|[a-z]{2,3}(?:-[a-z]+)*):")


@dataclass(frozen=True)
class Tagged:
    """Which columns hold tokens and tags, and the task's own words for tags."""

    tokens: str
    tags: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Line:
    """A line with its number (from 1) and its cells."""

    number: int
    text: str
    cells: list[str]


def read_conll(file: Path, text: Iterable[str], columns: Sequence[str], tagged: Tagged | None = None) -> Read:
    """Read a CoNLL file as a table with a list of cells for each sentence.

    Args:
        file: names the file in a fault.
        text: its lines.
        columns: numbers of cells, from 0, or names of `CONLLU`.
        tagged: which of them are what.

    Raises:
        DataError: a line with fewer cells than are read.
    """
    places = {column: _place(column) for column in columns}
    most = max(places.values())
    blocks = list(_blocks(text))
    table = _table_of(blocks, most, tagged)
    found: dict[str, list[list[str]]] = {column: [] for column in columns}
    lines: list[int] = []
    n_documents = 0
    for sentence in (each for block in blocks for each in _sentences(block, table)):
        if _is_document(sentence[0].text):
            n_documents += 1
            continue
        for line in sentence:
            if len(line.cells) <= most:
                has = f"{len(line.cells)} cells"
                raise DataError(
                    f"{file}, line {line.number}: {has}; expected {most + 1} or more, parted by tabs or spaces."
                )
        if min(places.values()) > 0:
            sentence = _words(sentence)
        for column, place in places.items():
            found[column].append([line.cells[place] for line in sentence])
        lines.append(sentence[0].number)
    notes = [f"{n_documents:,} x {_DOCUMENT} left out"] if n_documents else []
    if tagged is not None and (prefix := _shared_prefix(found[tagged.tokens])):
        found[tagged.tokens] = [[each.removeprefix(prefix) for each in sentence] for sentence in found[tagged.tokens]]
        notes.append(f"all tokens begin with '{prefix}', which is cut off")
    return Read(table_of(file, found, lines), lines, tuple(notes))


def sentences_of(file: str, text: Iterable[str], column: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield sentences one after another: the number of the first line, the lines, and the cells of a column.

    How the file parts its cells is read off its first sentences, `_HEAD` of them; documents are left out.

    Raises:
        DataError: a line with fewer cells than are read.
    """
    place = _place(column)
    blocks = _blocks(text)
    head = list(islice(blocks, _HEAD))
    table = _table_of(head, place, None)
    for sentence in (each for block in chain(head, blocks) for each in _sentences(block, table)):
        if _is_document(sentence[0].text):
            continue
        words = _words(sentence) if place > 0 else sentence
        for line in words:
            if len(line.cells) <= place:
                raise DataError(
                    f"{file}, line {line.number}: {len(line.cells)} cells; expected {place + 1} or more, parted by tabs or "
                    "spaces."
                )
        yield words[0].number, [line.text for line in words], [line.cells[place] for line in words]


def _place(column: str) -> int:
    return CONLLU.index(column) if column in CONLLU else int(column)


def _blocks(text: Iterable[str]) -> Iterator[list[tuple[int, str]]]:
    """Yield the lines between empty lines, with their numbers."""
    held: list[tuple[int, str]] = []
    for number, line in enumerate(text, start=1):
        line = line.rstrip("\n")
        if line.strip():
            held.append((number, line.rstrip(" \r")))
        elif held:
            yield held
            held = []
    if held:
        yield held


@dataclass(frozen=True)
class _Table:
    """How a file parts its cells, how many a line usually has, and which tags its tokens have."""

    has_tabs: bool
    count: int = 0
    tag: int | None = None
    tags: frozenset[str] = frozenset()

    def line(self, number: int, text: str, *, is_first: bool) -> _Line:
        """Return a line with its cells; a line may be parted otherwise than the others if it then has as many cells."""
        by_tabs = [cell.strip(" ") for cell in text.split("\t")]
        by_blanks = BLANKS.split(text.strip(" \t\r\f\v"))
        if self.has_tabs:
            is_odd = len(by_tabs) == 1 and len(by_blanks) == self.count and not (is_first and text.startswith("#"))
            return _Line(number, text, by_blanks if is_odd else by_tabs)
        is_odd = len(by_tabs) > 1 and len(by_tabs) == self.count
        return _Line(number, text, by_tabs if is_odd else by_blanks)

    def is_comment(self, line: _Line, counts: set[int], *, is_first: bool) -> bool:
        """Whether a line that begins with `#` has other cells than the table; `counts`: of the other lines around it.

        Before a sentence it is a token only if it has as many cells and a tag that is one. Between tokens a comment has a blank
        after the `#`: `#tag` alone is a token that lost its tag.
        """
        if not line.text.startswith("#"):
            return False
        if len(line.cells) not in counts:
            return is_first or line.text.startswith("# ")
        if not is_first:
            return False
        has_tag = self.tag is None or (len(line.cells) > self.tag and line.cells[self.tag] in self.tags)
        return not has_tag or _KEY.match(line.text) is not None


def _table_of(blocks: Sequence[Sequence[tuple[int, str]]], most: int, tagged: Tagged | None) -> _Table:
    every = [line for block in blocks for _, line in block if not _is_document(line)]
    plain = [line for line in every if not line.startswith("#")] or every
    has_tabs = 2 * sum("\t" in line for line in plain) > len(plain)
    cells = [_Table(has_tabs).line(0, line, is_first=False).cells for line in plain]
    counts = Counter(len(each) for each in cells)
    fitting = {count: n for count, n in counts.items() if count > most} or counts
    usual = max(fitting, key=fitting.__getitem__, default=most + 1)
    if tagged is None:
        return _Table(has_tabs, usual)
    tag = _place(tagged.tags)
    used = {each[tag] for each in cells if len(each) > tag} if plain is not every else set()
    return _Table(has_tabs, usual, tag, frozenset(used) | tagged.labels)


def _sentences(block: Sequence[tuple[int, str]], table: _Table) -> Iterator[list[_Line]]:
    """Yield the sentences of a block without its comments, and each line `-DOCSTART-` alone."""
    held: list[_Line] = []
    plain = [text for _, text in block if not text.startswith("#") and not _is_document(text)]
    counts = {len(table.line(0, text, is_first=False).cells) for text in plain} or {table.count}
    for number, text in block:
        line = table.line(number, text, is_first=not held)
        if _is_document(text):
            if held:
                yield held
            yield [line]
            held = []
        elif not table.is_comment(line, counts, is_first=not held):
            held.append(line)
    if held:
        yield held


def _is_document(text: str) -> bool:
    return _DOCUMENT in BLANKS.split(text)


def _words(sentence: list[_Line]) -> list[_Line]:
    """Return a sentence without ranges and empty nodes, where its first cells are the ids of CoNLL-U: 1, 2, 3, ..."""
    words = [line for line in sentence if not _NO_WORD.fullmatch(line.cells[0])]
    is_numbered = [line.cells[0] for line in words] == [str(place) for place in range(1, len(words) + 1)]
    return words if words and is_numbered else sentence


def _shared_prefix(sentences: Sequence[Sequence[str]]) -> str:
    """Return the language code that all tokens begin with, with its colon, or an empty text."""
    first = next((token for sentence in sentences for token in sentence), "")
    found = _PREFIX.match(first)
    if found is None:
        return ""
    prefix = found.group()
    return prefix if all(token.startswith(prefix) for sentence in sentences for token in sentence) else ""
