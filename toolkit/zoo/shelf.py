"""On which shelf of the zoo an adapter stands."""

from __future__ import annotations

from pathlib import Path


def shelf_name(backbone: str, kind: str = "seq_bn") -> str:
    """Return the backbone name under which a zoo files an adapter.

    Whole encoders (`adapter: full`) stand on a shelf of their own, so that `mnli` can be both. A local folder is filed
    under its own name, without the path to it: a card that is shared says nothing about its maker's disk.

    Example:
        >>> shelf_name("embedded"), shelf_name("embedded", "full")
        ('embedded', 'embedded+full')
    """
    name = f"./{Path(backbone).resolve().name}" if Path(backbone).is_dir() else backbone
    return name + ("+full" if kind == "full" else "")
