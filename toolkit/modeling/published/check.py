"""Check of a checkpoint on this machine: all weights read, whatever was noted of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import SourceError
from toolkit.modeling.published.configuration import read_configuration
from toolkit.modeling.published.digests import known_digest
from toolkit.modeling.published.files import damage_told
from toolkit.modeling.published.layout import again, find_weights
from toolkit.modeling.published.weights import load_encoder

_SHA = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Checked:
    """Checkpoint that was read.

    Attributes:
        files: that hold its weights.
        digest: of its parameters.
        noted: the digest that was noted before; None where none was.
        named: number of files that were compared with the hub's own checksum.
    """

    files: tuple[Path, ...]
    digest: str
    noted: str | None
    named: int

    @property
    def in_words(self) -> str:
        """What it was compared with."""
        noted = "not noted before" if self.noted is None else "as noted"
        return noted + (f"; {self.named} as the hub's checksums say" if self.named else "")


def check_checkpoint(folder: Path) -> Checked:
    """Read all weights of a folder.

    Files of the hub's cache are compared with the checksum that their name is.

    Raises:
        SourceError: a file is missing or damaged, or its content is not that of which the digest was noted.
    """
    files = tuple(find_weights(folder))
    named = 0
    for file in files:
        blob = file.resolve()
        if not _SHA.fullmatch(blob.name):
            continue
        with damage_told(folder), blob.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != blob.name:
            raise SourceError(
                f"{file} is damaged: its SHA-256 is {found[:12]}..., the hub's is {blob.name[:12]}...; remove {blob}, and download the checkpoint again."
            )
        named += 1
    noted = known_digest(folder)
    digest = load_encoder(read_configuration(folder), folder, is_read=True)[1]
    if noted is not None and noted != digest:
        raise SourceError(
            f"The weights of {folder} have the digest {digest[:12]}, and {noted[:12]} was noted of the very same files: the disk "
            f"gives other bytes than before; {again(folder)}."
        )
    return Checked(files, digest, noted, named)
