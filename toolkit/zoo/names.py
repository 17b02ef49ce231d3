"""Names of backbones in a zoo: on cards (`shelf_name`) and as folders (`backbone_slug`)."""

from __future__ import annotations

import os
import re

from toolkit.errors import ZooError
from toolkit.modeling.hub_ids import aliases, is_folder
from toolkit.paths import at_home

FULL = "+full"  # ends the name of a shelf of whole encoders
_LOCAL = re.compile(r"[/~.]|.*[/\\].*[/\\]|.*\\")  # `/a`, `~/a`, `./a`, `a/b/c`; a hub id has at most one slash


def shelf_name(backbone: str, kind: str = "seq_bn") -> str:
    """Return the backbone name under which a zoo files an adapter.

    Whole encoders (`adapter: full`) are filed under a name of their own, so that `mnli` can be both. A local folder is filed
    under its own name, without the path to it: a card that is shared says nothing about its maker's disk.

    Example:
        >>> shelf_name("embedded"), shelf_name("embedded", "full")
        ('embedded', 'embedded+full')
    """
    name = f"./{at_home(backbone).resolve().name}" if is_folder(backbone) else backbone
    return name + (FULL if kind == "full" else "")


def spellings(name: str) -> tuple[str, ...]:
    """Return the names under which a zoo may have filed the same backbone, the given one first.

    Example:
        >>> spellings("xlm-roberta-base+full")
        ('xlm-roberta-base+full', 'FacebookAI/xlm-roberta-base+full')
    """
    bare = name.removesuffix(FULL)
    return tuple(each + name[len(bare) :] for each in aliases(bare))


def backbone_slug(name: str, digest: str = "") -> str:
    """Return the folder name of a backbone.

    Args:
        name: registry name, hub id or local folder.
        digest: of its weights; a local folder's name alone says too little.

    Raises:
        ZooError: a local folder without a digest.

    Example:
        >>> backbone_slug("FacebookAI/xlm-roberta-base"), backbone_slug("/models/my-xlmr", "0123456789ab")
        ('FacebookAI--xlm-roberta-base', 'my-xlmr-01234567')
    """
    if not is_local(name):
        return clean(name.replace("/", "--"))
    if not digest:
        raise ZooError(f"The backbone '{name}' is a local folder, which needs its digest to have a name in the zoo.")
    return f"{clean(last_part(name))}-{clean(digest)[:8]}"


def is_local(name: str) -> bool:
    """Return whether a backbone's name is a path rather than a registry name or hub id."""
    return bool(_LOCAL.match(name))


def asked_name(name: str) -> str:
    """Return a backbone's name on a card as a user can write it: of a folder, whose place is not known, `FOLDER/` and its name.

    Example:
        >>> asked_name("./my-xlmr+full"), asked_name("embedded")
        ('FOLDER/my-xlmr', 'embedded')
    """
    bare = name.removesuffix(FULL)
    return f"FOLDER/{last_part(bare)}" if is_local(bare) else bare


def last_part(name: str) -> str:
    """Return the last part of a path."""
    return os.path.basename(os.path.abspath(os.path.expanduser(name.replace("\\", "/"))))


def clean(name: str) -> str:
    """Return a name with only what every file system and shell takes as it is."""
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name).lstrip(".-")[:100] or "backbone"
