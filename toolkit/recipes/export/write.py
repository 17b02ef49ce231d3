"""The files next to an exported model: tokenizer, settings, program, and a page that says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.modeling.backbone import Backbone
from toolkit.recipes.export.plan import MODEL, Exporting, Reading
from toolkit.recipes.export.programs import PROGRAMS, programs
from toolkit.safe_text import json_text, markdown_text
from toolkit.tasks.kinds import Kind
from toolkit.tasks.mirror.download import sha256_of
from toolkit.version import __version__
from toolkit.zoo import AdapterCard

_CUT: frozenset[Kind] = frozenset({"pair", "choice"})  # whose rows are one sequence, or one for each choice
_PADDED: frozenset[Kind] = frozenset({"choice"})


def write_tokenizer(backbone: Backbone, folder: Path, kind: Kind, settings: Mapping[str, Any]) -> dict[str, int]:
    """Write `tokenizer.json`, which cuts pairs and choices to their length and pads choices, and nothing else.

    Returns:
        The ids of the special pieces.
    """
    from tokenizers import Tokenizer

    tokenizer = backbone.tokenizer
    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    own.no_truncation()
    own.no_padding()
    if kind in _CUT:
        own.enable_truncation(settings["max_length"])
    if kind in _PADDED:
        own.enable_padding(pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    own.save(str(folder / "tokenizer.json"))
    ids = ("bos", "eos", "pad", "unk")
    return {name: int(getattr(tokenizer, f"{name}_token_id")) for name in ids}


def described(
    asked: Exporting, reading: Reading, backbone: Backbone, cards: Mapping[str, AdapterCard]
) -> dict[str, Any]:
    """Return what was exported, as `config.json` begins."""
    return {
        "composition": str(asked.composition),
        **({"language": asked.language, "language_adapter": asked.language_adapter} if asked.language else {}),
        "kind": reading.kind,
        "backbone": {"name": backbone.name, "digest": backbone.digest},
        "entries": {name: {"digest": card.digest, "licence": card.licence} for name, card in sorted(cards.items())},
        "weights": asked.weights,
        "model": MODEL[asked.form],
        "made_by": f"xstilts {__version__}",
    }


def write_rest(
    folder: Path, about: Mapping[str, Any], asked: Exporting, reading: Reading, *, sentences: Sequence[str]
) -> dict[str, str]:
    """Write `run.py` (with `rows.py`), `config.json` and `README.md`; return the digest of each file but the page, which lists them.

    Args:
        about: everything that `config.json` holds.
        sentences: what was compared and measured.
    """
    what = "Vectors of texts" if asked.is_vectors else "Answers"
    title = f"{what} by {asked.title} on {about['backbone']['name']}, exported by xstilts."
    for name, text in programs(reading.kind, asked.form, title).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "config.json").write_text(json_text(dict(about), indent=1) + "\n", encoding="utf-8")
    digests = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    (folder / "README.md").write_text(_page(about, asked, reading, sentences, digests), encoding="utf-8")
    return digests


def _page(
    about: Mapping[str, Any],
    asked: Exporting,
    reading: Reading,
    sentences: Sequence[str],
    digests: Mapping[str, str],
) -> str:
    needs = {"onnx": "onnxruntime tokenizers", "torch": "torch numpy tokenizers"}[asked.form]
    example = PROGRAMS[reading.kind].row.split(";")[0].split(", or ")[0]
    entries = [
        f"| `{markdown_text(name)}` | `{each['digest']}` | {markdown_text(each['licence'] or 'not stated')} |"
        for name, each in about["entries"].items()
    ]
    lines = [
        f"# {markdown_text(asked.title)}",
        "",
        f"{'Vectors of texts' if asked.is_vectors else 'Answers'} by `{markdown_text(asked.title)}` on the encoder "
        f"`{markdown_text(about['backbone']['name'])}`: adapters, fusions and head multiplied out into one model of the kind "
        f"`{reading.kind}`, weights in {asked.weights}.",
        "",
        "```bash",
        f"pip install {needs}",
        f"echo '{example}' | python run.py",
        "```",
        "",
        *sentences,
        "",
        "| made from | digest | licence |",
        "|---|---|---|",
        f"| encoder `{markdown_text(about['backbone']['name'])}` | `{about['backbone']['digest']}` | |",
        *entries,
        "",
        "| file | SHA-256 |",
        "|---|---|",
        *(f"| `{name}` | `{digest}` |" for name, digest in digests.items()),
        "",
        f"Made by {about['made_by']}.",
        "",
    ]
    return "\n".join(lines)
