"""Chunk tags: which tag sets mark chunks, in which scheme, and which tags begin, continue or end one.

The letters before the type tell the scheme: BIO (`B-PER`, `I-PER`), IOBES, BILOU (`L` ends, `U` is a chunk of one token)
and BMES (`M` continues). A tag set whose tags are only these letters (`B`, `I`, `O`) marks chunks without a type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

SCHEMES = (frozenset("BI"), frozenset("BIES"), frozenset("BILU"), frozenset("BMES"))
OUTSIDE = "O"
UNTYPED = "_"  # the type of a chunk that has none
_IN_IOBES = {"L": "E", "U": "S", "M": "I"}


def chunk_reader(tags: Iterable[str]) -> Callable[[str], str]:
    """Return a function that writes a tag of this tag set as `LETTER-TYPE` in the letters of IOBES.

    Tags of no chunk (`NOUN`) become `LETTER-TAG`, so that the whole tag is the type of a run of it
    (docs/decisions/0009-bare-tags.md); `O` stays `O`.

    Args:
        tags: the tag set; if it is not known, every tag that occurs.

    Example:
        >>> [chunk_reader(["O", "B", "I"])(tag) for tag in ("B", "I", "O")]
        ['B-_', 'I-_', 'O']
        >>> chunk_reader(["O", "U-LOC", "B-LOC", "L-LOC"])("U-LOC"), chunk_reader(["NOUN", "CCONJ"])("CCONJ")
        ('S-LOC', 'C-CCONJ')
    """
    chunks = {tag for tag in tags if tag != OUTSIDE}
    letters = {tag.partition("-")[0] for tag in chunks}
    bare = {tag for tag in chunks if "-" not in tag}
    has_scheme = bool(letters) and any(letters <= scheme for scheme in SCHEMES)
    is_untyped = has_scheme and bare == letters

    def read(tag: str) -> str:
        if tag == OUTSIDE:
            return tag
        letter, dash, kind = tag.partition("-")
        if is_untyped:
            return f"{_IN_IOBES.get(tag, tag)}-{UNTYPED}"
        if not dash:
            return f"{tag[0]}-{tag}"
        return f"{_IN_IOBES.get(letter, letter)}-{kind}" if has_scheme else tag

    return read


def continues(tag: str, read: Callable[[str], str]) -> bool:
    """Whether a tag is inside or at the end of a chunk that an earlier token began.

    Args:
        read: the reader of the tag set.

    Example:
        >>> [continues(tag, chunk_reader(["O", "B", "I"])) for tag in ("B", "I", "O")]
        [False, True, False]
        >>> continues("INTJ", chunk_reader(["NOUN", "INTJ"]))
        False
    """
    letter, dash, kind = read(tag).partition("-")
    return bool(dash) and letter in ("I", "E") and kind != tag
