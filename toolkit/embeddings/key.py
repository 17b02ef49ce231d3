"""Key of a vector in the store: everything that determines it except its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from toolkit.files import load_json

# Raise it where the same key would mean other numbers from now on.
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Key:
    """Everything that decides what a text's vector is; two keys that differ anywhere share nothing.

    Attributes:
        kind: what is stored, `sentence` for one vector per sentence; other features take names of their own.
        backbone: sha256 of the encoder's weights.
        backbone_name: as it was asked for; for readers, not part of the digest.
        composition: canonical text of what flows.
        adapters: for each part that is wired, its name and the sha256 of its weights and shape.
        layer: hidden state, 0 being the embeddings.
        pooling: how tokens become one vector.
        tokenizer: sha256 of the tokenizer.
        max_length: tokens per text, special tokens included.
        precision: arithmetic of the encoder, for example `bf16` or `fp32 folded`.
        dtype: `float32` or `float16`, as it is stored.

    Example:
        >>> a = Key(backbone="ab", composition="mnli", layer=7, pooling="mean", tokenizer="cd", max_length=512, precision="bf16")
        >>> from dataclasses import replace
        >>> a.digest == replace(a, backbone_name="embedded").digest, a.digest == replace(a, layer=8).digest
        (True, False)
    """

    backbone: str
    composition: str
    layer: int
    pooling: str
    tokenizer: str
    max_length: int
    precision: str
    adapters: tuple[tuple[str, str], ...] = ()
    dtype: str = "float32"
    kind: str = "sentence"
    backbone_name: str = ""

    @property
    def digest(self) -> str:
        """sha256 of every field that decides a vector."""
        deciding = {name: value for name, value in self.to_dict().items() if name != "backbone_name"}
        return hashlib.sha256(json.dumps([FORMAT, deciding], sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON knows them."""
        return {**asdict(self), "adapters": [list(one) for one in self.adapters]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Key:
        """Return the key that `to_dict` gave.

        Raises:
            ValueError: a field is missing, unknown or of another type.
        """
        if set(values) != {one.name for one in fields(cls)}:
            raise ValueError(f"the fields are {', '.join(sorted(map(str, values)))}")
        plain = {**values, "adapters": tuple((str(name), str(digest)) for name, digest in values["adapters"])}
        key = cls(**plain)
        for one in fields(cls):
            expected = {"str": str, "int": int}.get(str(one.type), tuple)
            if not isinstance(getattr(key, one.name), expected):
                raise ValueError(f"{one.name} is {getattr(key, one.name)!r}")
        return key


def read_key(file: Path) -> Key:
    """Return the key that a `key.json` holds.

    Raises:
        OSError: the file is not there, or cannot be read.
        ValueError: it holds no key.
    """
    found = load_json(file)
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    return Key.from_dict(found)
