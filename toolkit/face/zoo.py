"""Verbs of the zoo that look at it: `zoo_list`, `zoo_show`, `zoo_log`, `zoo_diff`, `zoo_site`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from toolkit.errors import ToolkitError
from toolkit.face.shared import Listing, listing
from toolkit.face.zoo_texts import difference_lines, score_lines
from toolkit.files import scratch
from toolkit.results.result import Record, Result
from toolkit.results.score import printed

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.zoo import AdapterCard, Shelf
    from toolkit.zoo.diff import Difference

Sort = Literal["name", "score", "size", "created"]


def zoo_list(
    config: Config,
    *,
    task: str | None = None,
    language: str | None = None,
    better_than: str | None = None,
    sort: Sort = "name",
    backbone: str | None = None,
) -> Listing:
    """Return the adapters of a zoo with their backbone, size, dev scores, evaluations and digest.

    What `evaluate` and `retrieve` found is kept next to each adapter, and shown as the zero-shot mean: over the languages
    that the task is not trained in.

    Args:
        config: names the zoo.
        task: only those that learnt it or were scored on it.
        language: only those trained on or scored in it, by either of its codes; scores are those in that language.
        better_than: `60` or `xnli=60`: only those above so many per cent, by their evaluation on the task (`task` or the one
            named) or, without one, by their dev score.
        sort: order of the rows.
        backbone: only those of this backbone.
    """
    from toolkit.zoo.sound import without_collector

    with without_collector():
        return _listed(config, task, language, better_than, sort, backbone)


def _listed(
    config: Config,
    task: str | None,
    language: str | None,
    better_than: str | None,
    sort: Sort,
    backbone: str | None,
) -> Listing:
    from toolkit.zoo import Zoo
    from toolkit.zoo.find import choose, known_language, nearest_task, size
    from toolkit.zoo.record import with_scores
    from toolkit.zoo.zero_shot import own_scores, zero_shot_means

    damaged: list[str] = []
    notes: list[str] = []
    zoo = Zoo(config.zoo)
    held = [with_scores(zoo, card, damaged=notes) for card in zoo.list(shelf_of(config.zoo, backbone), damaged=damaged)]
    language = None if language is None else known_language(language, held)
    rows, cells = [], []
    for card in choose(held, task=task, language=language, better_than=better_than, sort=sort):
        dev = ", ".join(f"{s.task} {s.language} {s.metric} {printed(s.metric, s.value):.1f}" for s in own_scores(card))
        found = [
            one.in_words(language)
            for one in zero_shot_means(card)
            if task in (None, one.task) and (language is None or language in one.by_language)
        ]
        scored = "; ".join(found)
        cells.append((card.name, card.backbone.name, f"{size(card) / 1e6:.1f} MB", dev, scored, card.digest[:12]))
        rows.append(record_of(card) | {"scores": dev, "evaluated": scored})
    nothing = f"The zoo {config.zoo} holds no adapters" + (f" for {backbone}." if backbone else ".")
    if held and not rows:
        near = nearest_task(task, held) if task is not None else ""
        nothing = f"None of the {len(held)} adapters in {config.zoo} fits." + f" {near}".rstrip()
    lines = [] if rows else [nothing]
    faults = [f"Damaged: {sentence}" for sentence in damaged]
    scored_in = "zero-shot" if language is None else f"in {language}"
    return listing(
        rows,
        ("adapter", "backbone", "size", "dev", scored_in, "digest"),
        cells,
        lines=lines,
        notes=notes,
        faults=faults,
    )


@dataclass(frozen=True)
class Shown(Result):
    """Result that is one adapter.

    Attributes:
        card: of the adapter.
    """

    card: AdapterCard

    stem: ClassVar[str] = "adapter"

    def records(self) -> list[Record]:
        """Return the adapter as one row."""
        return [record_of(self.card)]


def zoo_show(name: str, config: Config, *, backbone: str | None = None) -> Shown:
    """Return an adapter's card: recipe, parents, data seen, scores, files; below it what evaluations found.

    Args:
        name: of the adapter, a composition.
        config: names the zoo.
        backbone: whose; None: the only one that has an adapter of the name.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.record import with_scores

    card = card_of(config.zoo, name, backbone)
    lines = score_lines(with_scores(Zoo(config.zoo), card))
    return Shown(card=card, text="\n".join([card.to_text().rstrip(), *lines]))


def zoo_log(name: str, config: Config, *, backbone: str | None = None) -> Listing:
    """Return how an adapter came to be: when, from which rows, on top of what; arguments as for `zoo_show`."""
    from toolkit.zoo import Zoo
    from toolkit.zoo.find import history

    lines = history(Zoo(config.zoo), card_of(config.zoo, name, backbone))
    return listing([{"line": line} for line in lines], lines=lines)


@dataclass(frozen=True)
class Compared(Result):
    """Result of comparing two adapters.

    Attributes:
        found: everything that differs.
        is_same: whether the weights are equal.
    """

    found: Difference
    is_same: bool

    stem: ClassVar[str] = "difference"

    def records(self) -> list[Record]:
        """Return one row for each part and layer of the weights."""
        return [
            {
                "part": one.part,
                "layer": one.layer,
                "relative": one.relative,
                "cosine": one.cosine,
                "norm_first": one.norms[0],
                "norm_second": one.norms[1],
            }
            for one in self.found.weights
        ]


def zoo_diff(
    first: str, second: str, config: Config, *, at: str | None = None, backbone: str | None = None
) -> Compared:
    """Compare two adapters: recipe, data, scores, and their weights layer by layer.

    Args:
        first, second: names.
        config: names the zoo.
        at: place of the second: another zoo's folder, `hf://org/repo` or a URL; None: the same zoo.
        backbone: as for `zoo_show`.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.diff import diff

    with _zoo_at(at, second, backbone) as other:
        other = other or config.zoo
        mine, theirs = card_of(config.zoo, first, backbone), card_of(other, second, backbone)
        found = diff((Zoo(config.zoo), mine), (Zoo(other), theirs))
    heads = (mine.name, theirs.name + (f" at {at}" if at else ""))
    is_same = mine.digest == theirs.digest
    lines = [f"The same weights: {mine.digest[:12]}"] if is_same else []
    return Compared(found=found, is_same=is_same, text="\n".join([*lines, *difference_lines(found, heads)]))


@contextmanager
def _zoo_at(place: str | None, name: str, backbone: str | None) -> Iterator[Path | None]:
    """Yield a folder that holds `name` as a place has it: the place itself, or what is fetched from it for the moment."""
    from toolkit.zoo import Zoo
    from toolkit.zoo.share.share import pull

    if place is None or Path(place).is_dir():
        yield Path(place) if place else None
        return
    with scratch() as folder:
        pull(Zoo(folder), place, name, backbone=backbone)
        yield folder


def zoo_site(config: Config, *, out: Path) -> Listing:
    """Write a gallery of the zoo into a folder: pages with cards, lineage and scores, which fetch nothing.

    Raises:
        ToolkitError: there is no zoo.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.site import write_site

    if not Path(config.zoo).is_dir():
        raise ToolkitError(f"The zoo {config.zoo} is not a folder; name the folder of a zoo with --zoo.")
    made = write_site(Zoo(config.zoo), Path(out))
    pages = f" on {made.n_pages} pages" if made.n_pages > 1 else ""
    notes = [f"{made.n_adapters} adapters{pages}; open it in a browser.", *made.notes]
    faults = [f"Damaged: {sentence}" for sentence in made.faults]
    rows: list[Record] = [{"page": str(made.page), "adapters": made.n_adapters}]
    return listing(rows, lines=[str(made.page)], notes=notes, faults=faults)


def card_of(root: Path, name: str, backbone: str | None) -> AdapterCard:
    """Return the card of an adapter; without a backbone it must be the only one of its name."""
    from toolkit.composition import parse
    from toolkit.composition.variants import spelled
    from toolkit.zoo import Zoo

    held, shelf = Zoo(root), shelf_of(root, backbone)
    names = dict.fromkeys(card.name for card in held.list(shelf, damaged=[]))
    text = spelled(parse(name), is_known=names.__contains__, entries=lambda: names)
    shelves = [card.backbone.name for card in held.list(damaged=[]) if card.name == text]
    if backbone is None and len(shelves) > 1:
        raise ToolkitError(f"The zoo holds '{text}' for {', '.join(shelves)}; choose one with --backbone.")
    return held.get(text, shelf or (shelves[0] if shelves else "xlm-roberta-large"))


def shelf_of(root: Path, backbone: str | None) -> Shelf | None:
    """Return the shelf of a backbone as a user names it: registry name, hub id, folder, or as the zoo shows it; None of None.

    Raises:
        ToolkitError: a folder that holds no checkpoint of the XLM-R family.
    """
    from toolkit.zoo import find_shelf

    return None if backbone is None else find_shelf(root, backbone, is_computed=True)


def record_of(card: AdapterCard) -> dict[str, str | int | float | None]:
    from toolkit.zoo.find import size

    return {
        "name": card.name,
        "trained_as": card.trained_as,
        "backbone": card.backbone.name,
        "kind": card.kind,
        "bytes": size(card),
        "digest": card.digest,
        "created": card.created,
        "licence": card.licence,
    }
