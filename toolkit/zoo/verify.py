"""Checks of entries against their cards and circuits, made before any tensor is handed out."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ZooError
from toolkit.zoo.card import CARD_FILE, MAX_CARD_BYTES, README_FILE, AdapterCard
from toolkit.zoo.entry import is_temporary
from toolkit.zoo.files import REPLACE_IT, open_regular, sha256
from toolkit.zoo.gate import card_fault, weight_fault
from toolkit.zoo.scored import SCORES_FILE
from toolkit.zoo.shapes import difference, missing_files, some
from toolkit.zoo.streamed import stored_tensors

if TYPE_CHECKING:
    import numpy as np

    from toolkit.zoo.gate import Tensors


def check_backbone(card: AdapterCard, name: str, digest: str, hidden_size: int) -> None:
    """Raise where an adapter was trained on another backbone than the one at hand.

    The digest decides: one encoder may be known as `xlm-roberta-base` here and as a folder there.

    Args:
        card: the adapter's card.
        name: the backbone at hand.
        digest: sha256 over its weights.
        hidden_size: its width H.

    Raises:
        ZooError: it is another backbone, or another revision of the same one.

    Example:
        >>> from toolkit.zoo import AdapterCard, Backbone
        >>> on_base = Backbone("xlm-roberta-base", "ab" * 32, 768, 12)
        >>> card = AdapterCard("mnli", on_base, "seq_bn")
        >>> check_backbone(card, "xlm-roberta-large", "cd" * 32, 1024)  # doctest: +NORMALIZE_WHITESPACE
        Traceback (most recent call last):
        ...
        toolkit.errors.ZooError: Adapter 'mnli' was trained on xlm-roberta-base (H=768);
            this backbone is xlm-roberta-large (H=1024).
    """
    made_for = card.backbone
    if made_for.digest == digest:
        return
    if made_for.name == name and made_for.hidden_size == hidden_size:
        raise ZooError(
            f"Adapter '{card.name}' was trained on {name} with the weights {made_for.digest[:12]}; this {name} has "
            f"others, {digest[:12]}; load the revision of its training (`--set backbone.revision="
            f"{(made_for.revision or '...').rpartition('@')[2]}`) or train anew."
        )
    raise ZooError(
        f"Adapter '{card.name}' was trained on {made_for.name} (H={made_for.hidden_size}); "
        f"this backbone is {name} (H={hidden_size})."
    )


def read_card(folder: Path) -> AdapterCard:
    """Return the card in an entry's folder.

    Raises:
        ZooError: it is missing, a link, too long, no text, changed or no card; with its path.
    """
    path = f"{folder}/{CARD_FILE}"
    with open_regular(path, f"The card of '{folder.name}'") as stream:
        data = stream.read(min(os.fstat(stream.fileno()).st_size, MAX_CARD_BYTES) + 1)
    try:
        if len(data) > MAX_CARD_BYTES:
            raise ZooError(f"The card has more than {MAX_CARD_BYTES:,} bytes; no card of this release is that long.")
        return AdapterCard.from_text(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ZooError(f"{path}: The card is not UTF-8 text; {REPLACE_IT}.") from None
    except ZooError as error:
        raise ZooError(f"{path}: {error}") from None


def read_tensors(
    folder: Path, card: AdapterCard, file: str, *, expected: Mapping[str, Sequence[int]] | None = None
) -> dict[str, np.ndarray]:
    """Return the tensors of one file of an entry, after every check.

    Args:
        folder: the entry's folder.
        card: its card.
        file: file name, `adapter.safetensors`.
        expected: shape by tensor name; None accepts what the card's checksum vouches for.

    Returns:
        Arrays that own their memory, bit-equal to what was put.

    Raises:
        ZooError: the file is missing, a link, damaged, or holds a missing, surplus or wrongly shaped tensor.
    """
    if fault := card_fault(card):
        raise ZooError(f"{fault.rstrip('.')}; {REPLACE_IT}.")
    with _opened(folder, card, file) as opened:
        check_shapes(opened.what, opened.shapes, expected)
        tensors = {name: opened.weights.get_tensor(name) for name in opened.shapes}
        _check_weights(opened.what, card, file, tensors)
    return tensors


def check_file(folder: Path, card: AdapterCard, file: str) -> None:
    """Check one file of an entry as `read_tensors` does, in pieces: its size costs no memory.

    Raises:
        ZooError: as `read_tensors`.
    """
    with _opened(folder, card, file) as opened:
        _check_weights(opened.what, card, file, stored_tensors(opened.stream))


def _check_weights(what: str, card: AdapterCard, file: str, tensors: Tensors) -> None:
    if fault := weight_fault(card, file, tensors):
        raise ZooError(f"{what} {fault}; {REPLACE_IT}.")


@dataclass(frozen=True)
class _Opened:
    """A weight file whose bytes are those that its card vouches for.

    Attributes:
        what: how it is called in a fault.
        stream: the file.
        weights: safetensors' handle.
        shapes: of its tensors, by name.
    """

    what: str
    stream: io.BufferedReader
    weights: Any
    shapes: Mapping[str, tuple[int, ...]]


@contextmanager
def _opened(folder: Path, card: AdapterCard, file: str) -> Iterator[_Opened]:
    """Open one file of an entry: size, checksum, format and number of tensors are checked, and that it stays the same file."""
    from safetensors import SafetensorError, safe_open

    what = f"{file} of '{card.name}'"
    held = card.files.get(file)
    if held is None:
        raise ZooError(f"'{card.name}' has no {file}; it holds {', '.join(sorted(card.files))}.")
    path = folder / file
    with open_regular(path, what) as stream:
        status = os.fstat(stream.fileno())
        if status.st_size != held.bytes:
            raise ZooError(f"{what} has {status.st_size} bytes, its card says {held.bytes}; {REPLACE_IT}.")
        found = sha256(stream)
        if found != held.sha256:
            raise ZooError(
                f"{what} is damaged: its SHA-256 is {found[:12]}..., its card says {held.sha256[:12]}...; {REPLACE_IT}."
            )
        try:
            with safe_open(path, framework="np") as weights:
                shapes = {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
                if len(shapes) != held.tensors:
                    raise ZooError(f"{what} holds {len(shapes)} tensors, its card says {held.tensors}.")
                yield _Opened(what, stream, weights, shapes)
            again = os.lstat(path)
        except ZooError:
            raise
        # KeyError, TypeError: a number format that NumPy lacks (bfloat16, float8).
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise ZooError(f"{what} cannot be read as a weight file ({_short(error)}); {REPLACE_IT}.") from None
    # safe_open took the path, not our handle: what was read must be the file that was checked.
    if (again.st_dev, again.st_ino, again.st_mtime_ns) != (status.st_dev, status.st_ino, status.st_mtime_ns):
        raise ZooError(f"{what} was replaced while it was read; run the same command again.")


def check_shapes(what: str, found: Mapping[str, Sequence[int]], expected: Mapping[str, Sequence[int]] | None) -> None:
    """Raise ZooError unless exactly the `expected` tensors are found, each in its shape; None expects nothing."""
    if expected is not None and (fault := difference(found, expected)):
        raise ZooError(f"{what} {fault}; nothing was loaded.")


def entry_faults(folder: Path, card: AdapterCard) -> list[str]:
    """Return every way in which an entry's folder is not what its card says; an empty list for a sound one."""
    if fault := card_fault(card):
        return [f"{fault.rstrip('.')}; {REPLACE_IT}."]
    faults = [f"'{card.name}' has no {file}; {REPLACE_IT}." for file in missing_files(card)]
    for file in sorted(card.files):
        try:
            check_file(folder, card, file)
        except ZooError as error:
            faults.append(str(error))
    try:
        found = {name for name in os.listdir(folder) if not is_temporary(name)}
        strays = sorted(found - set(card.files) - {CARD_FILE, README_FILE, SCORES_FILE})
    except OSError as error:
        return [*faults, f"The folder {folder} cannot be read ({error.strerror})."]
    if strays:
        faults.append(f"The folder of '{card.name}' holds {some(strays)}, which its card does not name; remove it.")
    return faults


def taken(card: AdapterCard, held: AdapterCard, place: Path | str) -> ZooError:
    """Return the sentence for a name that stands for other weights already.

    Args:
        card: of the new ones.
        held: of those that are there.
        place: a zoo's folder, or elsewhere as text, where nothing can be removed from here.
    """
    words = ["xstilts", "zoo", "remove", card.name, "--backbone", card.backbone.name, "--zoo", str(place)]
    way = f"remove it (`{shlex.join(words)}`) or replace it" if isinstance(place, Path) else "replace it"
    return ZooError(
        f"{f'The zoo {place}' if isinstance(place, Path) else place} already holds '{card.name}' for {card.backbone.name} with "
        f"other weights ({held.digest[:12]}, the new ones are {card.digest[:12]}); {way} (`--replace` of `zoo pull` and `zoo push`)."
    )


def _short(error: Any) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
