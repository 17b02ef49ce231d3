"""Languages of a composition that follows its rows: that of its training (`text.*/mnli` as `text.en/mnli`), and those that the zoo holds.

What a plan reads of them loads no torch.

See docs/decisions/0069-language-of-the-rows.md.
"""

from __future__ import annotations

from collections.abc import Callable

from toolkit.composition import ROWS, Composition, Name, parse
from toolkit.composition.exchange import in_language, languages_in, rows_trained_on
from toolkit.errors import ToolkitError
from toolkit.languages import filed_under, get_language
from toolkit.recipes.session.session import Session
from toolkit.tasks import Catalogue


def as_trained(composition: Composition, session: Session) -> Composition:
    """Return a composition as it is trained: with the language of the training rows in the place of `*`.

    Raises:
        ToolkitError: nothing in it is trained on top of `*`, or on rows in several languages.
    """
    if not composition.follows_rows:
        return composition
    language = home_language(composition, session)
    if language is None:
        leaf = next(name for name in composition.leaves() if name.language == ROWS)
        raise ToolkitError(
            f"Nothing in '{composition}' is trained on top of '{leaf}', so no training rows say its language; name the language, as in "
            f"'{in_language(composition, 'sw')}'."
        )
    return in_language(composition, language)


def home_language(composition: Composition, session: Session) -> str | None:
    """Return the language of the rows that a composition is trained on, on top of `*`; None where nothing is.

    Raises:
        ToolkitError: they are in several languages.
    """
    if session.config.adapter.kind == "full":
        raise ToolkitError(
            f"'{composition}' exchanges adapters below others, but `adapter: full` trains the whole encoder and has none; name the language."
        )
    return one_language(composition, lambda name: _language_of(name, composition, session))


def one_language(composition: Composition, language_of: Callable[[Name], str]) -> str | None:
    """Return the language of the rows of all that a composition trains on top of `*`, each by its name; None where that is nothing."""
    found: dict[str, Name] = {}
    for name in rows_trained_on(composition):
        found.setdefault(language_of(name), name)
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise ToolkitError(
            f"'{composition}' would be trained on rows in '{one}' ({first}) and in '{other}' ({second}), and everything on top of '*' is "
            "trained on the adapter of one language; name that language in the place of '*', or train on rows in one."
        )
    return next(iter(found), None)


def language_of(name: Name, catalogue: Catalogue) -> str:
    """Return the language of the rows that a task's name is trained on, as a composition spells it."""
    if name.language is not None:
        return name.language
    return catalogue.source_task(catalogue.get(name.name)).resolve_language(None).lower()


def held_languages(composition: Composition, session: Session) -> dict[str, tuple[str, ...]]:
    """Return the languages for which the zoo holds all that a composition exchanges, with the entries that are put in."""
    return languages_in(composition, [card.name for card in session.zoo.list(session.shelf, damaged=[])])


def following(composition: Composition, session: Session) -> list[str]:
    """Return what a plan says of a composition that follows the language of its rows, as lines; of another one nothing."""
    if not composition.follows_rows:
        return []
    held = [", ".join(entries) for entries in held_languages(composition, session).values()]
    return [
        f"'{composition}' is trained as '{as_trained(composition, session)}', and scored with the adapter of each language in the place "
        "of that of the training rows.",
        f"Language adapters in the zoo: {'; '.join(held) or 'none yet'}.",
    ]


def spelled_as(language: str) -> tuple[str, ...]:
    """Return the codes by which the adapter of a language of rows may be named, the nearest first.

    Example:
        >>> spelled_as("zh-Hant"), spelled_as("quy"), spelled_as("de.en")
        (('zh-hant', 'zh'), ('quy', 'qu'), ('de',))
    """
    code = language.partition(".")[0]
    found = (code, filed_under(code), code.partition("-")[0])
    return tuple(dict.fromkeys(each.lower() for each in found))


def _language_of(name: Name, composition: Composition, session: Session) -> str:
    """Return the language of the rows that a name is trained on; of a variant, that of the entry which the zoo holds."""
    catalogue = session.catalogue
    if name.language is not None or name.name in catalogue:
        return language_of(name, catalogue)
    stars = {each.name for each in composition.leaves() if each.language == ROWS}
    for card in session.zoo.list(session.shelf, damaged=[]):
        for leaf in parse(card.name).leaves():
            whole = in_language(composition, leaf.language) if leaf.language and leaf.name in stars else None
            if whole is not None and name in parse(card.name).leaves() and card.name in whole.entries:
                return leaf.language or ""
    catalogue.get(name.name)  # raises: a slip
    raise AssertionError(name)


def several(composition: Composition, session: Session) -> str:
    """Return the sentence for a journey that takes one language and gets a composition that takes any.

    It names the entry that the composition is trained as: with another language it would be one that was trained apart.
    """
    language = home_language(composition, session) or next(iter(held_languages(composition, session)), "sw")
    return (
        f"'{composition}' takes the adapter of the language that its rows are in, and here a composition in one language is needed; write "
        f"the language in the place of '{ROWS}', as in '{in_language(composition, language)}'."
    )


def named(composition: Composition, language: str | None) -> str:
    """Return the code of the language that a composition which follows its rows is used in.

    Raises:
        ToolkitError: none is given, or it is unknown.
    """
    if language is None:
        raise ToolkitError(
            f"'{composition}' takes the adapter of the language that its rows are in; name that language "
            "(`--language CODE`, from Python `language=`)."
        )
    return get_language(language).code
