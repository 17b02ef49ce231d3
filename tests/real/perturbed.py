"""Perturb the real rows of a mirror and check what a scorer relies on, by plain means that share no code with the perturbations.

    python -m tests.real.perturbed MIRROR [--tasks xnli,xquad,...] [--limit 200] [--strengths 0.1,0.5,1] [--lexicons DIR]

Every perturbation that needs nothing (or a lexicon or partner that is given) is applied to every task and language in which it is
defined. Printed for each task: languages, rows, perturbed rows looked at, how many of them differ from their originals, faults, and
a digest of all perturbed rows, which another process with the same seed must find again.
"""

from __future__ import annotations

import argparse
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from toolkit.errors import DataError
from toolkit.perturb import FIELDS, PERTURBATIONS, Lexicon, perturb, read_lexicons
from toolkit.tasks import Task, get_task
from toolkit.tasks.rows import Row, SpanRow, TagsRow
from toolkit.tasks.task import Rows

# Every task of the mirror but those whose rows another of them holds too (mnli and snli in anli-plus).
TASKS = (
    "anli-plus", "rte", "xnli", "pawsx", "squad", "xquad", "mlqa", "tydiqa", "csqa", "hellaswag", "cosmosqa", "siqa", "copa", "xcopa",
    "udpos", "panx", "ccg", "tatoeba", "squad-r",
)  # fmt: skip
TEXTS = {
    "pair": ("first", "second"), "choice": ("context", "question"), "span": ("question", "context"), "bitext": ("source",),
    "retrieval": ("query",),
}  # fmt: skip


@dataclass
class Seen:
    """What was looked at of a task."""

    task: str
    rows: Counter[str] = field(default_factory=Counter)  # language -> rows
    pairs: Counter[str] = field(default_factory=Counter)  # perturbation -> perturbed rows looked at
    changed: Counter[str] = field(default_factory=Counter)  # perturbation -> of them, those that differ
    faults: list[str] = field(default_factory=list)
    digest: str = ""


def look(
    name: str,
    mirror: Path,
    *,
    limit: int | None = None,
    strengths: Sequence[float] = (0.1, 0.5, 1.0),
    seed: int = 0,
    lexicons: Path | None = None,
    languages: Sequence[str] = (),
) -> Seen:
    """Perturb a task's scored rows in every language and check each of them."""
    task, seen, digest = get_task(name), Seen(name), hashlib.sha256()
    for language in languages or task.reachable("score", data_root=mirror):
        rows = task.rows("score", language, data_root=mirror, limit=limit)
        originals = list(rows)
        seen.rows[language] = len(originals)
        for made in PERTURBATIONS.values():
            extra = _extra(made.needs, task, language, mirror, rows, lexicons)
            if extra is None or made.why_not(task.kind, language):
                continue
            place = f"{name} {language} {made.name}"
            if list(perturb(rows, made, strength=0.0, seed=seed, **extra)) != originals:
                seen.faults.append(f"{place}: strength 0 is not the identity")
            for strength in strengths:
                after = list(perturb(rows, made, strength=strength, seed=seed, **extra))
                digest.update(repr(after).encode("utf-8", "surrogatepass"))
                if len(after) != len(originals):
                    seen.faults.append(f"{place}: {len(originals)} rows became {len(after)}")
                differ = 0
                for before, now in zip(originals, after, strict=False):
                    differ += before != now
                    seen.faults += [
                        f"{place} {strength:g}, row {before.id}: {fault}"
                        for fault in faults(before, now, made.name, task)
                    ]
                seen.pairs[made.name] += len(after)
                seen.changed[made.name] += differ
            if list(perturb(rows, made, strength=strengths[-1], seed=seed, **extra)) != after:
                seen.faults.append(f"{place}: the same seed gives other rows")
            # Where most of what can be changed is (a few diacritics), there is nothing to draw.
            if differ > max(20, len(originals) / 2):
                weak = [list(perturb(rows, made, strength=0.3, seed=s, **extra)) for s in (seed, seed + 1)]
                if weak[0] == weak[1] and weak[0] != after:
                    seen.faults.append(f"{place}: another seed gives the same rows")
    seen.digest = digest.hexdigest()[:16]
    return seen


def _extra(needs: str, task: Task, language: str, mirror: Path, rows: Rows, lexicons: Path | None) -> dict | None:
    """Return what a perturbation needs beside rows, or None where it is not there."""
    if needs == "lexicon":
        held = _lexicons(lexicons, language)
        return {"lexicons": held} if held else None
    if needs == "partner":
        other = "de" if language != "de" else "en"
        if not task.parallel or other not in task.languages:
            return None
        return {"partner": task.rows("score", other, data_root=mirror)}
    return {}


def _lexicons(folder: Path | None, language: str) -> Sequence[Lexicon]:
    try:
        return read_lexicons(folder, language.partition(".")[0]) if folder else ()
    except DataError:
        return ()


def faults(before: Row, now: Row, name: str, task: Task) -> Iterator[str]:
    """Yield what a perturbed row has wrong."""
    if type(now) is not type(before):
        yield f"became a {type(now).__name__}"
    free = {
        *FIELDS[task.kind],
        *({"answers"} if task.kind == "span" else ()),
        *({"tags"} if task.kind == "tags" else ()),
    }
    for each in fields(before):
        if each.name not in free and getattr(before, each.name) != getattr(now, each.name):
            yield f"{each.name} changed"
    if isinstance(before, SpanRow) and isinstance(now, SpanRow):
        if [a.text for a in now.answers] != [a.text for a in before.answers]:
            yield "its answers are others"
        for answer in now.answers:
            if (
                not 0 <= answer.start <= len(now.context)
                or now.context[answer.start :][: len(answer.text)] != answer.text
            ):
                yield f"'{answer.text}' is not at {answer.start}"
    if isinstance(before, TagsRow) and isinstance(now, TagsRow):
        yield from _tag_faults(before, now, name, task)
        return
    for each in TEXTS[task.kind]:
        yield from _text_faults(getattr(before, each), getattr(now, each), name)


def _tag_faults(before: TagsRow, now: TagsRow, name: str, task: Task) -> Iterator[str]:
    if len(now.tokens) != len(now.tags):
        yield f"{len(now.tokens)} tokens and {len(now.tags)} tags"
    # Real rows hold tokens with spaces inside (Vietnamese udpos); none may be added.
    had = sum(any(c.isspace() for c in token) for token in before.tokens)
    if not all(now.tokens) or (
        name != "word-repeat" and sum(any(c.isspace() for c in token) for token in now.tokens) > had
    ):
        yield "a token is empty or holds a space that was not there"
    old, new = Counter(zip(before.tokens, before.tags, strict=True)), Counter(zip(now.tokens, now.tags, strict=True))
    if name == "word-shuffle" and old != new:
        yield "words changed their tags"
    elif name == "word-drop" and (new - old or not now.tokens):
        yield "a token or tag appeared"
    elif name == "word-repeat" and (old - new or set(new) != set(old)):
        yield "a token or tag was lost"
    elif not name.startswith("word-") and now.tags != before.tags:
        yield "tags moved"
    if name.startswith("word-"):
        pairs = list(
            zip(
                ["O", *(task.labels[t] if t >= 0 else "" for t in now.tags)],
                [task.labels[t] if t >= 0 else "" for t in now.tags],
                strict=False,
            )
        )
        own = [task.labels[t] if t >= 0 else "" for t in before.tags]
        was = {(a, b) for a, b in zip(["O", *own], own, strict=False)}
        torn = [(a, b) for a, b in pairs if b.startswith("I-") and a[2:] != b[2:] and (a, b) not in was]
        if torn:
            yield f"an entity was torn: {torn[0]}"
    elif len(now.tokens) == len(before.tokens):
        for a, b in zip(before.tokens, now.tokens, strict=True):
            yield from _text_faults(a, b, name)


def _bare(text: str) -> str:
    return unicodedata.normalize(
        "NFC", "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    )


def _text_faults(a: str, b: str, name: str) -> Iterator[str]:
    """Yield what is left in a text that its perturbation, by its definition, must not touch."""
    letters = Counter("".join(a.split())), Counter("".join(b.split()))
    held = {
        "swap": lambda: sorted(a) == sorted(b),
        "delete": lambda: not letters[1] - letters[0],
        "insert": lambda: not letters[0] - letters[1],
        "keyboard": lambda: len(a) == len(b),
        "homoglyph": lambda: len(a) == len(b),
        "case": lambda: a.replace("İ", "i").replace("ı", "i").casefold().replace("\u0307", "") == b.replace("İ", "i").replace("ı", "i").casefold().replace("\u0307", ""),
        "punctuation": lambda: [c for c in a if c.isalnum()] == [c for c in b if c.isalnum()],
        "whitespace": lambda: letters[0] == letters[1] and [c for c in a if not c.isspace()] == [c for c in b if not c.isspace()],
        "zero-width": lambda: a.replace("\u200b", "") == b.replace("\u200b", ""),
        "word-shuffle": lambda: letters[0] == letters[1],
        "word-drop": lambda: not letters[1] - letters[0] and (bool(b.strip()) or not a.strip()),
        "word-repeat": lambda: not letters[0] - letters[1],
        "tautology-long": lambda: len(b) >= len(a),
        "distractor": lambda: b.startswith(a),
    }.get(name)  # fmt: skip
    if held and not held():
        yield f"{a[:120]!r} became {b[:120]!r}"


def main() -> None:
    """Look at the tasks one after the other and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--limit", type=int, help="rows a language; default: all")
    parser.add_argument("--strengths", default="0.1,0.5,1")
    parser.add_argument("--lexicons", type=Path)
    options = parser.parse_args()
    for name in options.tasks.split(","):
        seen = look(
            name,
            options.mirror,
            limit=options.limit,
            strengths=[float(each) for each in options.strengths.split(",")],
            lexicons=options.lexicons,
        )
        pairs, changed = sum(seen.pairs.values()), sum(seen.changed.values())
        print(
            f"{name:<10} {len(seen.rows):>3} languages {sum(seen.rows.values()):>7} rows  {len(seen.pairs):>2} perturbations "
            f"{pairs:>9} perturbed, {changed:>9} differ  {len(seen.faults)} faults  {seen.digest}",
            flush=True,
        )
        for fault in seen.faults[:10]:
            print("   ", fault, flush=True)


if __name__ == "__main__":
    main()
