"""Page of an adapter for people: the hub's model-card YAML, a description, results, and the commands that use it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Any

import yaml

from toolkit.composition import parse
from toolkit.modeling.hub_ids import BASE_MODELS
from toolkit.results.score import printed
from toolkit.tasks import BUILT_IN
from toolkit.tasks.fetch import releases
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.names import asked_name, is_local
from toolkit.zoo.values import Seen
from toolkit.zoo.zero_shot import zero_shot_means

LIBRARY = "xstilts"
# The hub's own identifiers; anything else is `other` with its name.
_LICENCES = {
    "apache-2.0": "apache-2.0",
    "mit": "mit",
    "cc by 4.0": "cc-by-4.0",
    "cc by 2.0 fr": "cc-by-2.0",
    "cc by-sa 4.0": "cc-by-sa-4.0",
    "cc by-nc 4.0": "cc-by-nc-4.0",
}
_METRICS = {"em": "exact_match"}  # as the hub's metrics are called
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_CODE = re.compile(r"[a-z]{2,3}")


def readme(card: AdapterCard, place: str = "") -> str:
    """Return a card as Markdown under the hub's YAML.

    Args:
        card: what the adapter is.
        place: where it can be pulled from, as the user named it; a folder of this machine is not written out.

    Returns:
        The page, ending in a newline. Equal cards and places give equal pages.
    """
    head = yaml.safe_dump(metadata(card), sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{head.rstrip()}\n---\n\n{page(card, place)}"


def page(card: AdapterCard, place: str = "") -> str:
    """Return a card as Markdown alone; arguments as of `readme`."""
    where = place if "://" in place and not place.startswith("file:") else "PLACE"
    lines = [
        f"# `{card.name}`",
        "",
        f"{_what(card)} Digest `{card.digest[:12]}`; `card.yaml` next to this page holds everything below, with checksums.",
        "",
        "## Use",
        "",
        "```bash",
        f"xstilts zoo pull {quote(where)} '{card.name}'",
        f"xstilts eval '{card.name}' --task {_task(card)} --backbone {quote(_backbone(card))}",
        "```",
        "",
        "## Results",
        "",
        *_results(card),
        "",
        "## Trained on",
        "",
        *_table(
            ("task", "split", "language", "rows", "source"),
            (
                (
                    seen.task,
                    seen.split or "",
                    seen.language or "",
                    "" if seen.rows is None else seen.rows,
                    _origin(seen),
                )
                for seen in card.data_seen
            ),
        ),
        "",
        *(
            ["Built on " + ", ".join(f"`{p.name}` ({p.digest[:12]})" for p in card.parents) + ".", ""]
            * bool(card.parents)
        ),
        f"Licence of the weights, from the licences of the data: {_text(card.licence) or 'not stated'}.",
    ]
    return "\n".join(lines) + "\n"


def metadata(card: AdapterCard) -> dict[str, Any]:
    """Return the hub's model-card fields of a card; what is not known is left out.

    Example:
        >>> from toolkit.zoo import AdapterCard, Backbone
        >>> on = Backbone("xlm-roberta-base", "ab" * 32, 768, 12)
        >>> metadata(AdapterCard("mnli", on, "seq_bn", tasks=("mnli",), licence="MIT"))["base_model"]
        'FacebookAI/xlm-roberta-base'
    """
    base = base_model(card)
    licence = _LICENCES.get(card.licence.lower())
    found = {
        "library_name": LIBRARY,
        "base_model": base,
        "base_model_relation": ("finetune" if card.kind == "full" else "adapter") if base else None,
        "license": licence or ("other" if card.licence else None),
        "license_name": None
        if licence or not card.licence
        else re.sub(r"[^a-z0-9]+", "-", card.licence.lower()).strip("-"),
        "language": sorted(filter(_CODE.fullmatch, card.languages)),
        "datasets": _datasets(card),
        "metrics": list(dict.fromkeys(_METRICS.get(score.metric, score.metric) for score in card.scores)),
        "tags": ["xstilts", "cross-lingual", "adapter" if card.kind != "full" else "checkpoint"],
    }
    return {key: value for key, value in found.items() if value}


def base_model(card: AdapterCard) -> str | None:
    """Return the hub id of the encoder that an adapter was trained on, or None if it has none."""
    name = _backbone(card)
    if name in BASE_MODELS:
        return BASE_MODELS[name]
    return name if _HUB_ID.fullmatch(name) and not is_local(name) else None


def _task(card: AdapterCard) -> str:
    """Return the task that the entry's head answers: its own name, but of a variant the task that it was trained on."""
    head = parse(card.name).head_name.name
    return head if not card.task or head in {name.partition(".")[0] for name in card.tasks} else card.task


def _backbone(card: AdapterCard) -> str:
    return asked_name(card.backbone.name)


def _datasets(card: AdapterCard) -> list[str]:
    """Return the hub ids of the data sets that the entry saw: of the built-in tasks, and of others that have a revision."""
    held = BUILT_IN.held
    paths = [
        str(getattr(held[seen.task].source, "path", ""))
        if seen.task in held
        else (seen.revision or "").partition("@")[0]
        for seen in card.data_seen
    ]
    elsewhere = {each.path for each in releases(BUILT_IN)}  # corpora that the hub does not have
    return [path for path in dict.fromkeys(paths) if _HUB_ID.fullmatch(path) and path not in elsewhere]


def _what(card: AdapterCard) -> str:
    noun = "A fully trained encoder" if card.kind == "full" else "An adapter"
    base = base_model(card)
    on = f"[{base}](https://huggingface.co/{base})" if base else f"`{_backbone(card)}`"
    learnt = ", ".join(_text(task) for task in card.tasks)
    origin = f"trained on {learnt}"
    if card.is_imported:
        source = str(card.recipe["imported"].get("source", ""))
        origin = f"imported as {learnt}{f' from `{_text(source)}`' if source else ''}, made elsewhere"
    return f"{noun} for {on} (width {card.backbone.hidden_size}, {card.backbone.layers} layers), {origin}."


def _results(card: AdapterCard) -> list[str]:
    if not card.scores:
        return ["None recorded."]
    means = [f"- Zero-shot: {_text(found.in_words())}" for found in zero_shot_means(card)]
    rows = []
    for score in card.scores:
        note = f" (language adapter {score.language_adapter})" if score.language_adapter else ""
        note += " (generated rows, no benchmark)" if score.is_generated else ""
        value, n = f"{printed(score.metric, score.value):.1f}{note}", "" if score.n is None else score.n
        rows.append((score.task, score.language, score.metric, value, score.split or "", n))
    table = _table(("task", "language", "metric", "score", "split", "rows"), rows)
    return [*means, "", *table] if means else table


def _origin(seen: Seen) -> str:
    if seen.is_generated:
        return "generated"
    origin = seen.origin or ""
    # What a maker's disk looks like is nobody's business.
    said = Path(origin).name if is_local(origin) else origin
    return f"{said} (machine-translated)" if seen.is_translated else said


def _table(headers: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[str]:
    lines = [f"| {' | '.join(headers)} |", f"|{'---|' * len(headers)}"]
    return lines + [f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows]


def _text(value: Any) -> str:
    """Return a stranger's text as Markdown shows it: no cell ends early, no tag, no link is made."""
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")
    return re.sub(r"([|`*\[\]\\])", r"\\\1", text)
