"""Identity of a backbone: the digest of its weights, found by whatever name the backbone is asked for."""

from __future__ import annotations

from pathlib import Path

from toolkit.modeling.embedded import kept_folder
from toolkit.modeling.hub_ids import HUB_IDS, is_folder
from toolkit.modeling.published.digests import known_digest
from toolkit.modeling.published.kept import whole_snapshot
from toolkit.paths import at_home


def here(name: str, revision: str | None = None) -> Path | None:
    """Return the folder in which a backbone's checkpoint is on this machine, whole; None where there is none.

    Args:
        name: of the backbone: a registry name, a hub id or a folder.
        revision: of a hub id; None: the one that would be used.
    """
    if name == "embedded":
        return kept_folder()
    if name == "tiny":
        return None
    if is_folder(name):
        return at_home(name)
    return whole_snapshot(HUB_IDS.get(name, name), revision)


def known_identity(name: str, revision: str | None = None) -> str | None:
    """Return the digest of a backbone that is on this machine and was read before; None where neither is known."""
    folder = here(name, revision)
    return None if folder is None else known_digest(folder)


def identity(name: str, revision: str | None = None) -> str | None:
    """Return the digest of a backbone that is on this machine, computed where it is not known; None where it is not here.

    Raises:
        ToolkitError: what is here is not a checkpoint of the XLM-R family, or is damaged.
    """
    folder = here(name, revision)
    if folder is None:
        return None
    known = known_digest(folder)
    if known is not None:
        return known
    from toolkit.modeling.published.configuration import read_configuration
    from toolkit.modeling.published.weights import load_encoder

    return load_encoder(read_configuration(folder), folder)[1]
