"""A character map in the binary form that the `tokenizers` library's `Precompiled` normaliser reads.

That form is SentencePiece's: a double-array trie over UTF-8 bytes whose leaves point into a block of NUL-terminated
replacement strings. XLM-R ships its map this way; the embedded backbone brings the same map as a plain table.

Source: Yata 2012, *Darts-clone* (unit layout); Kudo and Richardson 2018, *SentencePiece*.
"""

from __future__ import annotations

import struct
from typing import TypeAlias, cast

# A byte -> the node below it; 0 -> where the replacement of the word that ends here begins.
Trie: TypeAlias = "dict[int, Trie | int]"

_HAS_LEAF = 1 << 8
_LEAF = 1 << 31


def precompiled_charsmap(rules: dict[str, str]) -> bytes:
    """Return `rules` (character -> replacement) as a precompiled character map.

    Args:
        rules: single characters and what each becomes; the replacement may be empty. U+0000 cannot be a key: the
            format ends strings with it.

    Returns:
        Little-endian bytes: u32 size of the trie in bytes, the trie's u32 units, the replacements.
    """
    replacements = bytearray()
    offsets: dict[str, int] = {}
    root: Trie = {}
    for key, value in sorted(rules.items()):
        if key == "\0":
            continue
        if value not in offsets:
            offsets[value] = len(replacements)
            replacements += value.encode("utf-8") + b"\0"
        node = root
        for byte in key.encode("utf-8"):
            node = cast(Trie, node.setdefault(byte, {}))  # only the key 0 leads to a number
        node[0] = offsets[value]
    units = _double_array(root)
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(replacements)


def _double_array(root: Trie) -> list[int]:
    """Lay the trie out so that child `c` of the node at `p` with offset `o` is at `p ^ o ^ c`."""
    units = [0] * 512
    used = bytearray(512)
    used[0] = 1
    first_free = 1

    def grow() -> None:
        units.extend([0] * 256)
        used.extend(bytes(256))

    # Depth first; each entry is (children, position of their parent's unit).
    todo: list[tuple[Trie, int]] = [(root, 0)]
    while todo:
        children, at = todo.pop()
        labels = sorted(children)
        while first_free < len(used) and used[first_free]:
            first_free += 1
        start = first_free
        while True:
            # The first child lands on a free unit, which fixes the block of all of them.
            while start >= len(used):
                grow()
            base = start ^ labels[0]
            if not used[start] and base and _encodable(base ^ at):
                while (base | 255) >= len(used):
                    grow()
                if all(not used[base ^ label] for label in labels):
                    break
            start += 1
        units[at] |= _encode(base ^ at)
        for label in labels:
            child = base ^ label
            used[child] = 1
            below = children[label]
            if isinstance(below, int):
                units[child] = _LEAF | below
                units[at] |= _HAS_LEAF
            else:
                units[child] = label
                todo.append((below, child))
    return units


def _encodable(offset: int) -> bool:
    """True where `offset` fits 21 bits, or 29 bits with the lowest 8 clear."""
    return offset < 1 << 21 or (offset & 0xFF == 0 and offset < 1 << 29)


def _encode(offset: int) -> int:
    if offset < 1 << 21:
        return offset << 10
    return (offset >> 8) << 10 | 1 << 9
