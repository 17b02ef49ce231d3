"""House style of the English that users and contributors read: plain technical English, subject first.

Covered are the Markdown pages, and every string and comment of `toolkit/`, `cli.py`, `benchmarks/`, `docs/` and
`examples/`: docstrings, help texts, messages.
`python -m tests.test_english [PATH ...]` prints every offence with its place.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import PROJECT, REPORTS

# Pattern of what is avoided -> what to write instead.
WORDS = {
    r"\bmend(s|ed|ing|able)?\b": "fix",
    r"\bbeside\b": "next to, with",
    r"\b(stands?|stood|standing)\b(?! for\b)": "is, are, follows, is listed",
    r"(?<!cannot )\b(is|are|was|were|be|been|being) told\b": "is reported, is given",
    r"\b(go|goes|going|went|gone) on\b": "continue",
    r"\b(lie|lies|lying)\b": "is stored, is",
    r"\bforet(ell|ells|elling|old)\b": "predict",
    r"\balike\b": "similar, equal, both",
    r"(?<!there )\b(is|are|was|were) no (?!longer\b|more\b|less\b|other\b|better\b|worse\b|smaller\b|larger\b)[a-z`]": (
        "is not a"
    ),
}
AVOIDED = {re.compile(pattern, re.IGNORECASE): instead for pattern, instead in WORDS.items()}
OPENING = re.compile(r"(What|Whose|Which|Where|Whether)\b")
WIDTH = 120

GENERATED = {PROJECT / "docs" / "cli.md"}  # from the help texts, which are read where they are written
MADE = r"^<!-- \w+: generated -->.*?^<!-- \w+: end -->"


def pages() -> list[Path]:
    """Return the Markdown pages that people write."""
    folders = [PROJECT / name for name in ("docs", "examples", "findings", "adapter_zoo")]
    found = {*PROJECT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))}
    return sorted(found - GENERATED - REPORTS)


def sources() -> list[Path]:
    folders = [PROJECT / name for name in ("toolkit", "benchmarks", "docs", "examples")]
    return [PROJECT / "cli.py", PROJECT / "setup.py", *sorted(path for each in folders for path in each.rglob("*.py"))]


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the strings and comments of a module, each with its first line's number."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def prose_of(page: str) -> str:
    """Return a page with its fenced code and generated parts blanked, so that line numbers stay."""
    return blanked(blanked(page, r"^```.*?^```"), MADE)


def blanked(page: str, pattern: str) -> str:
    """Return a page without what a pattern finds; line numbers stay."""
    return re.sub(pattern, lambda block: "\n" * block[0].count("\n"), page, flags=re.M | re.S)


def avoided(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line (from 0) of every word to avoid, the word, and what to write instead; a line break is a space."""
    starts: list[tuple[int, int]] = []  # of each word: its place in the flat text, its line
    words: list[str] = []
    length = 0
    for line, row in enumerate(text.split("\n")):
        for word in row.split():
            starts.append((length, line))
            words.append(word)
            length += len(word) + 1
    flat = " ".join(words)
    for pattern, instead in AVOIDED.items():
        for found in pattern.finditer(flat):
            yield starts[bisect_right(starts, (found.start(), len(flat))) - 1][1], found[0], instead


def offences_of_page(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(PROJECT)
    found = []
    for line, word, instead in avoided(prose_of(text)):
        found.append(f"{name}:{line + 1}: '{word}'; write: {instead}")
    for number, line in enumerate(blanked(text, MADE).splitlines(), 1):
        shown = re.sub(r"\]\([^)\s]*\)", "]", line)  # where a link leads is not read
        # An error's message is one line, however long.
        if len(shown) > WIDTH and not re.match(r"[\w.]+Error: ", line):
            found.append(f"{name}:{number}: {len(shown)} characters; at most {WIDTH}")
    return found


def offences_of_source(path: Path) -> list[str]:
    source = path.read_text(encoding="utf-8")
    name = path.relative_to(PROJECT)
    found: list[str] = []
    if not any(True for _ in avoided(source)) and not re.match(rf'"""{OPENING.pattern}', source):
        return found  # the quick way: most files have nothing to look at closely
    for line, text in texts(source):
        for below, word, instead in avoided(text):
            found.append(f"{name}:{line + below}: '{word}'; write: {instead}")
    opening = OPENING.match(ast.get_docstring(ast.parse(source)) or "")
    if opening:
        found.append(f"{name}:1: the module's docstring begins with '{opening[0]}'; name the thing and what it does")
    return found


def test_the_ready_configurations_are_in_the_house_style() -> None:
    files = sorted((PROJECT / "configs").rglob("*.yaml"))
    assert [(file.name, word) for file in files for _, word, _ in avoided(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_a_page_is_in_the_house_style(page: Path) -> None:
    assert offences_of_page(page) == []


@pytest.mark.parametrize("folder", ["toolkit", "benchmarks", "docs", "examples", "."])
def test_the_docstrings_and_messages_of_a_folder_are_in_the_house_style(folder: str) -> None:
    files = [
        path for path in sources() if path.relative_to(PROJECT).parts[:-1][:1] == ((folder,) if folder != "." else ())
    ]
    assert files
    assert [line for path in files for line in offences_of_source(path)] == []


def test_the_reader_finds_what_is_avoided_and_passes_what_is_not() -> None:
    def words(text: str) -> list[str]:
        return [word for _, word, _ in avoided(text)]

    assert words("A card that stands beside it, and lies there.") == ["beside", "stands", "lies"]
    assert words("It is no number. They were\nno controls.") == ["is no n", "were no c"]
    assert words("There is no task. It is no longer so. It stands for a name. One believes a standard amendment.") == []
    source = '"""Whose names these are."""\n# Goes on.\nx = f"{y} that is told"\n'
    assert [text for _, text in texts(source)] == ["# Goes on.", "Whose names these are.", " that is told"]
    assert OPENING.match("Whose names these are.") and not OPENING.match("Whatever")


def main(names: list[str]) -> None:
    """Print every offence; of `names`, only those in files whose path begins with one of them."""
    lines = [line for page in pages() for line in offences_of_page(page)]
    lines += [line for path in sources() for line in offences_of_source(path)]
    print("\n".join(line for line in lines if not names or line.startswith(tuple(names))))


if __name__ == "__main__":
    main(sys.argv[1:])
