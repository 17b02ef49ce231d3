"""Answers as HTML: bars of probabilities, the span in its context, tags under their words, tables of shares and cosines.

Every text passes `html_text`, so what a stranger wrote is shown and does nothing. The colours are those of `answered.css`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from toolkit.report.grids import Grid
from toolkit.results.answers import Answer, ChoiceAnswer, LabelAnswer, MaskedAnswer, SpanAnswer, TagsAnswer
from toolkit.safe_text import html_text

STYLE = Path(__file__).with_name("answered.css")
_MOST = 40  # bars of one answer; the rest are counted
_HUES = (210, 30, 130, 275, 55, 340, 175, 15, 245, 95)


def answer_html(answer: Answer, values: Mapping[str, str | Sequence[str]]) -> str:
    """Return an answer as HTML.

    Args:
        answer: of any kind.
        values: the texts of the row by field; a span is marked in its `context`, tags are put under their words in `tokens`.
    """
    return _FORMS[type(answer)](answer, values)


def bars(shares: Sequence[tuple[str, float]], best: int) -> str:
    """Return a list of names with a bar for each share in [0, 1], the `best` one emphasised.

    Example:
        >>> print(bars([("<b>", 0.25)], 0))
        <ul class="bars"><li class="best"><span class="name" dir="auto">&lt;b&gt;</span><span class="share">25.0 %</span>\
<span class="track"><span class="bar" style="width:25.0%"></span></span></li></ul>
    """
    order = sorted(range(len(shares)), key=lambda i: i != best)[:_MOST] if len(shares) > _MOST else range(len(shares))
    items = [
        f'<li{" class=" + chr(34) + "best" + chr(34) if i == best else ""}><span class="name" dir="auto">{html_text(name)}</span>'
        f'<span class="share">{100 * share:.1f} %</span>'
        f'<span class="track"><span class="bar" style="width:{100 * share:.1f}%"></span></span></li>'
        for i, (name, share) in ((i, shares[i]) for i in order)
    ]
    rest = len(shares) - len(items)
    more = f'<p class="soft">{rest:,} more labels are not shown.</p>' if rest else ""
    return f'<ul class="bars">{"".join(items)}</ul>{more}'


def _label(answer: LabelAnswer, _: Mapping[str, object]) -> str:
    shares = list(answer.probabilities.items())
    best = [label for label, _ in shares].index(answer.prediction)
    return f'<p class="found" dir="auto">{html_text(answer.prediction)}</p>{bars(shares, best)}'


def _choice(answer: ChoiceAnswer, values: Mapping[str, str | Sequence[str]]) -> str:
    texts = [each for each in values.get("choices", ()) if each.strip()]
    shares = list(zip(texts, answer.probabilities, strict=True))
    return f'<p class="found" dir="auto">{html_text(answer.text)}</p>{bars(shares, answer.prediction)}'


def _span(answer: SpanAnswer, values: Mapping[str, str | Sequence[str]]) -> str:
    context = str(values.get("context", ""))
    facts = [] if answer.score is None else [f"score {answer.score:.2f}"]
    if answer.no_answer is not None:
        facts.append(f"no answer {answer.no_answer:+.2f}")
    below = f'<p class="soft">{", ".join(facts)}</p>' if facts else ""
    if answer.start is None or answer.end is None:
        return f'<p class="found none">no answer in the context</p>{below}<p class="context" dir="auto">{html_text(context)}</p>'
    before, inside, after = context[: answer.start], context[answer.start : answer.end], context[answer.end :]
    marked = f"{html_text(before)}<mark>{html_text(inside)}</mark>{html_text(after)}"
    found = f'<p class="found" dir="auto">{html_text(answer.prediction)}</p>'
    return f'{found}{below}<p class="context" dir="auto">{marked}</p>'


def _tags(answer: TagsAnswer, values: Mapping[str, str | Sequence[str]]) -> str:
    nouns = list(dict.fromkeys(_noun(tag) for tag in answer.prediction if _noun(tag)))
    hues = {noun: _HUES[number % len(_HUES)] for number, noun in enumerate(sorted(nouns))}
    words = []
    for token, tag in zip(answer.tokens, answer.prediction, strict=True):
        noun = _noun(tag)
        look = f' class="word tagged" style="--hue:{hues[noun]}"' if noun else ' class="word"'
        shown = html_text(tag) if noun else "&middot;"
        words.append(f"<span{look}><bdi>{html_text(token)}</bdi> <small>{shown}</small></span>")
    return f'<p class="words" dir="auto">{" ".join(words)}</p>'


def _masked(answer: MaskedAnswer, _: Mapping[str, object]) -> str:
    found = [
        f'<p class="soft">mask {number}</p>{bars(list(zip(pieces, shares, strict=True)), 0)}'
        for number, (pieces, shares) in enumerate(zip(answer.pieces, answer.probabilities, strict=True), 1)
    ]
    return f'<p class="found" dir="auto">{html_text(answer.prediction)}</p>{"".join(found)}'


def _noun(tag: str) -> str:
    """Return what a tag names: `PER` of `B-PER`; nothing of `O`."""
    return "" if tag == "O" else tag[2:] if tag[:2] in ("B-", "I-", "E-", "S-") and len(tag) > 2 else tag


_FORMS: Mapping[type, Callable[..., str]] = {
    LabelAnswer: _label,
    ChoiceAnswer: _choice,
    SpanAnswer: _span,
    TagsAnswer: _tags,
    MaskedAnswer: _masked,
}


def cosines_html(cosines: Sequence[Sequence[float]], texts: Sequence[str]) -> str:
    """Return the cosines of texts as a table: the texts are numbered in its rows, the numbers are in its columns."""
    columns = [str(number) for number in range(1, len(texts) + 1)]
    rows = [f"{number} {text}" for number, text in enumerate(texts, 1)]
    return _table("cosines of the texts' vectors", rows, columns, cosines, lambda value: f"{value:.2f}")


def grid_html(grid: Grid) -> str:
    """Return shares as a table in per cent: the attention over the members of a fusion, by layer."""
    caption = f"attention over the members of {grid.title} by layer, in % (mean over the tokens of this row)"
    return _table(caption, grid.rows, grid.columns, grid.values, lambda value: f"{100 * value:.0f}")


def _table(
    caption: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    shown: Callable[[float], str],
) -> str:
    head = "".join(f'<th scope="col">{html_text(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row" dir="auto">{html_text(name)}</th>'
        + "".join(f'<td style="--share:{max(0.0, min(1.0, value)):.3f}">{shown(value)}</td>' for value in row)
        + "</tr>"
        for name, row in zip(rows, values, strict=True)
    )
    return (
        f'<p class="soft">{html_text(caption)}</p>'
        f'<div class="scroll" tabindex="0" role="group" aria-label="{html_text(caption)}"><table class="shares">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def fault_html(fault: str) -> str:
    """Return why there is no answer: the first line as a sentence, further lines, which point at a place, as they are."""
    sentence, _, lines = fault.partition("\n")
    pointed = f"<pre>{html_text(lines)}</pre>" if lines else ""
    return f'<p class="fault" dir="auto">{html_text(sentence)}</p>{pointed}'


def notes_html(notes: Sequence[str]) -> str:
    """Return sentences, a paragraph each."""
    return "".join(f'<p class="soft">{html_text(note)}</p>' for note in notes)
