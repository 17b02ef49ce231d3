"""Examples for the page's fields: texts of our own in several languages, or rows that a task's generator makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.tasks import Task
from toolkit.tasks.kinds import Kind
from toolkit.tasks.own.convert import MASK
from toolkit.tasks.own.fields import OwnField, own_fields

Values = Mapping[str, str | tuple[str, ...]]
"""Texts by the name of the field."""


@dataclass(frozen=True)
class Example:
    """A row to try.

    Attributes:
        language: its code.
        values: texts by field.
    """

    language: str
    values: Values

    @property
    def words(self) -> str:
        """Its language and its beginning, for a button."""
        first = next(iter(self.values.values()))
        text = first if isinstance(first, str) else first[0]
        return f"{self.language}: {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}"


_SHOWN = 36  # characters
_ORDER = ("context", "question", "choices")
_GENERATED = ("en", "de", "ar")

# Of pairs, the first holds for every task of two texts; a task of one text takes the first of them.
EXAMPLES: Mapping[Kind, tuple[Example, ...]] = {
    "pair": (
        Example(
            "en",
            {"first": "The old bridge was closed for repairs all summer.", "second": "Nobody drove over it in July."},
        ),
        Example(
            "de",
            {"first": "Der Zug nach Ulm fährt heute erst um neun ab.", "second": "Der Zug nach Ulm hat Verspätung."},
        ),
        Example("es", {"first": "Mi hermana cocina mejor que yo.", "second": "Mi hermana no sabe cocinar."}),
        Example("zh", {"first": "图书馆每天八点开门。", "second": "图书馆早上开门。"}),
    ),
    "choice": (
        Example(
            "en",
            {
                "context": "Mara watered the seeds every morning for three weeks.",
                "question": "What happened as a result?",
                "choices": ("Small green leaves came up.", "She sold her umbrella.", "The kettle boiled."),
            },
        ),
        Example(
            "de",
            {
                "context": "Jonas hat seinen Schlüssel im Büro vergessen.",
                "question": "Was ist die Folge?",
                "choices": ("Er kommt nicht in seine Wohnung.", "Er lernt ein Gedicht.", "Der Kaffee ist kalt."),
            },
        ),
    ),
    "span": (
        Example(
            "en",
            {
                "question": "Who built the mill?",
                "context": "The mill at the river was built in 1764 by the carpenter Anna Holt, who ran it until her death.",
            },
        ),
        Example(
            "de",
            {
                "question": "Wann wurde die Mühle gebaut?",
                "context": "Die Mühle am Fluss wurde 1764 von der Zimmerin Anna Holt gebaut, die sie bis zu ihrem Tod führte.",
            },
        ),
        Example(
            "es",
            {
                "question": "¿Dónde está el molino?",
                "context": "El molino, que Anna Holt construyó en 1764, está junto al río, a dos horas de la ciudad.",
            },
        ),
    ),
    "tags": (
        Example("en", {"tokens": "Anna Holt took the early train from Leeds to London in March."}),
        Example("de", {"tokens": "Anna Holt fuhr im März mit dem frühen Zug von Ulm nach Berlin."}),
        Example("es", {"tokens": "Anna Holt viajó en marzo de Sevilla a Madrid en el primer tren."}),
        Example("ar", {"tokens": "سافرت آنا من القاهرة إلى بيروت في الصباح."}),
    ),
    "text": (
        Example("en", {"text": "The old bridge was closed for <mask> all summer."}),
        Example("de", {"text": "Der Zug nach Ulm fährt <mask> erst um neun ab."}),
        Example("es", {"text": "Mi hermana <mask> mejor que yo."}),
        Example("sw", {"text": "Mji mkuu wa Kenya ni <mask>."}),
    ),
}
TEXTS = (
    Example("en", {"texts": "The cat sleeps on the roof.\nDie Katze schläft auf dem Dach.\nTaxes rise next year."}),
    Example("es", {"texts": "El mercado abre los sábados.\nThe market is open on Saturdays.\nEl perro ladra."}),
)
"""Examples of texts to compare, a text a line."""


def fields_of(task: Task, language: str) -> tuple[OwnField, ...]:
    """Return the fields of a task's rows in the order in which a person writes them."""
    found = own_fields(task, language)
    return tuple(sorted(found, key=lambda each: _ORDER.index(each.name) if each.name in _ORDER else len(_ORDER)))


def examples_of(task: Task | None) -> tuple[Example, ...]:
    """Return examples of a task's rows; None: texts to compare. Rows of data sets are never among them."""
    if task is None:
        return TEXTS
    if task.is_generated:
        return tuple(_generated(task, code) for code in _GENERATED if code in task.languages)
    known = [each.name for each in fields_of(task, task.train_language)]
    kept = [{name: each.values[name] for name in known if name in each.values} for each in EXAMPLES[task.kind]]
    return tuple(
        Example(each.language, values) for each, values in zip(EXAMPLES[task.kind], kept, strict=True) if values
    )


def _generated(task: Task, language: str) -> Example:
    split = "train" if "train" in task.splits else task.splits[0]
    row = task.rows(split, language, limit=1)[0]
    values: dict[str, str | tuple[str, ...]] = {}
    for field in fields_of(task, language):
        found = getattr(row, field.name)
        if field.name == "tokens":
            values[field.name] = " ".join(found)
        elif field.name == "text":  # its last word is what is missing
            values[field.name] = f"{found.rpartition(' ')[0]} {MASK}"
        elif found:
            values[field.name] = found
    return Example(language, values)
