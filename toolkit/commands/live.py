"""Live region of a terminal: one line for each thing that is under way, kept below the sentences; plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.progress import Progress, Report, Say
from toolkit.safe_text import one_line, visible

if TYPE_CHECKING:
    from rich.text import Text

LOG_EVERY_S = 30.0
_SO_FAR_S = 2.0
_DEEPEST = 3  # bars within bars; a deeper one takes the place of the last
_BARS = (30, 24, 16, 10)  # columns, the widest that fits


@dataclass
class Bar:
    """Something that is under way.

    Attributes:
        progress: its last step.
        began, began_at: time of its first step, in seconds, and the units that were done then.
        heard: time of its last step.
    """

    progress: Progress
    began: float
    began_at: int
    heard: float

    @classmethod
    def of(cls, progress: Progress, now: float) -> Bar:
        """Return the bar of a first step."""
        return cls(progress, now, progress.done, now)

    def hear(self, progress: Progress, now: float) -> None:
        """Take a later step; a smaller number than before begins the count anew."""
        if progress.done < self.progress.done or progress.total != self.progress.total:
            self.began, self.began_at = now, progress.done
        self.progress, self.heard = progress, now

    def time_words(self, now: float) -> str:
        """Return `ETA 0:12`, or `0:12 so far` for what cannot be counted; empty while nothing can be said."""
        if self.progress.total <= 1:
            return f"{clock(now - self.began)} so far" if now - self.began >= _SO_FAR_S else ""
        left = self.seconds_left(now)
        return "" if left is None else f"ETA {clock(left)}"

    def seconds_left(self, now: float) -> float | None:
        """Return the time left at the mean pace since the bar began, or None while there is no pace."""
        step = self.progress
        if step.seconds_left is not None:
            left = step.seconds_left
        elif step.done <= self.began_at or self.heard <= self.began:
            return None
        else:
            left = (self.heard - self.began) / (step.done - self.began_at) * (step.total - step.done)
        return max(0.0, left - (now - self.heard))


@dataclass
class Board:
    """What is under way: for each lane the bars from the outermost to the innermost."""

    lanes: dict[str, list[Bar]] = field(default_factory=dict)

    def take(self, progress: Progress, now: float) -> None:
        """Take a step: its bar begins, moves, or is removed if it is over; bars within it are over as well."""
        if not progress.what:
            self.lanes.pop(progress.lane, None)
            return
        bars = self.lanes.setdefault(progress.lane, [])
        depth = next((place for place, bar in enumerate(bars) if bar.progress.what == progress.what), None)
        if depth is not None:
            bars[depth].hear(progress, now)
            del bars[depth + 1 :]
        elif progress.done < progress.total:
            del bars[_DEEPEST - 1 :]
            bars.append(Bar.of(progress, now))
        if depth is not None and progress.done >= progress.total:
            del bars[depth:]
        if not bars:
            del self.lanes[progress.lane]

    def shown(self) -> list[tuple[str, Bar]]:
        """Return the bars that are shown, each with its words: those of the only work, and of each lane the innermost."""
        found = [(bar.progress.what, bar) for bar in self.lanes.get("", [])]
        found += [(f"{lane}: {bars[-1].progress.what}", bars[-1]) for lane, bars in self.lanes.items() if lane]
        return [(one_line(words), bar) for words, bar in found]


def clock(seconds: float) -> str:
    """Return a time as it is shown.

    Example:
        >>> clock(12.4), clock(3725)
        ('0:12', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def figures(progress: Progress) -> list[str]:
    """Return the numbers of a step as they are shown.

    Example:
        >>> figures(Progress("train", 1, 2, {"loss": 0.69314, "examples/s": 1234.5}))
        ['loss 0.693', 'examples/s 1,234']
    """
    whole = {name: value == round(value) or abs(value) >= 100 for name, value in progress.figures.items()}
    # With its zeros at the end: what stays as long as it was does not move the rest of the line.
    return [
        f"{name} {value:,.0f}" if whole[name] else f"{name} {value:#.3g}" for name, value in progress.figures.items()
    ]


@dataclass(frozen=True)
class Line:
    """The parts of one line of the region; those that a narrow terminal has no room for are empty.

    Attributes:
        what: what is under way.
        filled, bar: columns of the bar that are filled, and of the whole bar.
        count: `60/128`; empty where nothing can be counted.
        figures: numbers.
        eta: `ETA 0:12`; empty while nothing can be said.
    """

    what: str
    filled: int
    bar: int
    count: str
    figures: str
    eta: str


def lay_out(bars: Sequence[tuple[str, Bar]], width: int, now: float) -> list[Line]:
    """Return the lines of some bars in `width` columns, aligned with each other.

    What a narrow terminal has no room for goes in this order: columns of the bar, the last figure, the bar, the other figures,
    the end of the words, the time left.
    """
    from rich.cells import cell_len

    words = [what if bar.progress.total > 1 else f"{what} ..." for what, bar in bars]
    counts = [f"{bar.progress.done:,}/{bar.progress.total:,}" if bar.progress.total > 1 else "" for _, bar in bars]
    numbers = [figures(bar.progress) for _, bar in bars]
    etas = [bar.time_words(now) for _, bar in bars]
    named, counted, timed = (max(map(cell_len, texts), default=0) for texts in (words, counts, etas))
    most = max(map(len, numbers), default=0)

    def room(bar: int, n_figures: int, has_eta: bool) -> int:
        """Return the columns that are left for the words."""
        told = max((cell_len("  ".join(some[:n_figures])) for some in numbers), default=0)
        parts = (bar * bool(counted), counted, told, timed * has_eta)
        return width - sum(part + 2 for part in parts if part)

    fewer = range(most - 1, -1, -1)
    ways = [(bar, most, True) for bar in _BARS]
    ways += [(_BARS[-1], most - 1, True)] * bool(most) + [(0, most, True)] * bool(most)
    ways += [(0, n, True) for n in fewer] + [(0, 0, True)]
    fitting = next((way for way in ways if room(*way) >= named), None)
    if fitting is None:
        fitting = (0, 0, room(0, 0, True) >= min(named, 12))
    bar_width, n_figures, has_eta = fitting
    named = max(1, min(named, room(*fitting)))
    return [
        Line(
            _cut(what, named),
            round(bar_width * min(1.0, bar.progress.done / max(1, bar.progress.total))),
            bar_width * bool(count),
            count.rjust(counted),
            "  ".join(some[:n_figures]),
            eta if has_eta else "",
        )
        for (_, bar), what, count, some, eta in zip(bars, words, counts, numbers, etas, strict=True)
    ]


def _cut(text: str, width: int) -> str:
    """Return a text in exactly `width` columns: with an ellipsis where it is longer, with blanks where it is shorter."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return set_cell_size(text, width - 1) + "…"


def drawn(lines: Sequence[Line], *, full: str = "━") -> Text:
    """Return lines as coloured text; `full` is the character of a bar."""
    from rich.text import Text

    told = max((len(line.figures) for line in lines), default=0)
    found = []
    for line in lines:
        text = Text(line.what, no_wrap=True, overflow="crop")
        if line.bar:
            text.append("  ")
            text.append(full * line.filled, "green")
            text.append(full * (line.bar - line.filled), "bright_black")
        if line.count.strip():
            text.append(f"  {line.count}")
        if told and line.count.strip():
            text.append(f"  {line.figures.ljust(told)}" if line.eta else f"  {line.figures}".rstrip(), "cyan")
        if line.eta:
            text.append(f"  {line.eta}")
        text.rstrip()
        found.append(text)
    return Text("\n", no_wrap=True, overflow="crop").join(found)


@contextmanager
def live_region() -> Iterator[tuple[Report, Say]]:
    """Draw progress in the terminal on stderr while the block runs; yield the two callbacks.

    Sentences are printed above the region, and what any library writes to stderr is as well. The region is cleared at the end.
    """
    import sys

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    full = "━" if console.encoding.startswith("utf") else "#"
    board, lock = Board(), threading.Lock()

    def rendered() -> Text:
        with lock:
            shown = board.shown()
            return drawn(lay_out(shown, console.width, time.monotonic()), full=full)

    def report(progress: Progress) -> None:
        with lock:
            board.take(progress, time.monotonic())

    def say(sentence: str) -> None:
        console.print(Text(visible(sentence)), soft_wrap=True)

    with Live(
        get_renderable=rendered,
        console=console,
        refresh_per_second=5,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ):
        yield report, say


def log_lines(say: Say, *, every_s: float = LOG_EVERY_S, time_of: Callable[[], float] = time.monotonic) -> Report:
    """Return a progress callback for logs: of each bar a line every half minute, with its figures and the time left."""
    board, lock = Board(), threading.Lock()
    shown: dict[tuple[str, str], float] = {}

    def report(progress: Progress) -> None:
        now = time_of()
        with lock:
            board.take(progress, now)
            bars = board.lanes.get(progress.lane, [])
            bar = next((one for one in bars if one.progress is progress), None)
            key = (progress.lane, progress.what)
            if bar is None:
                shown.pop(key, None)
                return
            if now - shown.setdefault(key, now) < every_s or progress.done <= bar.began_at:
                return
            shown[key] = now
        words = f"{progress.lane}: {progress.what}" if progress.lane else progress.what
        parts = (f"{words}: {progress.done:,}/{progress.total:,}", *figures(progress), bar.time_words(now))
        say("  ".join(filter(None, parts)))

    return report
