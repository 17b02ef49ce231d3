"""Forms of pages that we write ourselves: their values are read without a parser where the form is known.

The form of a piece of YAML is what is left when every plain word and every text in single quotes is taken out. A form that was
parsed once says which words are keys, which are values, and how they are nested. Other words change none of that: no mark
inside of a word of the accepted kind means anything to YAML, and the marks that do are in the form. What a word stands for
(`1.5`, `null`, `yes`) is resolved by PyYAML. Whatever is unusual is not read here: the caller parses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import yaml

from toolkit.config.safe_yaml import YamlFault, build, compose

Form = Callable[[list[Any]], Any]  # from what the words stand for to the value

_FOLDED = re.compile(r",\n +(?=[^ \n])")  # inside of brackets the same as a comma and a blank
_PIECE = re.compile(r"\n(?! )")  # a key of the page, or an item of its list, with the lines that are indented below it
# Letters of scripts, digits, and marks that mean nothing to YAML inside of a word; blanks are inside of words as well.
_LETTERS = r"A-Za-z0-9_\u00c0-\u1fff\u2c00-\ud7ff"
_MARKS = r"./+@~=()\-"
_INSIDE = rf"{_LETTERS},:;{{}}\[\]{_MARKS}"  # of quotes
_OUTSIDE = rf"{_LETTERS},\[\]{_MARKS}"  # of brackets, where the marks of lists mean nothing inside of a word
_PLAIN = rf"-?[{_LETTERS}][{_LETTERS} {_MARKS}]*(?<! )"
_QUOTED = rf"'[{_INSIDE} ]*(?:\n +[{_INSIDE}][{_INSIDE} ]*)*'"
_WORD = re.compile(f"({_PLAIN}|{_QUOTED})")
_BETWEEN = re.compile(r"(?:\n *|- |: |:(?=\n)|, |[{}\[\]])+")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*:")  # alone: its list is below
_TEXT = rf"[{_LETTERS}][{_OUTSIDE} ]*(?<! )"
_LINE = re.compile(rf"([A-Za-z_][A-Za-z0-9_]*): ({_TEXT}(?:\n +{_TEXT})*)")
_BREAK = re.compile(r" *\n +")
_LONGEST = 100_000  # characters of a page
_FORMS, _PIECES, _WORDS = 1000, 1000, 20_000  # that are remembered
_LONG = 1000  # characters of a piece that is not remembered; of a word that the parser may not take as a key
_DEEPEST = 20  # below the top of the page
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")}
_RESOLVER: Any = yaml.resolver.Resolver()
_CLAIMED = "".join(_RESOLVER.yaml_implicit_resolvers)  # first letters of what may be another value than text
_NAMED = len("false")  # of the longest word of letters that is
_MARK = yaml.Mark("", 0, 0, 0, "", 0)


class _Unusual(Exception):
    """What is left to the parser."""


class _Words(dict[str, Any]):
    """What words stand for, of which some are remembered."""

    def __missing__(self, word: str) -> Any:
        is_quoted = word[0] == "'"
        text = word[1:-1] if is_quoted else word
        if "\n" in text:
            text = _BREAK.sub(" ", text)
        found: Any = text
        if not (is_quoted or text[0] not in _CLAIMED or (text[0].isalpha() and len(text) > _NAMED)):
            tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
            if tag not in _TAGS:
                raise _Unusual
            found = build(yaml.ScalarNode(tag, text, _MARK, _MARK))
        if len(self) >= _WORDS:
            self.clear()
        self[word] = found
        return found


class _Forms(dict[str, Form | None]):
    """Forms that were met, by their text; None for one that is left to the parser."""

    def learn(self, key: str, piece: str, parts: Sequence[str]) -> Form | None:
        """Return the form of a piece, parsed once."""
        if len(self) >= _FORMS:
            return None
        try:
            self[key] = _form(piece, parts)
        except (YamlFault, _Unusual):
            self[key] = None
        return self[key]


_words, _forms = _Words(), _Forms()
_pieces: dict[str, tuple[Form, list[Any]]] = {}
_keys: set[tuple[Any, ...]] = set()  # of mappings; each is text, and each another one


def read_known(page: str) -> dict[str, Any] | None:
    """Return the values of a page that is a mapping; None where it has to be parsed, be it sound or not.

    Args:
        page: YAML without comments that ends with its last line.

    Example:
        >>> read_known("a: [x, 1]\\nb:\\n- {c: null}\\n- {c: 'no'}\\n")
        {'a': ['x', 1], 'b': [{'c': None}, {'c': 'no'}]}
        >>> read_known("a: &x 1\\n") is None
        True
    """
    if len(page) > _LONGEST or "\0" in page or page[-1:] != "\n":
        return None
    found: dict[str, Any] = {}
    below: list[Any] | None = None  # of the key above, while its items are read
    try:
        for piece in _PIECE.split(_FOLDED.sub(", ", page[:-1])):
            if piece[:2] == "- ":
                if below is None:
                    return None
                below += _read(piece)
                continue
            if below == []:
                return None  # a key without a value
            below = [] if _KEY.fullmatch(piece) and _words[piece[:-1]].__class__ is str else None
            new = _read(piece) if below is None else {piece[:-1]: below}
            if not found.keys().isdisjoint(new):
                return None
            found.update(new)
    except (_Unusual, YamlFault):
        return None
    return None if below == [] else found


def _read(piece: str) -> Any:
    met = _pieces.get(piece)
    if met is not None:
        form, words = met
        return form(words)
    form, words = _parted(piece)
    if len(_pieces) < _PIECES and len(piece) < _LONG:
        _pieces[piece] = form, words
    return form(words)


def _parted(piece: str) -> tuple[Form, list[Any]]:
    """Return a piece's form, and what its words stand for."""
    line = _LINE.fullmatch(piece)
    if line is not None and len(piece) < _LONG:
        return _one, [_words[word] for word in line.groups()]
    parts = _WORD.split(piece)
    kind = "\0".join(parts[::2])
    if "'" in piece and "\n" in piece:  # a key has one line
        kind += f"\0{[number for number, word in enumerate(parts[1::2]) if chr(10) in word]}"
    form = _forms[kind] if kind in _forms else _forms.learn(kind, piece, parts)
    if form is None or (len(piece) > _LONG and max(map(len, parts)) > _LONG):
        raise _Unusual
    return form, [_words[word] for word in parts[1::2]]


def _form(piece: str, parts: Sequence[str]) -> Form:
    """Return the form of a piece.

    Args:
        piece: the text.
        parts: the same text in parts; every second one is a word.
    """
    first, *between, last = (*parts[::2], "") if len(parts) == 1 else parts[::2]
    is_item = piece[:2] == "- "
    is_plain = bool(_BETWEEN.fullmatch(first)) if is_item else first == ""
    if not (is_plain and all(map(_BETWEEN.fullmatch, between)) and (last == "" or _BETWEEN.fullmatch(last))):
        raise _Unusual
    spans, place = {}, 0
    for number, part in enumerate(parts):
        if number % 2:
            spans[place, place + len(part)] = number // 2
        place += len(part)
    node = compose(piece, max_depth=_DEEPEST)
    if (
        not isinstance(node, yaml.SequenceNode if is_item else yaml.MappingNode)
        or node.flow_style
        or len(node.value) != 1
    ):
        raise _Unusual
    made = _made(node, spans)
    if spans:
        raise _Unusual
    return made


def _made(node: yaml.Node, spans: dict[tuple[int, int], int]) -> Form:
    """Return how a node's value is made of words; takes the words that it uses out of `spans`."""
    if isinstance(node, yaml.ScalarNode):
        return itemgetter(_number(node, spans))
    if isinstance(node, yaml.SequenceNode):
        items = [_made(item, spans) for item in node.value]
        return lambda words: [item(words) for item in items]
    keys = [_number(key, spans) for key, _ in node.value]
    if len(keys) > 1 and all(isinstance(value, yaml.ScalarNode) for _, value in node.value):
        return _flat(itemgetter(*keys), itemgetter(*(_number(value, spans) for _, value in node.value)))
    values = [_made(value, spans) for _, value in node.value]
    return lambda words: _mapping(tuple([words[key] for key in keys]), [value(words) for value in values])


def _number(node: yaml.Node, spans: dict[tuple[int, int], int]) -> int:
    number = (
        spans.pop((node.start_mark.index, node.end_mark.index), None) if isinstance(node, yaml.ScalarNode) else None
    )
    if number is None:
        raise _Unusual
    return number


def _flat(keys: Callable[[list[Any]], tuple[Any, ...]], values: Callable[[list[Any]], Sequence[Any]]) -> Form:
    return lambda words: _mapping(keys(words), values(words))


def _mapping(keys: tuple[Any, ...], values: Sequence[Any]) -> dict[str, Any]:
    if keys not in _keys:
        if len({*keys}) < len(keys) or {*map(type, keys)} - {str}:
            raise _Unusual  # a key given twice, or one that is not text
        if len(_keys) < _FORMS:
            _keys.add(keys)
    return dict(zip(keys, values, strict=True))


def _one(words: list[Any]) -> dict[str, Any]:
    if words[0].__class__ is not str:
        raise _Unusual
    return {words[0]: words[1]}
