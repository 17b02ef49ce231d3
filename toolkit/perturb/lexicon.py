"""Bilingual lexicons: a word and its translations, as MUSE publishes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from toolkit.errors import DataError
from toolkit.languages import get_language


@dataclass(frozen=True)
class Lexicon:
    """Translations of the words of one language into another.

    Attributes:
        source: ISO 639-1 code of the words' language.
        target: of the translations' language.
        entries: word, in small letters -> its translations, in the file's order.
        origin: where they come from.
    """

    source: str
    target: str
    entries: Mapping[str, tuple[str, ...]] = field(repr=False)
    origin: str = ""

    def translations(self, word: str) -> tuple[str, ...]:
        """Return the translations of a word; none where the lexicon lacks it, or gives the word itself."""
        return tuple(each for each in self.entries.get(word.lower(), ()) if each.lower() != word.lower())


def make_lexicon(source: str, target: str, pairs: Iterable[tuple[str, str]], *, origin: str = "") -> Lexicon:
    """Return a lexicon of pairs of a word and a translation.

    Example:
        >>> make_lexicon("en", "de", [("cat", "Katze"), ("cat", "Kater")]).translations("Cat")
        ('Katze', 'Kater')
    """
    entries: dict[str, list[str]] = {}
    for word, translation in pairs:
        known = entries.setdefault(word.lower(), [])
        if translation not in known:
            known.append(translation)
    return Lexicon(source, target, {word: tuple(known) for word, known in entries.items()}, origin)


@lru_cache(maxsize=16)
def read_lexicon(path: Path) -> Lexicon:
    """Read a lexicon of one pair a line, divided by a tab or a space, from a file named `SOURCE-TARGET.EXTENSION`.

    This is the format and the naming of MUSE's ground-truth dictionaries (Conneau et al. 2018, arXiv 1710.04087): `en-de.txt`.

    Raises:
        DataError: a name without two languages, a line without two columns, text that is not UTF-8, or an empty file.
    """
    source, _, target = path.name.split(".")[0].partition("-")
    if not source or not target:
        raise DataError(f"{path}: the name of a lexicon says its languages, for example en-de.txt; rename it so.")
    source, target = (get_language(code, error=DataError).code for code in (source, target))
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}; convert the lexicon to UTF-8.") from error
    except OSError as error:
        raise DataError(f"{path}: the lexicon cannot be read ({error.strerror}).") from error
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        columns = line.strip().split("\t") if "\t" in line.strip() else line.split()
        if len(columns) != 2 or not all(column.strip() for column in columns):
            raise DataError(
                f"{path}, line {number}: found {len(columns)} columns in '{line.strip()[:40]}'; expected a word, a tab or "
                "space, and a translation."
            )
        pairs.append((columns[0].strip(), columns[1].strip()))
    if not pairs:
        raise DataError(f"{path}: the lexicon is empty; expected a word and a translation on each line.")
    return make_lexicon(source, target, pairs, origin=path.name)


def read_lexicons(folder: Path, source: str) -> tuple[Lexicon, ...]:
    """Return every lexicon of a folder that translates from a language, by file name.

    Raises:
        DataError: there is none, or one is faulty.
    """
    files = sorted(path for path in folder.glob(f"{source}-*.*") if path.is_file())
    if not files:
        raise DataError(
            f"The folder {folder} has no lexicon from {source}; expected files named {source}-XX.txt, a word and a translation "
            "on each line."
        )
    return tuple(read_lexicon(path) for path in files)
