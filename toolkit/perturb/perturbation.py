"""Perturbations as values: what each does, where it comes from, and where it is valid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, TypeAlias, get_args

from toolkit.errors import ToolkitError
from toolkit.languages import get_language
from toolkit.perturb import characters, sentences, words
from toolkit.perturb.fields import TEXTS
from toolkit.perturb.keyboards import LAYOUT_OF
from toolkit.perturb.text import NO_WORD_BOUNDARIES, Replacement, Span
from toolkit.registry import unknown
from toolkit.tasks.kinds import Kind

Scale = Literal["character", "word", "sentence"]
Need = Literal["", "lexicon", "partner"]
LEVELS: tuple[Scale, ...] = get_args(Scale)
_UNCUT = tuple(kind for kind, texts in TEXTS.items() if not texts.are_cut)
_CASED = ("Latin", "Greek", "Cyrillic", "Armenian")

Rearrange: TypeAlias = Callable[[str, Sequence[Span], Sequence[int], Random], list[Replacement]]


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """What is done to a row.

    Attributes:
        name: the name in commands and tables.
        level: `character`, `word` or `sentence`.
        definition: what it does, in one sentence; what strength counts, where it is not the share of words.
        source: where it was published.
        kinds: the kinds of task it can be applied to.
        scripts: the scripts it is valid in; empty: all.
        languages: the languages it is valid in; empty: all of its scripts.
        keeps_meaning: whether a reader would give the same answer. Where not, a fall of the score is not a fault of the model.
        needs: `lexicon` or `partner` where it needs more than the rows.
        edit: the edit within a word, of a character-level perturbation.
        rearrange: the edit to the words of a text, of a word-level one.
    """

    name: str
    level: Scale
    definition: str
    source: str
    kinds: tuple[Kind, ...] = tuple(TEXTS)
    scripts: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    keeps_meaning: bool = True
    needs: Need = ""
    edit: characters.Edit | None = field(default=None, repr=False)
    rearrange: Rearrange | None = field(default=None, repr=False)

    def why_not(self, kind: Kind, language: str) -> str | None:
        """Return why it cannot be applied to a kind of task in a language, or None where it can.

        Args:
            kind: `pair`, `choice`, `span`, `tags`, `bitext`, `mining` or `retrieval`.
            language: ISO 639-1 code.

        Example:
            >>> get_perturbation("case").why_not("pair", "th")
            "'case' is defined for Latin, Greek, Cyrillic, Armenian script; Thai is written in Thai"
        """
        spoken = get_language(language)
        if kind not in self.kinds:
            return f"'{self.name}' is defined for {', '.join(self.kinds)} tasks; this one is {kind}"
        if self.scripts and spoken.script not in self.scripts:
            return f"'{self.name}' is defined for {', '.join(self.scripts)} script; {spoken.name} is written in {spoken.script}"
        if self.languages and spoken.written not in self.languages:
            return f"'{self.name}' is defined for {', '.join(self.languages)}; not for {language} ({spoken.name})"
        if self.rearrange and not TEXTS[kind].are_cut and spoken.script in NO_WORD_BOUNDARIES:
            return f"'{self.name}' moves whole words; {spoken.script} script does not show where they end"
        if self.name == "romanise" and spoken.script == "Latin":
            return f"'{self.name}' writes in Latin letters; {spoken.name} already is"
        return None


_ALL = (
    Perturbation(
        name="swap", level="character", edit=characters.swap,
        definition="Two neighbouring characters of a word change places, inner ones in words of four or more.",
        source="Belinkov & Bisk 2018 (arXiv 1711.02173), Swap",
    ),
    Perturbation(
        name="delete", level="character", edit=characters.delete,
        definition="One character of a word is left out, an inner one in words of three or more.",
        source="Pruthi et al. 2019 (arXiv 1905.11268), Drop",
    ),
    Perturbation(
        name="insert", level="character", edit=characters.insert,
        definition="A letter drawn from the same text is put into a word.",
        source="Pruthi et al. 2019 (arXiv 1905.11268), Add",
    ),
    Perturbation(
        name="keyboard", level="character", edit=characters.keyboard, languages=tuple(sorted(LAYOUT_OF)),
        definition="One letter becomes one next to it on the language's keyboard.",
        source="Belinkov & Bisk 2018 (arXiv 1711.02173), Keyboard typo",
    ),
    Perturbation(
        name="homoglyph", level="character", edit=characters.homoglyph, scripts=("Latin", "Greek", "Cyrillic"),
        definition="One letter becomes one of another script that looks the same.",
        source="Boucher et al. 2022 (arXiv 2106.09898); Unicode Technical Standard 39",
    ),
    Perturbation(
        name="diacritics", level="character", edit=characters.drop_diacritics,
        scripts=("Latin", "Greek", "Cyrillic", "Arabic", "Hebrew"),
        definition="A word loses its accents, vowel points and strokes.",
        source="Náplava et al. 2021 (arXiv 2110.07428), diacritics",
    ),
    Perturbation(
        name="case", level="character", edit=characters.flip_case, scripts=_CASED,
        definition="A word in small letters is written in capitals, any other in small letters.",
        source="Náplava et al. 2021 (arXiv 2110.07428), casing",
    ),
    Perturbation(
        name="punctuation", level="character", edit=characters.punctuate,
        definition="The mark behind a word goes, or one comes where there was none.",
        source="Náplava et al. 2021 (arXiv 2110.07428), punctuation",
        kinds=_UNCUT,
    ),
    Perturbation(
        name="whitespace", level="character", edit=characters.move_space,
        definition="A word is cut in two, or joined with the next.",
        source="Náplava et al. 2021 (arXiv 2110.07428), spacing",
        kinds=_UNCUT,
    ),
    Perturbation(
        name="zero-width", level="character", edit=characters.insert_zero_width,
        definition="A zero-width space comes between two characters of a word.",
        source="Boucher et al. 2022 (arXiv 2106.09898), invisible characters",
    ),
    Perturbation(
        name="romanise", level="character", edit=characters.romanise,
        definition="A word is transliterated to Latin letters (library anyascii).",
        source="Muller et al. 2021 (arXiv 2010.12858)",
    ),
    Perturbation(
        name="code-switch", level="word", needs="lexicon",
        definition="A word becomes a translation of it in another language.",
        source="Qin et al. 2020, CoSDA-ML (arXiv 2006.06402)",
    ),
    Perturbation(
        name="word-drop", level="word", rearrange=words.drop, keeps_meaning=False,
        definition="Words are left out, never a word of negation and never the last one left.",
        source="Wei & Zou 2019, EDA (arXiv 1901.11196), random deletion",
    ),
    Perturbation(
        name="word-shuffle", level="word", rearrange=words.shuffle, keeps_meaning=False,
        definition="The chosen words change places with each other.",
        source="Wei & Zou 2019, EDA (arXiv 1901.11196), random swap",
    ),
    Perturbation(
        name="word-repeat", level="word", rearrange=words.repeat,
        definition="A word is said twice.",
        source="Ribeiro et al. 2020, CheckList (arXiv 2005.04118), of stuttered input",
    ),
    Perturbation(
        name="language-mix", level="sentence", needs="partner", kinds=("pair",),
        definition="The second sentence is the same row's in another language; strength is the share of rows.",
        source="Singh et al. 2019, XLDA (arXiv 1905.11471)",
    ),
    Perturbation(
        name="distractor", level="sentence", kinds=("span",),
        definition="A sentence that resembles the question, from another context, follows the context; strength is the share of rows.",
        source="Jia & Liang 2017 (arXiv 1707.07328), with found instead of written sentences",
    ),
    Perturbation(
        name="tautology", level="sentence", kinds=("pair",), languages=tuple(sorted(sentences.TAUTOLOGIES)),
        definition="The second sentence ends with 'and true is true'; strength is the share of rows.",
        source="Naik et al. 2018 (arXiv 1806.00692), word overlap",
    ),
    Perturbation(
        name="tautology-long", level="sentence", kinds=("pair",), languages=tuple(sorted(sentences.TAUTOLOGIES)),
        definition="The first sentence ends with 'and true is true' five times; strength is the share of rows.",
        source="Naik et al. 2018 (arXiv 1806.00692), length mismatch",
    ),
)  # fmt: skip

PERTURBATIONS: dict[str, Perturbation] = {each.name: each for each in _ALL}


def get_perturbation(name: str) -> Perturbation:
    """Return the perturbation with a name.

    Raises:
        ToolkitError: there is none; the message offers the nearest.
    """
    if name not in PERTURBATIONS:
        raise unknown("perturbation", name, PERTURBATIONS)
    return PERTURBATIONS[name]


def check_strength(strength: float) -> float:
    """Return a strength, or refuse one outside [0, 1]."""
    if not 0.0 <= strength <= 1.0:
        raise ToolkitError(
            f"Strength {strength} is outside [0, 1]; it is the share of words (or rows) that are changed."
        )
    return strength
