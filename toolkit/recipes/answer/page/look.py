"""The page itself, for one client: a chooser, a form, and the answers next to each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from typing import TypeVar

from nicegui import ui

from toolkit.errors import ToolkitError
from toolkit.recipes.answer.page.desk import Desk, Question, Reply
from toolkit.recipes.answer.page.form import Form
from toolkit.recipes.answer.page.offers import Offer
from toolkit.report.answered import STYLE, answer_html, cosines_html, fault_html, grid_html, notes_html
from toolkit.safe_text import html_text, one_line

T = TypeVar("T")
SIDE_BY_SIDE = 6
"""Compositions that answer one question, at most."""
_OPTIONS = 2000  # entries that the chooser lists; others are typed
_COMPARE = "texts: vectors and their cosines"
_log = logging.getLogger(__name__)


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns in a thread of its own, which does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error is not None else done.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except BaseException as found:  # raised where it is waited for
            error = found
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, error)

    Thread(target=run, daemon=True, name="question").start()
    return await done


class Look:
    """The elements of one client's page, and what they do.

    Args:
        desk: answers.
        chosen: compositions that are chosen at first.
    """

    def __init__(self, desk: Desk, chosen: Sequence[str]) -> None:
        self.desk, self.first = desk, tuple(chosen)
        self.offer = Offer((), {})
        self.form: Form | None = None
        self.is_busy = False
        ui.colors(primary="#14866c")
        ui.add_css(STYLE.read_text(encoding="utf-8") + _LAYOUT)
        with ui.element("main").classes("try"):
            with ui.element("header"):
                ui.html("Try trained compositions", tag="h1", sanitize=False)
                ui.label("Write a row, choose who answers it, and compare the answers.").classes("lead")
            with ui.element("section").props('aria-label="who answers"'):
                self._build_choosers()
            with ui.element("section").props('aria-label="what is asked"'):
                self.fields = ui.column().classes("full")
                with ui.row().classes("asking"):
                    self.button = (
                        ui.button("Ask", on_click=self.ask, color=None).props("unelevated no-caps").classes("main")
                    )
                    ui.label("or Ctrl+Enter in a text box").classes("soft")
            self.status = ui.label("").classes("soft").props('role="status" aria-live="polite"')
            self.replies = ui.element("div").classes("replies").props('aria-label="answers" role="region"')
        ui.timer(0, self.begin, once=True)

    def _build_choosers(self) -> None:
        with ui.element("div").classes("choosers"):
            self.backbone = _select("backbone", on_change=self.change_backbone)
            self.task = _select("task", on_change=self.change_task, with_input=True)
        self.chosen = _select(
            f"compositions (up to {SIDE_BY_SIDE})", on_change=self.clear_fault, multiple=True, with_input=True
        )
        self.chosen.props("use-chips")
        with ui.row().classes("typing"):
            self.typed = ui.input("another composition, e.g. fuse[mnli,squad]/udpos").props("outlined dense")
            self.typed.classes("grow").on("keydown.enter", self.add_typed)
            ui.button("Add", on_click=self.add_typed, color=None).props("outline no-caps")
        self.fault = ui.html("", sanitize=False).props('role="alert"')

    # -- choosing -----------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Read the zoo, which may take seconds, and fill the choosers."""
        self.status.set_text("Reading the zoo …")
        try:
            names = await in_thread(self.desk.backbones)
            self.backbone.set_options(list(names), value=names[0])
        except ToolkitError as fault:
            self.say_fault(str(fault))
        self.status.set_text("")

    async def change_backbone(self) -> None:
        """Offer what the zoo has for the backbone."""
        try:
            self.offer = await in_thread(lambda: self.desk.offer(self.backbone.value))
        except ToolkitError as fault:
            self.say_fault(str(fault))
            return
        tasks = {name: one_line(self._task_words(name)) for name in self.offer.tasks} | {"": _COMPARE}
        self.task.set_options(tasks, value=self._first_task())
        self.change_task()
        lost = list(self.offer.faults)
        if not self.offer.entries:
            lost.append(
                "The zoo has no entry for this backbone; `xstilts demo` trains some in minutes, and texts can be compared."
            )
        self.say_fault("\n".join(lost))

    def _first_task(self) -> str:
        """Return the task of the first composition that was named at the start, else the first task."""
        tasks = self.offer.tasks
        own = (name for name, entries in tasks.items() if self.first and self.first[0] in entries)
        return next(own, next(iter(tasks), ""))

    def _task_words(self, name: str) -> str:
        task = self.desk.task(name)
        return name if task is None else f"{name} ({task.kind}): {task.description}"

    def change_task(self) -> None:
        """Show the fields of the task, and the compositions that answer it."""
        name = self.task.value or None
        answering = self.offer.tasks.get(name, ()) if name else ("backbone", *self.offer.entries)
        shown = list(dict.fromkeys([*self.first, *answering, *self.offer.entries]))[:_OPTIONS]
        chosen = [each for each in self.chosen.value or () if each in answering] or [
            each for each in self.first if name is None or each in answering or each not in self.offer.entries
        ]
        self.chosen.set_options(shown, value=(chosen or list(answering[:2]))[:SIDE_BY_SIDE])
        self.fields.clear()
        with self.fields:
            self.form = Form(self.desk.task(name), self.ask)
        self.replies.clear()
        self.status.set_text("")

    def add_typed(self) -> None:
        """Add the composition that was typed, or say where it cannot be read."""
        text = (self.typed.value or "").strip()
        try:
            name = self.desk.checked(text)
        except ToolkitError as fault:
            self.say_fault(str(fault))
            return
        options = list(self.chosen.options)
        if name not in options:
            options.append(name)
        self.chosen.set_options(options, value=list(dict.fromkeys([*(self.chosen.value or ()), name])))
        self.typed.set_value("")
        self.say_fault("")

    def clear_fault(self) -> None:
        """Take back what was said of an earlier choice."""
        self.say_fault("")

    def say_fault(self, fault: str) -> None:
        """Say why something cannot be done, under the choosers."""
        self.fault.set_content(fault_html(fault) if fault else "")

    # -- asking -------------------------------------------------------------------------------------------------------

    async def ask(self) -> None:
        """Put the row to each chosen composition, and show the answers as they come."""
        if self.is_busy or self.form is None:
            return
        chosen = list(self.chosen.value or ())
        try:
            if not 1 <= len(chosen) <= SIDE_BY_SIDE:
                raise ToolkitError(f"{len(chosen)} compositions are chosen; choose 1 to {SIDE_BY_SIDE}.")
            question = Question(
                self.backbone.value, self.task.value or None, self.form.values(), self.form.language.value or ""
            )
        except ToolkitError as fault:
            self.replies.clear()
            self.status.set_text(str(fault))
            return
        self.is_busy = True
        self.button.props("loading")
        self.replies.clear()
        try:
            for number, expression in enumerate(chosen, 1):
                self.status.set_text(f"{one_line(expression)} is asked ({number} of {len(chosen)}) …")
                reply = await in_thread(partial(self._asked, expression, question))
                with self.replies:
                    _show(reply, question)
            self.status.set_text(f"{len(chosen)} answered." if len(chosen) > 1 else "Answered.")
        finally:
            self.is_busy = False
            self.button.props(remove="loading")

    def _asked(self, expression: str, question: Question) -> Reply:
        try:
            return self.desk.ask(expression, question)
        except Exception as error:
            _log.exception("A question to %s failed.", expression)
            name = type(error).__name__
            return Reply(
                expression, fault=f"xstilts failed here ({name}), which is its fault; the terminal has the details."
            )


def _select(
    label: str, on_change: Callable[[], object], *, multiple: bool = False, with_input: bool = False
) -> ui.select:
    found = ui.select([], label=label, multiple=multiple, with_input=with_input, on_change=lambda: on_change())
    return found.props("outlined dense options-dense").classes("full")


def _show(reply: Reply, question: Question) -> None:
    with ui.element("article").classes("reply"):
        ui.html(html_text(reply.expression), tag="h2", sanitize=False)
        parts = []
        if reply.fault:
            parts.append(fault_html(reply.fault))
        if reply.answer is not None:
            parts.append(answer_html(reply.answer, question.values))
        if reply.cosines:
            texts = [line.strip() for line in str(question.values.get("texts", "")).splitlines() if line.strip()]
            parts.append(cosines_html(reply.cosines, texts))
        parts.append(notes_html(reply.notes))
        parts += [grid_html(grid) for grid in reply.grids]
        ui.html("".join(parts), sanitize=False)


_LAYOUT = """
.nicegui-content { padding: 0; display: block; }
.try { max-width: 74rem; margin: 0 auto; padding: 1.2rem 1rem 4rem; display: grid; gap: .9rem; grid-template-columns: minmax(0, 1fr); }
.try .full { width: 100%; gap: .6rem; } .try .grow { flex: 1 1 14rem; } .try .narrow { width: min(16rem, 100%); }
.try .choosers { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); gap: .8rem; margin-bottom: .8rem; }
.try .typing, .try .asking { width: 100%; gap: .6rem; align-items: center; margin-top: .8rem; }
.try .examples { gap: .1rem .4rem; } .try .examples .q-btn { max-width: 100%; }
.try .examples .q-btn__content { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; display: block; }
.try .q-btn--flat, .try .q-btn--outline { color: var(--accent); }
.try .main { background: var(--accent); color: var(--card); font-weight: 650; min-width: 6rem; }
.try .q-chip { max-width: 100%; height: auto; min-height: 1.8em; } .try .q-chip__content { white-space: normal; overflow-wrap: anywhere; }
@media (max-width: 40rem) { .try .choosers { grid-template-columns: minmax(0, 1fr); } .try { padding: .8rem .6rem 3rem; } }
"""
