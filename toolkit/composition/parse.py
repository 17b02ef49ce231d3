"""Parser of the composition language, with a caret under whatever is wrong.

The parser only reads the grammar and remembers the place of each value; `rules` decides what may nest in what.

    composition = chain [ "@" NAME ]
    chain = unit { "/" unit }
    unit  = NAME | keyword "[" member { "," member } "]"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from toolkit.composition.carets import pointed, printable
from toolkit.composition.composition import Composition
from toolkit.composition.nodes import (
    BLOCKS,
    MERGES,
    Average,
    Chain,
    Fuse,
    Merge,
    Mix,
    Name,
    Parallel,
    Seq,
    Unit,
)
from toolkit.composition.rules import HEAD, LANGUAGE, WEIGHT, Path, faults, short
from toolkit.errors import ToolkitError
from toolkit.languages import get_language, is_language
from toolkit.registry import did_you_mean

MAX_LENGTH = 10_000
"""The longest text that is read, in characters."""

_MAX_DEPTH = 8  # legal blocks nest three deep; the bound keeps a hostile text from exhausting the stack
_TOKEN = re.compile(r"[\[\],/@:(){}]|[^\s\[\],/@:(){}]+")
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_OTHER_BRACKETS = "(){}"
_ELSEWHERE = {"stack": "A stack is written with '/', as in mnli/squad."}
_SYNONYMS = {"average": "avg", "mean": "avg", "fusion": "fuse", "parallel": "par", "sequence": "seq", "multi": "mix"}


class CompositionError(ToolkitError):
    """A fault in a composition: the sentence, the text, and a caret line under the fault.

    Args:
        sentence: what was found, what was expected, what to do.
        text: the whole text as it was given.
        start: the position of the first character at fault, counted from 0.
        end: the position after the last one.
    """

    def __init__(self, sentence: str, text: str, start: int, end: int) -> None:
        self.sentence, self.text, self.start, self.end = sentence, text, start, end
        super().__init__(f"{''.join(map(printable, sentence))}\n{pointed(text, start, end)}")

    def __reduce__(self) -> tuple[type[CompositionError], tuple[str, str, int, int]]:
        return type(self), (self.sentence, self.text, self.start, self.end)


@lru_cache(maxsize=1024)
def parse(text: str) -> Composition:
    """Read a composition; equal texts give the same object, whose parts and entries are found once.

    Args:
        text: an expression of the composition language, at most 10,000 characters; white space between its signs and
            words is dropped.

            A language may be written as anywhere else: `udpos.deu` is `udpos.de`.

    Returns:
        The composition, in canonical form: `parse(str(c)) == c`.

    Raises:
        CompositionError: naming the first fault, with a caret under it and the nearest legal spelling.

    Example:
        >>> str(parse("fuse[ mnli, squad ] / xquad @ xquad"))
        'fuse[mnli,squad]/xquad'
        >>> parse("fus[mnli,squad]/xquad")
        Traceback (most recent call last):
            ...
        toolkit.composition.parse.CompositionError: Unknown block 'fus'. Did you mean 'fuse'?
          fus[mnli,squad]/xquad
          ^^^
    """
    if len(text) > MAX_LENGTH:
        sentence = f"The composition has {len(text):,} characters; at most {MAX_LENGTH:,} are read, so shorten it."
        raise CompositionError(sentence, text, MAX_LENGTH, MAX_LENGTH + 1)
    reader = _Reader(text)
    composition = reader.composition()
    # The head is read before a default one is dropped: its form is checked either way.
    found = list(faults(composition))
    if found:
        first = min(found, key=lambda fault: reader.spans[fault.where])
        raise CompositionError(first.sentence, text, *reader.spans[first.where])
    return composition


def _code(language: str) -> str:
    """Return the code, in lower case, for any spelling of a language; what names none stays for the rules to refuse."""
    return get_language(language).code.lower() if is_language(language) else language


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.text not in {"", *"[],/@:(){}"}


class _Reader:
    """A recursive-descent reader of one text; `spans` maps the path of each value to its place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [_Token(found.group(), *found.span()) for found in _TOKEN.finditer(text)]
        self.tokens.append(_Token("", len(text), len(text)))
        self.at = 0
        self.spans: dict[Path, tuple[int, int]] = {(): (0, len(text))}

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self, sign: str) -> bool:
        """Step over the next token if it is `sign`."""
        if self.token.text != sign:
            return False
        self.at += 1
        return True

    def composition(self) -> Composition:
        if len(self.tokens) == 1:
            self.refuse("The composition is empty; write a name, such as mnli.", self.token)
        chain = self.chain(())
        head = self.name(HEAD, "a head after '@'") if self.take("@") else None
        if self.token.text:
            self.refuse(self.surplus(after_head=head is not None), self.token)
        return Composition(chain, head)

    def chain(self, path: Path, inside: str = "") -> Chain:
        start = self.token.start
        units: list[Unit] = []
        while True:
            units.append(self.unit((*path, len(units)), inside))
            if not self.take("/"):
                break
        if path:
            self.spans[path] = (start, self.tokens[self.at - 1].end)
        return Chain(tuple(units))

    def unit(self, path: Path, inside: str) -> Unit:
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if self.token.is_word and following.text == "[":
            return self.block(path)
        if self.token.text == "[":
            self.refuse(f"A block's keyword is missing before '['; expected one of {', '.join(BLOCKS)}.", self.token)
        return self.name(path, f"a member of '{inside}'" if inside else "a name or a block")

    def block(self, path: Path) -> Unit:
        word = self.token
        keyword = word.text
        if keyword not in BLOCKS:
            hint = _ELSEWHERE.get(keyword.lower(), "") or did_you_mean(_SYNONYMS.get(keyword.lower(), keyword), BLOCKS)
            hint = hint or f"The blocks are {', '.join(BLOCKS)}."
            self.refuse(f"Unknown block '{short(keyword)}'. {hint}", word)
        if len(path) > 2 * _MAX_DEPTH:
            self.refuse(f"Blocks nest more than {_MAX_DEPTH} deep here; no legal composition does.", word)
        self.spans[path] = (word.start, word.end)
        self.at += 1
        opening = self.token
        self.at += 1
        if self.token.text == "]":
            self.refuse(f"Block '{keyword}' has no members and needs at least two.", self.token)
        live = keyword in ("fuse", "avg", "par")
        chains: list[tuple[Chain, float | None]] = []
        names: list[tuple[Name, float | None]] = []
        while True:
            here = (*path, len(chains) + len(names))
            if live:
                chains.append((self.chain(here, keyword), self.weight(keyword, here)))
            else:
                names.append((self.only_name(here, keyword), self.weight(keyword, here)))
            if not self.take(","):
                break
        self.close(keyword, opening)
        if keyword == "avg":
            return Average(tuple(chains))
        if live:
            members = tuple(chain for chain, _ in chains)
            return Fuse(members) if keyword == "fuse" else Parallel(members)
        if keyword in MERGES:
            return Merge(keyword, tuple(names))
        only = tuple(name for name, _ in names)
        return Seq(only) if keyword == "seq" else Mix(only)

    def close(self, keyword: str, opening: _Token) -> None:
        """Step over the `]` that ends a block."""
        if self.take("]"):
            return
        found = self.token
        if not found.text:
            self.refuse(f"'[' of '{keyword}' is never closed; add ']'.", opening)
        if found.text == "@":
            self.refuse(f"A head is not allowed inside '{keyword}'; write it once, at the end of the text.", found)
        if found.text in _OTHER_BRACKETS:
            self.refuse(f"Found '{found.text}'; blocks are written with '[' and ']'.", found)
        self.refuse(f"Found '{short(found.text)}'; expected ',' and another member of '{keyword}', or ']'.", found)

    def only_name(self, path: Path, keyword: str) -> Name:
        """Read a member of a leaf block, which is a name and nothing larger."""
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if self.token.is_word and following.text == "[":
            if self.token.text in BLOCKS:
                self.refuse(
                    f"'{self.token.text}' is not allowed inside '{keyword}', whose members are names.", self.token
                )
            self.block(path)  # refuses the unknown keyword
        name = self.name(path, f"a member of '{keyword}'")
        if self.token.text == "/":
            self.refuse(f"Found '/'; the members of '{keyword}' are names, not chains: stack outside it.", self.token)
        return name

    def name(self, path: Path, wanted: str) -> Name:
        found = self.token
        if not found.is_word:
            if found.text in _OTHER_BRACKETS and found.text:
                self.refuse(f"Found '{found.text}'; blocks are written with '[' and ']'.", found)
            what = f"Found '{found.text}'" if found.text else "The text ends"
            self.refuse(f"{what}; expected {wanted}.", found)
        self.at += 1
        if path == HEAD and self.token.text == "[":
            self.refuse("A head is a task's name, never a block; name one task after '@'.", found)
        name, dot, language = found.text.partition(".")
        self.spans[path] = (found.start, found.end)
        if dot:
            self.spans[(*path, LANGUAGE)] = (found.start + len(name) + (1 if language else 0), found.end)
        if not name:
            self.refuse(f"'{short(found.text)}' has no name before '.'; write one, as in tydiqa.sw.", found)
        return Name(name, _code(language) if dot else None)

    def weight(self, keyword: str, path: Path) -> float | None:
        if self.token.text != ":":
            return None
        colon = self.token
        if keyword not in ("avg", *MERGES):
            self.refuse(f"'{keyword}' takes no weights; avg, merge, ties and dare do.", colon)
        self.at += 1
        number = self.token
        if not _NUMBER.fullmatch(number.text):
            what = f"'{short(number.text)}' is not a number" if number.text else "The text ends"
            self.refuse(f"{what}; after ':' comes a weight, such as 0.5.", number)
        self.at += 1
        self.spans[(*path, WEIGHT)] = (number.start, number.end)
        return float(number.text)

    def surplus(self, *, after_head: bool) -> str:
        """Return the sentence for a token after which the text should have ended."""
        found = self.token.text
        if found == "]":
            return "']' closes nothing; take it out, or add the block it should close."
        if found in _OTHER_BRACKETS:
            return f"Found '{found}'; blocks are written with '[' and ']'."
        if found == "@":
            return "A second '@'; a composition has one head."
        if after_head:
            return f"Found '{short(found)}' after the head, which ends a composition; take it out."
        if found == ":":
            return "Found ':'; weights are written inside avg, merge, ties and dare."
        if found == ",":
            return "Found ',' outside a block; join with '/', or write a block such as fuse[...] around the members."
        return f"Found '{short(found)}' after the end of the composition; stack with '/', or take it out."

    def refuse(self, sentence: str, token: _Token) -> NoReturn:
        raise CompositionError(sentence, self.text, token.start, token.end)
