"""Perturb rows: the same seed, the same rows; strength 0, the rows as they were.

Every row has a random generator of its own, made from seed, perturbation, language and the row's id, so neither the order nor the
number of the rows matters. Which words are changed is drawn before how, in one order for all strengths: what is changed at
0.1 is changed at 0.2 too.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import cast

from toolkit.errors import DataError, ToolkitError
from toolkit.perturb import sentences
from toolkit.perturb.characters import Place
from toolkit.perturb.fields import fields_of
from toolkit.perturb.lexicon import Lexicon
from toolkit.perturb.negation import is_negation
from toolkit.perturb.perturbation import Perturbation, check_strength, get_perturbation
from toolkit.perturb.text import Replacement, Span, words
from toolkit.perturb.text import replace as carry_out
from toolkit.perturb.words import find, switch
from toolkit.tasks import Answer, PairRow, Row, Rows, SentenceRow, SpanRow, TagsRow
from toolkit.tasks.chunks import chunk_reader, continues


def perturb(
    rows: Rows,
    perturbation: str | Perturbation,
    *,
    strength: float,
    seed: int,
    fields: Sequence[str] | None = None,
    lexicons: Sequence[Lexicon] = (),
    partner: Rows | None = None,
) -> Rows:
    """Return the rows perturbed; labels and answers stay right.

    Args:
        rows: rows of any kind but `mining` corpora of which only the pairs are known.
        perturbation: its name, or the value.
        strength: in [0, 1]: the share of words, of a sentence-level perturbation the share of rows. Texts get whole numbers of
            changes whose mean is that share. Where fewer words can be changed than asked for, all of those are.
        seed: any integer.
        fields: the row's text fields that are perturbed; default `FIELDS` of the kind. Of bitext and mining: `source` or `target`.
        lexicons: for `code-switch`: from the rows' language; of several each word takes one at random.
        partner: for `language-mix`: the same rows in another language.

    Raises:
        ToolkitError: a perturbation that is not defined for the kind, script or language; a strength outside [0, 1]; an unknown
            field; a lexicon or partner that is missing or of another language.
    """
    made = get_perturbation(perturbation) if isinstance(perturbation, str) else perturbation
    check_strength(strength)
    kind = rows.task.kind
    chosen = fields_of(kind, fields)
    for name in chosen:
        reason = made.why_not(kind, _language(rows, name))
        if reason:
            raise ToolkitError(f"{reason}.")
    if made.needs == "lexicon":
        _check_lexicons(made, lexicons, rows, chosen)
    origin = f"{rows.origin}; {made.name} {strength:g} of {'+'.join(chosen)}, seed {seed}"
    if made.needs == "lexicon":
        origin += f", lexicon {' '.join(lexicon.origin for lexicon in lexicons)}"
    if made.level == "sentence":
        changed = _change_rows(rows, made, strength, seed, partner)
    else:
        changed = tuple(
            _change_words(row, rows, made, strength, row_rng(seed, made.name, rows.language, row.id), chosen, lexicons)
            for row in rows
        )
    return rows.holding(changed, origin)


def row_rng(seed: int, name: str, language: str, row_id: str) -> Random:
    text = f"{seed}\0{name}\0{language}\0{row_id}".encode("utf-8", "surrogatepass")
    return Random(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()))


def share(strength: float, n: int, rng: Random) -> int:
    """Return how many of `n` are changed: a whole number whose mean is `strength * n`; it grows with strength."""
    return int(strength * n + rng.random()) if strength < 1 else n


def _change_rows(rows: Rows, made: Perturbation, strength: float, seed: int, partner: Rows | None) -> tuple[Row, ...]:
    place = f"{rows.task.name} {rows.language}"
    every = list(rows)
    said = sentences.translations(partner, place) if made.name == "language-mix" else {}  # type: ignore[arg-type]
    if made.name == "language-mix" and not any(row.id in said for row in every):
        raise DataError(f"{place}: no row has an id that the other language has too, so none can be mixed.")
    changed: list[Row] = []
    for row in every:
        rng = row_rng(seed, made.name, rows.language, row.id)
        if rng.random() >= strength:
            changed.append(row)
        elif made.name == "language-mix":
            # PAWS-X lacks some rows in some languages; what has no translation stays as it is.
            other = said.get(row.id)
            changed.append(sentences.mix_languages(cast(PairRow, row), other, place) if other else row)
        elif made.name == "distractor":
            language = _language(rows, "context")
            changed.append(sentences.add_distractor(cast(SpanRow, row), cast(list[SpanRow], every), language, rng))
        else:
            pair = cast(PairRow, row)
            field, times = ("first", 5) if made.name == "tautology-long" else ("second", 1)
            field = "first" if pair.second is None else field
            changed.append(sentences.add_tautology(pair, rows.language, field=field, times=times))
    return tuple(changed)


def _change_words(
    row: Row,
    rows: Rows,
    made: Perturbation,
    strength: float,
    rng: Random,
    fields: Sequence[str],
    lexicons: Sequence[Lexicon],
) -> Row:
    if isinstance(row, TagsRow):
        return _change_tokens(row, rows, made, strength, rng, lexicons)
    if isinstance(row, SentenceRow):
        if row.side not in fields:
            return row
        return replace(row, text=_change_text(row.text, (), rows.language, made, strength, rng, lexicons)[0])
    for name in fields:
        text, language = getattr(row, name), _language(rows, name)
        if text is None:
            continue  # a row of one text
        if isinstance(row, SpanRow) and name == "context":
            answers = tuple(dict.fromkeys(Span(a.start, a.start + len(a.text)) for a in row.answers))
            text, moved = _change_text(text, answers, language, made, strength, rng, lexicons)
            now = dict(zip(answers, moved, strict=True))
            row = replace(
                row,
                context=text,
                answers=tuple(Answer(a.text, now[Span(a.start, a.start + len(a.text))].start) for a in row.answers),
            )
        else:
            text, _ = _change_text(text, (), language, made, strength, rng, lexicons)
            row = replace(row, **{name: text})  # type: ignore[arg-type]  # the row's class has the field: `_fields`
    return row


def _change_text(
    text: str,
    kept: Sequence[Span],
    language: str,
    made: Perturbation,
    strength: float,
    rng: Random,
    lexicons: Sequence[Lexicon],
) -> tuple[str, tuple[Span, ...]]:
    """Return a text changed everywhere but in the kept parts, and their places in it."""
    every = _words(text, made, lexicons)
    found = [word for word in every if not any(word.meets(part) for part in kept)]
    if made.name == "word-drop":
        found = [word for word in found if not is_negation(text[word.start : word.end], language)]
    order = sorted(range(len(found)), key=[rng.random() for _ in found].__getitem__)
    n = share(strength, len(found), rng)
    if n == 0:
        return text, tuple(kept)
    if made.rearrange:
        return carry_out(text, made.rearrange(text, found, order[:n], rng), kept)
    ends = sorted([word.start for word in every] + [part.start for part in kept] + [len(text)])
    replacements: list[Replacement] = []
    for position in order:
        if len(replacements) == n:
            break
        word = found[position]
        end = ends[bisect_left(ends, word.end)]
        place = Place(text[word.end : end], language, _letters(text))
        edited = _edit(text[word.start : word.end], place, rng, made, lexicons)
        if edited:
            replacements.append(Replacement(word.start, end, "".join(edited)))
    return carry_out(text, replacements, kept)


def _words(text: str, made: Perturbation, lexicons: Sequence[Lexicon]) -> list[Span]:
    if made.needs == "lexicon":
        return find(text, lexicons)
    return words(text, single=made.rearrange is not None)


def _edit(
    word: str, place: Place, rng: Random, made: Perturbation, lexicons: Sequence[Lexicon]
) -> tuple[str, str] | None:
    if made.edit is not None:
        return made.edit(word, place, rng)
    said = switch(word, lexicons, rng)
    return None if said is None else (said, place.after)


def _change_tokens(
    row: TagsRow, rows: Rows, made: Perturbation, strength: float, rng: Random, lexicons: Sequence[Lexicon]
) -> TagsRow:
    """Return a row of tokens changed one by one, or whole units moved with their tags; every token keeps its tag."""
    if made.rearrange:
        return _change_units(row, rows.task.labels, made.name, strength, rng, rows.language)
    tokens = list(row.tokens)
    order = sorted(range(len(tokens)), key=[rng.random() for _ in tokens].__getitem__)
    n, done = share(strength, len(tokens), rng), 0
    letters = _letters("".join(tokens))
    for position in order:
        if done == n:
            break
        token = tokens[position]
        for word in _words(token, made, lexicons):
            place = Place("", rows.language, letters, can_move_spaces=False)
            edited = _edit(token[word.start : word.end], place, rng, made, lexicons)
            changed = token[: word.start] + edited[0] + token[word.end :] if edited else ""
            # A translation of two words would be two tokens.
            if changed and not any(c.isspace() for c in changed):
                tokens[position] = changed
                done += 1
                break
    return replace(row, tokens=tuple(tokens))


def _change_units(
    row: TagsRow, labels: Sequence[str], name: str, strength: float, rng: Random, language: str
) -> TagsRow:
    """Drop, shuffle or repeat the units of a row: tokens, with the tokens of a chunk (B-X I-X ...) as one."""
    units: list[list[tuple[str, int]]] = []
    read = chunk_reader(labels)
    for token, tag in zip(row.tokens, row.tags, strict=True):
        label = labels[tag] if tag >= 0 else ""
        if units and label and continues(label, read):
            units[-1].append((token, tag))
        else:
            units.append([(token, tag)])
    found = [i for i, unit in enumerate(units) if not (name == "word-drop" and is_negation(unit[0][0], language))]
    order = sorted(found, key=dict(zip(found, [rng.random() for _ in found], strict=True)).__getitem__)
    chosen = order[: share(strength, len(found), rng)]
    if name == "word-drop":
        gone = set(chosen[: len(units) - 1])
        units = [unit for i, unit in enumerate(units) if i not in gone]
    elif name == "word-repeat":
        twice = set(chosen)
        units = [each for i, unit in enumerate(units) for each in ([unit, unit] if i in twice else [unit])]
    elif len(chosen) > 1:
        moved = [units[i] for i in [*chosen[1:], chosen[0]]]
        for i, unit in zip(chosen, moved, strict=True):
            units[i] = unit
    pairs = [pair for unit in units for pair in unit]
    return replace(row, tokens=tuple(token for token, _ in pairs), tags=tuple(tag for _, tag in pairs))


@lru_cache(maxsize=8)
def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalpha())


def _language(rows: Rows, field: str) -> str:
    """Return the language of a field: of `de.en` the context is German and the question English; targets are English."""
    context, _, question = rows.language.partition(".")
    if field == "target":
        return "en"
    return question if question and field == "question" else context


def _check_lexicons(made: Perturbation, lexicons: Sequence[Lexicon], rows: Rows, fields: Sequence[str]) -> None:
    spoken = {_language(rows, name) for name in fields}
    if not lexicons:
        raise ToolkitError(
            f"'{made.name}' needs a lexicon from {', '.join(sorted(spoken))}; name a folder of them with --lexicons."
        )
    for lexicon in lexicons:
        if spoken != {lexicon.source}:
            raise ToolkitError(
                f"The lexicon {lexicon.origin} translates from {lexicon.source}; the rows are in {', '.join(sorted(spoken))}."
            )
