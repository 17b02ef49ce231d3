"""Shape of a backbone, and how this machine would compute it, as far as they show without torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from toolkit.config import Config
from toolkit.config.words import UsedKernel
from toolkit.errors import ToolkitError
from toolkit.modeling.hub_ids import HUB_IDS, NAMES, short_name
from toolkit.modeling.identity import here
from toolkit.modeling.measured import likely_kernel
from toolkit.modeling.published.configuration import fields_of
from toolkit.recipes.train.kept import Arithmetic, Encoder

SHAPES: Mapping[str, Encoder] = {
    "xlm-roberta-large": Encoder(24, 1024, 4096, 250_002, 514, 16),
    "xlm-roberta-base": Encoder(12, 768, 3072, 250_002, 514, 12),
    "embedded": Encoder(12, 384, 1536, 250_037, 514, 12),
    "tiny": Encoder(2, 32, 64, 36_650, 514, 4),
}
"""Shapes of the encoders that are known by name, which need not be on this machine to be planned for."""
_LONGEST = 2**24  # bytes of the names in a file of weights: far more than any has


def shape_of(config: Config) -> Encoder:
    """Return the shape of the backbone, without loading it.

    Raises:
        ToolkitError: it is neither known by name nor on this machine, or its `config.json` does not say it.
    """
    settings = config.backbone
    if (name := short_name(settings.name)) in SHAPES:
        return SHAPES[name]
    folder = here(settings.name, settings.revision)
    if folder is None:
        raise ToolkitError(
            f"The shape of '{settings.name}' is not known before its files are here; run `xstilts doctor --backbone "
            f"{settings.name}`, or plan with one of {', '.join(SHAPES)}."
        )
    fields = fields_of(folder)
    try:
        return Encoder.of(fields)
    except (ValueError, KeyError, TypeError) as fault:
        raise ToolkitError(
            f"{folder / 'config.json'} does not say the encoder's shape ({type(fault).__name__}: {fault}); expected a configuration of the XLM-R family."
        ) from None


def arithmetic_of(config: Config) -> Arithmetic:
    """Return how this machine would compute, as far as it shows without torch."""
    has_gpu = Path("/dev/nvidia0").exists() and os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() not in ("", "-1")
    asked = config.backbone.precision
    is_narrow = asked in ("bf16", "fp16") or (asked == "auto" and (has_gpu or _has_bf16()))
    how = Arithmetic(
        number=2 if is_narrow else 4,
        place="cuda" if has_gpu else "cpu",
        is_full=config.adapter.kind == "full",
        recompute=config.train.recompute,
    )
    return how if has_gpu else replace(how, kernel=_kernel_of(config, is_narrow=is_narrow))


def publishes_head(config: Config) -> bool:
    """Return whether the backbone's checkpoint has a masked language head, as far as it shows without torch."""
    settings = config.backbone
    if (name := short_name(settings.name)) in NAMES:
        return name in HUB_IDS
    folder = here(settings.name, settings.revision)
    return folder is not None and any(_names_head(file) for file in folder.glob("*.safetensors"))


def _names_head(file: Path) -> bool:
    """Whether a file of weights names tensors of a masked language head: its names are at its beginning, as JSON."""
    try:
        with file.open("rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            names = json.loads(opened.read(min(size, _LONGEST)))
    except (OSError, ValueError):
        return False
    return any(name.startswith("lm_head.") for name in names)


def _kernel_of(config: Config, *, is_narrow: bool) -> UsedKernel:
    """Return how frozen layers would be computed on this processor."""
    asked = config.backbone.kernels
    if config.adapter.kind == "full" or config.train.backbone_dropout > 0 or (asked == "auto" and not is_narrow):
        return "plain"
    if asked != "auto":
        return asked
    encoder = shape_of(config)
    return likely_kernel(encoder.width // encoder.heads)


def _has_bf16() -> bool:
    """Whether the processor multiplies bf16, as `resolve_precision` asks torch."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    words = set(flags.split())
    return "avx512_bf16" in words or "amx_tile" in words
