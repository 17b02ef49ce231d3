"""Sentence boundaries of English texts."""

from __future__ import annotations

import re

# Words before a full stop that ends no sentence: titles, and what precedes numbers and names.
_TEXT = (
    "mr mrs ms dr prof st jr sr rev hon gen col lt sgt capt gov sen rep pres no nos vol pp p ca c e.g i.e vs cf al fig eq "
    "inc ltd co corp u.s u.k u.n a.m p.m b.c a.d ph.d jan feb mar apr jun jul aug sept sep oct nov dec mt ft approx"
)
_ABBREVIATIONS = frozenset(_TEXT.split())
_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s+[\"'“‘(\[]*[A-Z0-9])")
_WORD = re.compile(r"[^\s(\[\"'“‘]*$")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return start and end of each sentence of an English text, without the white space between them.

    A sentence ends at `.`, `!` or `?` (with closing quotes and brackets) before white space and a capital or a digit, but
    not after an abbreviation or an initial; and at a line's end.

    Example:
        >>> text = 'He met J. Smith, Ph.D. in the U.S. "Why?" she asked. It was 1.5 m.'
        >>> [text[start:end] for start, end in sentence_spans(text)]
        ['He met J. Smith, Ph.D. in the U.S. "Why?" she asked.', 'It was 1.5 m.']
    """
    spans: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\n]+", text):
        begin = line.start()
        for match in _END.finditer(text, line.start(), line.end()):
            word = _WORD.search(text, begin, match.start())
            before = word.group().lower() if word is not None else ""
            if match.group().startswith(".") and (before in _ABBREVIATIONS or (len(before) == 1 and before.isalpha())):
                continue
            spans.append((begin, match.end()))
            begin = match.end()
        spans.append((begin, line.end()))
    found = []
    for begin, last in spans:
        inside = text[begin:last]
        if stripped := inside.strip():
            at = begin + inside.index(stripped[0])
            found.append((at, at + len(stripped)))
    return found
