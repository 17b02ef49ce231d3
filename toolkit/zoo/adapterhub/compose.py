"""Composition of a saved folder: the expression that its parts make, and the place of each part in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.composition import Chain, Composition, Part, parse
from toolkit.errors import ToolkitError, ZooError
from toolkit.zoo.adapterhub.forms import check_fusion
from toolkit.zoo.adapterhub.read import Saved, shown


def refuse_doubles(found: Sequence[Saved]) -> None:
    """Raise ZooError where two folders hold a part of one name."""
    seen: dict[tuple[str, str], Saved] = {}
    for saved in found:
        if saved.kind != "head" and (saved.kind, saved.name) in seen:
            raise ZooError(
                f"Both {seen[saved.kind, saved.name].folder} and {saved.folder} hold the {saved.kind} '{shown(saved.name)}'; "
                "name the folder that is meant."
            )
        seen[saved.kind, saved.name] = saved


def composition_of(
    found: Sequence[Saved], setup: Any, expression: str | None, folder: Path, names: Mapping[str, str]
) -> Composition:
    """Return the composition that the parts make: as given, as saved, or the only one there can be.

    `names`: of language adapters, see `leaf_names`.
    """
    text = expression or (_text_of(setup, folder, names) if setup else None)
    if text is None:
        adapters = [saved.name for saved in found if saved.kind == "adapter"]
        fusions = [saved for saved in found if saved.kind == "fusion"]
        heads = [saved.name for saved in found if saved.kind == "head" and saved.name]
        if len(fusions) == 1:
            members = check_fusion(fusions[0])
            head = [saved.name for saved in found if saved.kind == "head" and saved.folder == fusions[0].folder]
            if set(adapters) <= set(members):
                text = f"fuse[{','.join(members)}]" + (f"@{head[0]}" if head and head[0] else "")
        elif len(adapters) == 1 and not fusions:
            text = names.get(adapters[0], adapters[0])
        if text is None:
            raise ZooError(
                f"{folder} holds the adapters {shown(', '.join(adapters)) or 'none'}, {len(fusions)} fusions and the heads "
                f"{shown(', '.join(heads)) or 'none'}, and does not say how they are composed; say it with `--as EXPR`."
            )
    try:
        composition = parse(text)
    except ToolkitError as error:
        if expression:
            raise
        raise ZooError(
            f"{folder} calls its parts '{shown(text)}', which is not a composition ({str(error).splitlines()[0]}); name it with "
            "`--as`, for example `--as mnli`."
        ) from None
    if composition.is_backbone:
        raise ZooError(f"'{composition}' is the encoder alone; there is nothing to import.")
    return composition


def _text_of(setup: Any, folder: Path, names: Mapping[str, str]) -> str | None:
    """Return a saved `adapter_setup.json` as a composition."""

    def block(node: Any, depth: int = 0) -> str:
        kind, children = (node.get("type"), node.get("children")) if isinstance(node, dict) else (None, None)
        if not isinstance(children, list) or not children or depth > 5:
            raise ZooError(f"{folder} has a setup that cannot be read; say with `--as` how its parts are composed.")
        if kind == "single":
            return names.get(str(children[0]), str(children[0]))
        if kind not in ("Stack", "Fuse"):
            raise ZooError(
                f"{folder} has a setup with the block '{shown(kind)}'; import its members one by one with `--as`."
            )
        held = [block(child, depth + 1) for child in children]
        return "/".join(held) if kind == "Stack" else f"fuse[{','.join(held)}]"

    if not isinstance(setup, dict) or not setup.get("adapter_setup"):
        return None
    text, head = block(setup["adapter_setup"]), setup.get("head_setup")
    last = text.rstrip("]").replace(",", "/").replace("[", "/").rsplit("/", 1)[-1]
    return f"{text}@{head}" if isinstance(head, str) and head != last else text


def match(composition: Composition, found: Sequence[Saved], names: Mapping[str, str]) -> dict[Part, Saved]:
    """Return which saved part is which part of the circuit, by name; a lone one needs none."""
    wanted = [part for entry in composition.entries.values() for part in entry.own_parts]
    by_name: dict[tuple[str, str], Saved] = {}
    for saved in found:
        by_name.setdefault((saved.kind, saved.name), saved)
        by_name.setdefault((saved.kind, names.get(saved.name, saved.name)), saved)
    chosen: dict[Part, Saved] = {}
    for kind in ("adapter", "fusion"):
        held, needed = [s for s in found if s.kind == kind], [p for p in wanted if p.kind == kind]
        for part in needed:
            if len(held) == len(needed) == 1:
                chosen[part] = held[0]
                continue
            unit = parse(part.entry).chain.units[-1]
            leaf = unit.leaves()[-1]
            for name in (part.name, Composition(Chain((unit,))).slug, str(leaf), leaf.name):
                if (kind, name) in by_name:
                    chosen[part] = by_name[kind, name]
                    break
    folders = {entry: [chosen[p].folder for p in chosen if p.entry == entry] for entry in composition.entries}
    for part in wanted:
        if part.kind != "head":
            continue
        heads = [s for s in found if s.kind == "head"]
        own = {"", part.name, *(s.name for p, s in chosen.items() if p.entry == part.entry and s.name in names)}
        beside = [s for s in heads if s.folder in folders[part.entry] and s.name in own]
        named = [s for s in heads if s.name == part.name]
        lone = [s for s in heads if len(wanted) <= 2 and len(heads) == 1]
        for options in (beside, named, lone):
            if options:
                chosen[part] = options[0]
                break
    return chosen
