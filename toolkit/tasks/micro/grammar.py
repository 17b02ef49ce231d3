"""Grammar of the micro-world: a fact becomes a sentence in any of its languages, token by token.

Format of the tables in `lexicon/`:

- `frame = ...` is a sentence frame. `{p}` stands for the phrase that fills slot `p`, `{a.one}` for its form `one`
  (`base` if none is named); everything else is `text/TAG`, with bare punctuation.
- `[p NOUN: base one]` opens the phrases of slot `p`: their tokens are NOUNs unless another tag is written, and the
  forms of each follow its key, parted by `;`.
- `rot|rote|rotes` offers one text per agreement class. `~t` after a slot or token makes it agree with what fills
  slot `t`; the class is the letter after that phrase's key (`bag f ; Tasche`), numbered as `genders` or `classes` say.
- `*` marks the tokens that answer a question where adpositions and determiners are not all there is to leave out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module

LANGUAGES = ("en", "ar", "de", "el", "es", "fr", "hi", "ru", "sw", "tr", "zh")

_PUNCTUATION = frozenset([".", "?", "¿", "؟", "।", "。", "？", ";"])


@dataclass(frozen=True, slots=True)
class Fact:
    """A frame and what fills its slots: `Fact("at", (("x", "anna"), ("p", "kitchen")))`, or shorter `fact(...)`."""

    frame: str
    slots: tuple[tuple[str, str], ...]

    def __getitem__(self, slot: str) -> str:
        for name, key in self.slots:
            if name == slot:
                return key
        raise KeyError(slot)

    def get(self, slot: str) -> str | None:
        """Return what fills the slot, or None if the frame does not have it."""
        return dict(self.slots).get(slot)

    def replace(self, slot: str, key: str) -> Fact:
        """Return the same fact with another filler."""
        return Fact(self.frame, tuple((name, key if name == slot else old) for name, old in self.slots))


def fact(frame: str, **slots: str) -> Fact:
    """Return a Fact; the slots keep the order they are given in.

    Example:
        >>> realise("de", fact("at", x="anna", p="kitchen")).text
        'Anna ist in der Küche.'
    """
    return Fact(frame, tuple(slots.items()))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence.

    Attributes:
        text: as it is written.
        tokens: its words and punctuation.
        tags: their UPOS tags.
        spans: for each slot, where its answering words begin and end in `text`, in characters.
    """

    text: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    spans: dict[str, tuple[int, int]]

    def answer(self, slot: str) -> str:
        """Return the words that answer a question for the slot."""
        start, end = self.spans[slot]
        return self.text[start:end]


@dataclass(frozen=True, slots=True)
class _Word:
    """A token of a frame or phrase: its text in each agreement class, and the slot it agrees with."""

    texts: tuple[str, ...]
    tag: str
    is_answer: bool = False
    agrees: str = ""


@dataclass(frozen=True, slots=True)
class _Slot:
    """A slot of a frame."""

    name: str
    form: str
    agrees: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    forms: dict[str, tuple[_Word, ...]]
    agreement: int


class Grammar:
    """One language's frames and phrases, parsed."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.has_spaces = True
        self._apart: frozenset[str] = frozenset()
        self._classes: dict[str, int] = {}
        self._frames: dict[str, tuple[_Word | _Slot, ...]] = {}
        self._phrases: dict[str, dict[str, _Phrase]] = {}
        self._parse(import_module(f"toolkit.tasks.micro.lexicon.{language}").TEXT)

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of all frames."""
        return tuple(self._frames)

    def keys(self, slot: str) -> tuple[str, ...]:
        """Keys of all phrases that can fill a slot."""
        return tuple(self._phrases[slot])

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of all slots."""
        return tuple(self._phrases)

    def words(self, slot: str, key: str) -> dict[str, str]:
        """Return the word that carries the meaning in each form of a phrase, where that is one word that never changes."""
        phrase = self._phrases[slot].get(key)
        told = {
            name: [word for word in form if word.is_answer] for name, form in (phrase.forms if phrase else {}).items()
        }
        return {name: words[0].texts[0] for name, words in told.items() if len(words) == 1 and len(words[0].texts) == 1}

    def realise(self, fact: Fact) -> Sentence:
        """Return the sentence that states the fact."""
        slots = dict(fact.slots)
        tokens: list[str] = []
        tags: list[str] = []
        roles: list[str] = []
        for word, role, agreement in self._words(fact.frame, slots):
            tokens.append(word.texts[agreement if len(word.texts) > 1 else 0])
            tags.append(word.tag)
            roles.append(role)
        first = tokens[0]
        if first[0] == "i" and self.language == "tr":  # Turkish i keeps its dot
            tokens[0] = "İ" + first[1:]
        else:
            tokens[0] = first[0].upper() + first[1:]
        if tokens[0] == "¿":
            tokens[1] = tokens[1][0].upper() + tokens[1][1:]
        text, starts = self._join(tokens)
        spans: dict[str, tuple[int, int]] = {}
        for token, role, start in zip(tokens, roles, starts, strict=True):
            if role:
                spans[role] = (spans[role][0] if role in spans else start, start + len(token))
        return Sentence(text, tuple(tokens), tuple(tags), spans)

    def _words(self, frame: str, slots: dict[str, str]) -> Iterator[tuple[_Word, str, int]]:
        """Yield every word, the slot whose question it answers (or nothing), and its agreement class."""
        agreement = {name: self._phrases[name][key].agreement for name, key in slots.items()}
        for part in self._frames[frame]:
            if isinstance(part, _Word):
                yield part, "", agreement[part.agrees] if part.agrees else 0
                continue
            for word in self._phrases[part.name][slots[part.name]].forms[part.form]:
                yield word, part.name if word.is_answer else "", agreement[part.agrees] if part.agrees else 0

    def _join(self, tokens: list[str]) -> tuple[str, list[int]]:
        text = ""
        starts = []
        is_glued = True
        for token in tokens:
            is_close = token in _PUNCTUATION and token not in self._apart
            if not (is_glued or is_close or token.startswith("'") or not self.has_spaces):
                text += " "
            starts.append(len(text))
            text += token
            is_glued = token == "¿" or token.endswith("'")
        return text, starts

    def _parse(self, text: str) -> None:
        slot = tag = ""
        names: list[str] = []
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("["):
                head, _, listed = line.strip("[]").partition(":")
                slot, tag = head.split()
                names = listed.split()
                self._phrases[slot] = {}
            elif slot:
                head, *forms = line.split(" ; ")
                key, *letter = head.split()
                if len(forms) != len(names):
                    raise ValueError(f"{self.language}: {line!r} has {len(forms)} forms; expected {', '.join(names)}")
                words = {name: _phrase(form, tag) for name, form in zip(names, forms, strict=True)}
                self._phrases[slot][key] = _Phrase(words, self._classes[letter[0]] if letter else 0)
            else:
                name, value = line.split(" = ")
                if name in ("genders", "classes"):
                    self._classes |= {letter: number for number, letter in enumerate(value.split())}
                elif name == "spaces":
                    self.has_spaces = value != "no"
                elif name == "apart":
                    self._apart = frozenset(value.split())
                else:
                    self._frames[name] = tuple(map(_part, value.split()))


@cache
def grammar(language: str) -> Grammar:
    """Return the grammar of a language of `LANGUAGES`."""
    return Grammar(language)


@lru_cache(maxsize=1 << 16)  # rows say the same few thousand facts again and again
def realise(language: str, fact: Fact) -> Sentence:
    """Return the sentence that states the fact in the language."""
    return grammar(language).realise(fact)


def _part(text: str) -> _Word | _Slot:
    if text.startswith("{"):
        name, _, agrees = text.strip("{}").partition("~")
        name, _, form = name.partition(".")
        return _Slot(name, form or "base", agrees)
    if text in _PUNCTUATION:
        return _Word((text,), "PUNCT")
    text, _, agrees = text.partition("~")
    alternatives, tag = text.rsplit("/", 1)
    return _Word(tuple(alternatives.split("|")), tag, False, agrees)


def _phrase(form: str, default: str) -> tuple[_Word, ...]:
    words = []
    for text in form.split():
        alternatives, _, tag = text.partition("/")
        words.append(_Word(tuple(alternatives.lstrip("*").split("|")), tag or default, text.startswith("*")))
    if not any(word.is_answer for word in words):
        words = [_Word(word.texts, word.tag, word.tag not in ("ADP", "DET", "PART")) for word in words]
    return tuple(words)
