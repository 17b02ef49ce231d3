"""Limits of MLflow on names and values: what is longer is shortened where it is shown, and kept whole as a file of the run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# MLflow 3.17's limits (mlflow/utils/validation.py).
KEY_LENGTH, TAG_LENGTH, PARAM_LENGTH = 250, 8000, 6000
EXPERIMENT_LENGTH = 250  # 500 says the check, 256 has the column of the database
DATA_NAME_LENGTH, DATA_DIGEST_LENGTH = 500, 36
MODEL_VALUE_LENGTH = 16_000  # a TEXT column: no limit, but 64 KiB in MySQL
REQUEST_BYTES = 1_000_000
EXPERIMENT_TAG_LENGTH = 20_000

NOTE_TAG = "mlflow.note.content"
"""What MLflow shows as the description of a run or a model, as Markdown."""
NAMES_FILE = "whole/names.json"
"""Artifact that says what a metric's name stands for where MLflow does not take it as it is."""


@dataclass(frozen=True)
class Whole:
    """What a run has in a shorter form than it was given.

    Attributes:
        files: texts by the name of the artifact that keeps them whole.
        notes: sentences that say so.
    """

    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def fit(self, what: str, value: str, limit: int, *, file: str) -> str:
        """Return `value`, or its first characters with the name of the file that has it whole.

        Args:
            what: `param 'composition'`, for the sentence.
            limit: characters that MLflow keeps.
            file: name of the artifact, `whole/...`.

        Example:
            >>> Whole().fit("tag 't'", "x" * 70, 60, file="whole/t.txt")
            'xxxxxxxxxxxxxxx… (70 characters, all of them in whole/t.txt)'
        """
        if len(value) <= limit:
            return value
        self.files[file] = value
        self.notes.append(
            f"MLflow keeps {limit:,} of the {len(value):,} characters of the {what}; all of them are in the run's file {file}."
        )
        end = f"… ({len(value):,} characters, all of them in {file})"
        if what == "description":  # Markdown, often a table: cut between two lines
            kept = value[: limit - len(end) - 2]
            return f"{kept[: kept.rfind(chr(10)) + 1] or kept}\n{end}"
        return value[: limit - len(end)] + end

    def short(self, what: str, name: str, limit: int, *, file: str) -> str:
        """Return `name`, or its beginning and a digest, by which two long names stay two; the whole is kept in a file."""
        if len(name) <= limit:
            return name
        self.files[file] = name
        self.notes.append(
            f"MLflow keeps {limit} of the {len(name):,} characters of the {what}; all of them are in the run's file {file}."
        )
        return shortened(name, limit)

    def values(self, kind: str, given: Mapping[str, Any], limit: int) -> dict[str, str]:
        """Return params or tags under names and with values that MLflow takes.

        Args:
            kind: `param` or `tag`.
        """
        names = Names()
        found: dict[str, str] = {}
        for name, value in given.items():
            key = names.safe(name)
            is_note = name == NOTE_TAG
            what = "description" if is_note else f"{kind} '{cut(name, 60)}'"
            file = "whole/description.md" if is_note else f"whole/{kind}s/{file_name(key)}.txt"
            found[key] = self.fit(what, str(value), limit, file=file)
        return found


class Names:
    """Names of one run's metrics (or tags, or params) as MLflow takes them: two that differ stay two."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}

    def safe(self, name: str) -> str:
        """Return the name under which MLflow keeps `name`.

        Example:
            >>> names = Names()
            >>> names.safe("a[b"), names.safe("a(b")
            ('a_b', 'a_b_38d5ec2d')
        """
        key = safe_key(name)
        if self._given.setdefault(key, name) != name:
            key = f"{key[: KEY_LENGTH - 9].rstrip('/')}_{_digest(name)}"
            self._given[key] = name
        return key

    @property
    def changed(self) -> dict[str, str]:
        """The names that MLflow has in another form: its name, and the one that was given."""
        return {key: name for key, name in self._given.items() if key != name}


def cut(value: str, limit: int) -> str:
    """Return `value`, or its first characters and an ellipsis where it is longer than `limit`.

    Example:
        >>> cut("xlm-roberta", 6)
        'xlm-r…'
    """
    return value if len(value) <= limit else value[: limit - 1] + "…"


def shortened(name: str, limit: int) -> str:
    """Return `name`, or its beginning, an ellipsis and a digest of the whole.

    Example:
        >>> shortened("fuse[mnli,squad]/udpos", 20)
        'fuse[mnli,s…d180a5d1'
    """
    return name if len(name) <= limit else f"{name[: limit - 9]}…{_digest(name)}"


def file_name(key: str) -> str:
    """Return a name of a file for a safe key: without folders, and short enough for every file system."""
    name = key.replace("/", ".").replace(":", "_")
    return name if len(name.encode()) <= 120 else f"{name[:25]}_{_digest(key)}"


def safe_key(name: str) -> str:
    """Return `name` as MLflow takes it for a metric, param or tag: letters, digits and `/_.-: `, at most 250.

    A name that had to be shortened ends in a digest, so that two of them stay two.

    Example:
        >>> safe_key("xnli/accuracy/zero_shot_mean"), safe_key("fuse[a,b]@t"), safe_key("../a//b")
        ('xnli/accuracy/zero_shot_mean', 'fuse_a_b__t', 'a/b')
    """
    safe = safe_path(re.sub(r"[^/\w.\-: ]", "_", str(name))) or "_"
    if len(safe) > KEY_LENGTH:
        safe = f"{safe[: KEY_LENGTH - 9].rstrip('/')}_{_digest(safe)}"
    return safe


def safe_path(name: str) -> str:
    """Return `name` as a relative path that stays inside its folder.

    Example:
        >>> safe_path("/config/../resolved.yaml")
        'config/resolved.yaml'
    """
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
