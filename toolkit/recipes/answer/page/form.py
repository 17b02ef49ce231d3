"""Fields of the page: text boxes for the row of a task, filled by hand or by an example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nicegui import ui

from toolkit.errors import ToolkitError
from toolkit.recipes.answer.page.desk import CHARACTERS, TEXTS
from toolkit.recipes.answer.page.examples import Example, examples_of, fields_of
from toolkit.tasks import Task
from toolkit.tasks.own.fields import OwnField

_FEWEST, _MOST, _FIRST = 2, 10, 3  # choices
_KEPT = 4 * CHARACTERS  # of a text that is pasted: more than is read, which is said, and less than a message may hold
_SMALL = "flat dense no-caps size=0.85rem"  # of buttons
_WORDS = {"tokens": "sentence", "text": "text with <mask> for each piece that is missing"}
_LONG = {"context", "texts"}  # fields of several lines


@dataclass(frozen=True)
class _Box:
    """A field: its words, whether it may not be empty, and its text areas (several for choices)."""

    words: str
    is_needed: bool
    areas: list[ui.textarea]


class Form:
    """Text boxes for one row of a task.

    Args:
        task: whose row; None: texts that are compared.
        ask: called by Ctrl+Enter.
    """

    def __init__(self, task: Task | None, ask: Callable[[], object]) -> None:
        self.task, self._ask = task, ask
        self._boxes: dict[str, _Box] = {}
        self._choices: ui.column | None = None
        self.language = self._language()
        if task is None:
            self._add("texts", f"texts, one a line (2 to {TEXTS})", is_needed=True)
        for field in fields_of(task, task.train_language) if task is not None else ():
            if field.name == "choices":
                self._add_choices(field)
            else:
                self._add(field.name, _WORDS.get(field.name, field.words), is_needed=field.is_needed)
        with ui.row().classes("examples").props('role="group" aria-label="examples"'):
            for example in examples_of(task):
                ui.button(example.words, on_click=lambda each=example: self.fill(each), color=None).props(_SMALL)

    def _language(self) -> ui.select:
        task = self.task
        codes = [] if task is None else [task.train_language, *task.languages]
        options = list(dict.fromkeys(code for code in codes if "." not in code))
        chosen = ui.select(
            options,
            value=options[0] if options else None,
            label="language of the text",
            with_input=True,
            new_value_mode="add-unique",
        ).props('outlined dense aria-label="language of the text"')
        chosen.classes("narrow").set_visibility(task is not None)
        return chosen

    def _area(self, words: str, *, rows: int) -> ui.textarea:
        area = ui.textarea(words).props(
            f'outlined autogrow dir=auto maxlength={_KEPT} rows={rows} input-style="min-height:{rows * 1.5}rem"'
        )
        area.classes("full").on("keydown.ctrl.enter", lambda: self._ask())
        area.on("keydown.meta.enter", lambda: self._ask())
        return area

    def _add(self, name: str, words: str, *, is_needed: bool) -> None:
        shown = words if is_needed else f"{words} (may be empty)"
        self._boxes[name] = _Box(words, is_needed, [self._area(shown, rows=4 if name in _LONG else 2)])

    def _add_choices(self, field: OwnField) -> None:
        first = field.columns[0]
        box = self._boxes["choices"] = _Box("choices", True, [])
        self._choices = ui.column().classes("full")
        self._show_choices(box, _FIRST if isinstance(first, str) else len(first))
        with ui.row():
            more = ui.button(
                "one more choice", on_click=lambda: self._show_choices(box, len(box.areas) + 1), color=None
            )
            fewer = ui.button(
                "one choice less", on_click=lambda: self._show_choices(box, len(box.areas) - 1), color=None
            )
            for button in (more, fewer):
                button.props(_SMALL)

    def _show_choices(self, box: _Box, n: int) -> None:
        n = max(_FEWEST, min(_MOST, n))
        while len(box.areas) > n:
            box.areas.pop().delete()
        assert self._choices is not None
        with self._choices:
            while len(box.areas) < n:
                box.areas.append(self._area(f"choice {len(box.areas) + 1}", rows=1))

    def fill(self, example: Example) -> None:
        """Put an example into the boxes; a box that it has no text for is emptied."""
        for name, box in self._boxes.items():
            texts = example.values.get(name, "")
            if not isinstance(texts, str):
                self._show_choices(box, len(texts))
            for area, text in zip(box.areas, [texts] if isinstance(texts, str) else texts, strict=False):
                area.set_value(text)
        if example.language in self.language.options:
            self.language.set_value(example.language)

    def values(self) -> Mapping[str, str | Sequence[str]]:
        """Return the texts by field.

        Raises:
            ToolkitError: one that is needed is empty.
        """
        found: dict[str, str | Sequence[str]] = {}
        for name, box in self._boxes.items():
            texts = [area.value or "" for area in box.areas]
            n_whole = sum(bool(text.strip()) for text in texts)
            if box.is_needed and n_whole < (_FEWEST if name == "choices" else 1):
                what = f"at least {_FEWEST} choices" if name == "choices" else f"a text in '{box.words}'"
                raise ToolkitError(f"Write {what}, or take one of the examples.")
            found[name] = texts if name == "choices" else texts[0]
        return found
