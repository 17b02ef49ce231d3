"""Bilingual lexicons: a word and its translations, as MUSE, XLing-Eval and PanLex-BLI publish them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from toolkit.errors import DataError
from toolkit.files import file_fault
from toolkit.languages import get_language, is_language
from toolkit.perturb.text import small_letters

_BLANKS = re.compile(r"[ \t\r\f\v]+")  # `str.split` would also part a word at U+00A0


@dataclass(frozen=True)
class Lexicon:
    """Translations of the words of one language into another.

    Attributes:
        source: ISO 639-1 code of the words' language.
        target: of the translations' language.
        entries: word, in small letters -> its translations, in the file's order.
        origin: where they come from.
        damaged: lines of the file that hold no pair, each as a sentence that names it.
    """

    source: str
    target: str
    entries: Mapping[str, tuple[str, ...]] = field(repr=False)
    origin: str = ""
    damaged: tuple[str, ...] = ()

    @cached_property
    def lengths(self) -> Mapping[str, tuple[int, ...]]:
        """By first character, how many characters the words that begin with it have, the longest first."""
        found: dict[str, set[int]] = {}
        for word in self.entries:
            found.setdefault(word[:1], set()).add(len(word))
        return {first: tuple(sorted(lengths, reverse=True)) for first, lengths in found.items()}

    def translations(self, word: str) -> tuple[str, ...]:
        """Return the translations of a word; none where the lexicon lacks it, or gives the word itself."""
        small = small_letters(word, self.source)
        return tuple(each for each in self.entries.get(small, ()) if small_letters(each, self.target) != small)


def make_lexicon(
    source: str, target: str, pairs: Iterable[tuple[str, str]], *, origin: str = "", damaged: Sequence[str] = ()
) -> Lexicon:
    """Return a lexicon of pairs of a word and a translation.

    Example:
        >>> make_lexicon("en", "de", [("cat", "Katze"), ("cat", "Kater")]).translations("Cat")
        ('Katze', 'Kater')
    """
    entries: dict[str, list[str]] = {}
    for word, translation in pairs:
        known = entries.setdefault(small_letters(word, source), [])
        if translation not in known:
            known.append(translation)
    return Lexicon(source, target, {word: tuple(known) for word, known in entries.items()}, origin, tuple(damaged))


def pair_of(path: Path) -> tuple[str, str] | None:
    """Return the two languages that a lexicon's name says, or None where it says none.

    They are the first part of the name, between dots, of two known codes with a hyphen or an underscore between them: the names
    of MUSE (Conneau et al. 2018, arXiv 1710.04087), XLing-Eval (Glavaš et al. 2019, arXiv 1902.00508) and PanLex-BLI (Vulić et
    al. 2019, arXiv 1909.01638). Each may be any spelling that `toolkit.languages` reads: `deu`, `zh-CN`, `iw`.

    Example:
        >>> pair_of(Path("en-de.0-5000.txt")), pair_of(Path("yacle.train.freq.5k.en-de.tsv")), pair_of(Path("eus-fin.tsv"))
        (('en', 'de'), ('en', 'de'), ('eu', 'fi'))
        >>> pair_of(Path("EN_DE.txt")), pair_of(Path("en-zh_cn.txt")), pair_of(Path("zh-Hant_iw.tsv"))
        (('en', 'de'), ('en', 'zh'), ('zh-Hant', 'he'))
    """
    for part in path.name.split("."):
        subtags = part.lower().replace("_", "-").split("-")
        for cut in range(1, len(subtags)):
            ours, theirs = _code(subtags[:cut]), _code(subtags[cut:])
            if ours and theirs:
                return ours, theirs
    return None


def _code(subtags: Sequence[str]) -> str | None:
    tag = "-".join(subtags)
    return get_language(tag).code if is_language(tag) else None


def read_lexicon(path: Path) -> Lexicon:
    """Read a lexicon of one pair a line, divided by a tab or a space, from a file whose name says its languages (`pair_of`).

    A third column that is a number (a score) is ignored. A line that holds no pair is left out and named in `damaged`.

    Raises:
        DataError: a name without two languages, text that is not UTF-8, or a file without a pair.
    """
    languages = pair_of(path)
    if languages is None:
        raise DataError(
            f"{path}: the name of a lexicon says two known languages, for example en-de.txt; rename the file accordingly."
        )
    if fault := file_fault(path):
        raise DataError(f"{path}: the lexicon {fault}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}; convert the lexicon to UTF-8.") from error
    except OSError as error:
        raise DataError(f"{path}: the lexicon cannot be read ({error.strerror}).") from error
    pairs, damaged = [], []
    for number, line in enumerate(
        text.split("\n"), 1
    ):  # not splitlines: words may contain U+2028 and similar characters
        if not line.strip():
            continue
        columns = [
            each.strip() for each in (line.strip().split("\t") if "\t" in line.strip() else _BLANKS.split(line.strip()))
        ]
        if len(columns) == 3 and _is_number(columns[2]):
            columns.pop()
        if len(columns) != 2 or not all(columns):
            damaged.append(
                f"{path}, line {number}: found {len(columns)} columns in '{line.strip()[:40]}'; expected a word, a tab or "
                "space, and a translation."
            )
            continue
        pairs.append((columns[0], columns[1]))
    if not pairs:
        raise DataError(
            damaged[0] if damaged else f"{path}: the lexicon is empty; expected a word and a translation on each line."
        )
    return make_lexicon(*languages, pairs, origin=_named(path.name, len(damaged)), damaged=damaged)


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _named(origin: str, n_damaged: int) -> str:
    """Return the origin with the number of lines that were left out."""
    return f"{origin} without {n_damaged} damaged line{'s'[: n_damaged > 1]}" if n_damaged else origin


def lexicon_languages(folder: Path) -> frozenset[str]:
    """Return the languages that `read_lexicons` finds a lexicon from in a folder.

    Raises:
        DataError: no such folder.
    """
    return frozenset(code for _, languages in _files(folder) for code in languages)


def _files(folder: Path) -> list[tuple[Path, tuple[str, str]]]:
    if not folder.is_dir():
        raise DataError(f"The folder of lexicons {folder} is not there; expected a folder with files like en-de.txt.")
    paths = sorted(path for path in folder.rglob("*.*") if path.is_file())
    return [(path, languages) for path in paths if (languages := pair_of(path))]


def read_lexicons(folder: Path, source: str) -> tuple[Lexicon, ...]:
    """Return a lexicon from a language for every other that the files of a folder, and of folders in it, translate it into.

    Files of one pair of languages (parts for training and testing) are one lexicon. If only the reverse direction exists, it is
    inverted.

    Raises:
        DataError: no such folder, no lexicon of the language, or one without a pair.
    """
    found = [(path, languages) for path, languages in _files(folder) if source in languages]
    if not found:
        raise DataError(
            f"The folder {folder} has no lexicon from {source}; expected files named {source}-XX.txt, a word and a translation "
            "on each line."
        )
    facts = [path.stat() for path, _ in found]
    return _read(source, tuple(found), tuple((fact.st_mtime_ns, fact.st_size) for fact in facts))


@lru_cache(maxsize=16)
def _read(
    source: str, named: tuple[tuple[Path, tuple[str, str]], ...], facts: tuple[tuple[int, int], ...]
) -> tuple[Lexicon, ...]:
    """Read files once as long as they stay as they are: every noise of every composition asks for the same ones."""
    files: dict[tuple[str, str], list[Path]] = {}
    for path, languages in named:
        files.setdefault(languages, []).append(path)
    found = []
    for (ours, theirs), paths in sorted(files.items()):
        if theirs == source and (source, ours) in files:
            continue
        read = [read_lexicon(path) for path in paths]
        pairs = [(word, each) for lexicon in read for word, said in lexicon.entries.items() for each in said]
        damaged = [line for lexicon in read for line in lexicon.damaged]
        origin = _named(paths[0].name if len(paths) == 1 else f"{ours}-{theirs} ({len(paths)} files)", len(damaged))
        if ours == source:
            found.append(make_lexicon(source, theirs, pairs, origin=origin, damaged=damaged))
        else:
            inverted = [(b, a) for a, b in pairs]
            found.append(make_lexicon(source, ours, inverted, origin=f"{origin} inverted", damaged=damaged))
    return tuple(found)
