"""Places that adapters come from and go to: a folder, any fsspec URL, a repository of the hub.

A remote place holds `<backbone>/<composition>/card.yaml`, and the weights either next to it (a plain zoo) or in a folder
`<digest, 16 digits>/` below it. A push writes the second form: weights of another digest never touch those that a card
names, and the card, one small file, is what makes an entry visible.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ZooError
from toolkit.zoo.card import CARD_FILE, MAX_CARD_BYTES, README_FILE, AdapterCard
from toolkit.zoo.files import names, open_regular, refuse_link
from toolkit.zoo.scored import MAX_SCORES_BYTES, SCORES_FILE, Kept, parse_lines
from toolkit.zoo.share.parts import left_parts, part_of


class Unreachable(ZooError):
    """A place that did not answer as a place does: its address, its rights, the connection."""


_SAFE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=~,@-]*")
MAX_ENTRIES = 100_000


@dataclass(frozen=True)
class Parcel:
    """An entry on its way: its card, the card's text to the byte, and the local folder with its files.

    Args:
        card: what it is.
        text: the sealed page, copied as it is.
        folder: its files on this disk.
        readme: the page for people, empty for none.
        scores: what its weights reached since their training, as the file of scores has it; empty for none.
    """

    card: AdapterCard
    text: str
    folder: Path
    readme: str = ""
    scores: str = ""

    @property
    def pages(self) -> list[tuple[str, str]]:
        """Text files next to the card: path below the place's root, and content."""
        held = [(README_FILE, self.readme), (SCORES_FILE, self.scores)]
        return [(f"{self.path}/{name}", text) for name, text in held if text]

    @property
    def path(self) -> str:
        """`<backbone>/<composition>` below the place's root."""
        return self.card.path


@dataclass(frozen=True)
class Place:
    """A place that is read, and written unless it is a local folder.

    Args:
        url: as the user named it.
        fs: the fsspec file system.
        base: the root inside it, without a slash at the end.
        local: the root as a path, for a folder of this machine.
    """

    url: str
    fs: Any
    base: str
    local: Path | None = None

    def cards(self, *, damaged: list[str] | None = None) -> list[tuple[AdapterCard, str]]:
        """Return every card with its text, sorted by path.

        Args:
            damaged: takes a sentence for every entry that cannot be read; without it the first one raises.
        """
        found, faults = self.read_all()
        if faults and damaged is None:
            raise next(iter(faults.values()))
        if damaged is not None:
            damaged += map(str, faults.values())
        return list(found.values())

    def read_all(self) -> tuple[dict[str, tuple[AdapterCard, str]], dict[str, ZooError]]:
        """Return every card with its text by `<backbone>/<composition>`, and why the other entries cannot be read.

        Raises:
            ZooError: the place cannot be reached.
        """
        found: dict[str, tuple[AdapterCard, str]] = {}
        faults: dict[str, ZooError] = {}
        for path in self._entry_paths(faults):
            try:
                found[path] = self.card(path)
            except ZooError as error:
                faults[path] = error
        return found, faults

    def card(self, path: str) -> tuple[AdapterCard, str]:
        """Return the card at `<backbone>/<composition>` and its text, checked against its path."""
        where = f"{self.url}: {path}/{CARD_FILE}"
        with self.open(f"{path}/{CARD_FILE}") as stream, reaching(self.url):
            data = stream.read(MAX_CARD_BYTES + 1)
        if len(data) > MAX_CARD_BYTES:
            raise ZooError(f"{where}: The card has more than {MAX_CARD_BYTES:,} bytes; no card is that long.")
        try:
            text = data.decode("utf-8")
            card = AdapterCard.from_text(text)
        except UnicodeDecodeError:
            raise ZooError(f"{where}: The card is not UTF-8 text; have it pushed again.") from None
        except ZooError as error:
            raise ZooError(f"{where}: {error}") from None
        if card.path != path:
            raise ZooError(f"{where}: The card is of '{card.name}' and belongs into {card.path}; nothing was taken.")
        return card, text

    def holds(self, path: str) -> bool:
        """Return whether there is an entry."""
        return self.exists(f"{path}/{CARD_FILE}")

    def exists(self, path: str) -> bool:
        """Return whether there is a file at a path below the root."""
        with reaching(self.url):
            return bool(self.fs.exists(self._at(path)))

    def weights(self, card: AdapterCard, file: str) -> Any:
        """Open one weight file of an entry for reading."""
        for path in (f"{card.path}/{card.digest[:16]}/{file}", f"{card.path}/{file}"):
            if self.exists(path):
                return self.open(path)
        raise ZooError(f"{self.url} lacks {file} of '{card.name}': it was pushed half; have it pushed again.")

    def scores(self, card: AdapterCard) -> tuple[Kept, ...]:
        """Return what the weights of an entry reached, as the place has it; lines that cannot be read are left out."""
        try:
            with self.open(f"{card.path}/{SCORES_FILE}") as stream, reaching(self.url):
                data = stream.read(MAX_SCORES_BYTES + 1)
        except ZooError:
            return ()  # there is none
        return () if len(data) > MAX_SCORES_BYTES else tuple(parse_lines(data).of(card.digest))

    def open(self, path: str) -> Any:
        """Open a file below the root for reading; on a local disk no link is followed."""
        _refuse_hostile(self.url, path)
        if self.local is not None:
            folder = self.local
            for part in path.split("/")[:-1]:
                folder = folder / part
                refuse_link(folder)
            return open_regular(self.local / path, f"{path} in {self.url}")
        with reaching(self.url):
            return self.fs.open(self._at(path), "rb")

    def publish(self, parcels: list[Parcel]) -> None:
        """Write entries, in their order: weights first, the card last."""
        for parcel in parcels:
            with reaching(self.url):
                weights = f"{parcel.path}/{parcel.card.digest[:16]}"
                for file, held in sorted(parcel.card.files.items()):
                    self._send(parcel.folder / file, f"{weights}/{file}", held.bytes)
                for path, text in parcel.pages:
                    self._write(text, path)
                self._write(parcel.text, f"{parcel.path}/{CARD_FILE}")

    def write_pages(self, pages: list[tuple[str, str]]) -> None:
        """Replace text files of entries that are there: path below the root, and content."""
        with reaching(self.url):
            for path, text in pages:
                self._write(text, path)

    def left(self, entries: Iterable[str] | None = None) -> list[str]:
        """Return the files that pushes have left which were killed, in the folders of some entries or of all.

        A folder of this machine has none: what comes there is cleared as in any zoo.
        """
        if self.local is not None:
            return []
        with reaching(self.url):
            self.fs.invalidate_cache()
            return left_parts(self.fs, self.base, entries)

    def clear(self, entries: Iterable[str] | None = None) -> int:
        """Remove what `left` finds, as far as the place allows it, and return how many files that were."""
        n = 0
        with suppress(ZooError):  # a place that is only read
            for path in self.left(entries):
                with reaching(self.url):
                    self.fs.rm_file(path)
                n += 1
        return n

    def _send(self, source: Path, path: str, size: int) -> None:
        target = self._at(path)
        if self.fs.exists(target) and self.fs.size(target) == size:
            return  # it came by one rename, so it is whole: a push that was killed continues here
        unnamed = part_of(target)
        self.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        self.fs.put_file(str(source), unnamed)
        self.fs.mv(unnamed, target)

    def _write(self, text: str, path: str) -> None:
        target = self._at(path)
        unnamed = part_of(target)
        self.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(unnamed, text.encode("utf-8"))
        self.fs.mv(unnamed, target)

    def _at(self, path: str) -> str:
        return f"{self.base}/{path}" if self.base else path

    def _entry_paths(self, faults: dict[str, ZooError]) -> list[str]:
        """Return `<backbone>/<composition>` of every entry; of names that leave the root, and of what cannot be listed, the fault."""
        paths = set()
        with reaching(self.url):
            found = list(self._walk(faults))
        for name in found:
            if name.count("/") == 2 and name.endswith(f"/{CARD_FILE}") and not re.search(r"(^|/)\.[^./]", name):
                path = name.rpartition("/")[0]
                try:
                    _refuse_hostile(self.url, name)
                    paths.add(path)
                except ZooError as error:
                    faults[path] = error
        if len(paths) > MAX_ENTRIES:
            raise ZooError(f"{self.url} holds more than {MAX_ENTRIES:,} entries; name one of them.")
        return sorted(paths)

    def _walk(self, faults: dict[str, ZooError]) -> Iterator[str]:
        if self.local is not None:
            for shelf in names(self.local):
                if os.path.isdir(self.local / shelf) and not shelf.startswith("."):
                    try:
                        slugs = names(self.local / shelf)
                    except ZooError as error:
                        faults[shelf] = error
                        continue
                    for slug in slugs:
                        if os.path.lexists(self.local / shelf / slug / CARD_FILE):
                            yield f"{shelf}/{slug}/{CARD_FILE}"
            return
        self.fs.invalidate_cache()
        if self.base and not self.fs.exists(self.base):
            return
        # The names as the place gives them: `..` among them must be seen, not resolved.
        base = self.base.strip("/")
        for name in self.fs.find(self.base, maxdepth=3):
            name = name.lstrip("/")
            yield name.removeprefix(base).lstrip("/") if base else name


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn whatever a file system's own code raises into one sentence: it is not ours, and its kinds are many."""
    try:
        yield
    except ZooError:
        raise
    except FileNotFoundError as error:
        raise ZooError(f"{url} has no {os.path.basename(str(error.filename or error))}; check the address.") from None
    except Exception as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise Unreachable(
            f"{url} cannot be used ({said}); check the address, its rights and the connection, and run the same command "
            "again: what was complete is kept."
        ) from error


def _refuse_hostile(url: str, path: str) -> None:
    for part in path.split("/"):
        if not _SAFE_PART.fullmatch(part):
            shown = re.sub(r"[^\x20-\x7e]", "?", path)[:80]
            raise ZooError(f"{url} holds the name '{shown}', which is refused; nothing was taken.")


def read_exactly(stream: io.BufferedReader, size: int) -> Iterator[bytes]:
    """Yield at most `size` bytes and one more, in pieces: a file that is longer than it says is seen and not stored."""
    left = size + 1
    while left > 0 and (piece := stream.read(min(left, 1 << 20))):
        left -= len(piece)
        yield piece
