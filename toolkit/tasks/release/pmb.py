"""Gold CCG categories of the Parallel Meaning Bank: the files of its layers, or its whole release.

Source: Abzianidze et al. 2017, *The Parallel Meaning Bank*; the layers in CoNLL form, and the division of documents into
splits, are those of github.com/RikVN/DRS_parsing (`parsing/layer_data/4.0.0`, `parsing/extract_conll.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from toolkit.errors import DataError, SourceError
from toolkit.tasks.release.place import Place
from toolkit.tasks.release.release import Release, Rows, Tagged
from toolkit.web import Content

VERSION = "4.0.0"
LANGUAGES = ("en", "de", "it", "nl")
# The splits of the corpus by the names that datasets of the hub give them.
SPLITS = {"train": "train", "dev": "validation", "test": "test"}
# The split of a document by the second digit of its part; `p50/...` to `p90/...` are the English eval set, which is left out.
_PARTS = {
    "en": {"dev": r"[0-4]0", "test": r".1", "train": r".[2-9]"},
    "de": {"dev": r".0", "test": r".[12]", "train": r".[3-9]"},
    "it": {"dev": r".[01]", "test": r".[2-4]", "train": r".[5-9]"},
    "nl": {"dev": r".[01]", "test": r".[2-5]", "train": r".[6-9]"},
}
_LAYERS = re.compile(r"(?P<root>(?:.*/)?)(?P<language>en|de|it|nl)/gold/(?P<split>train|dev|test)\.conll")
_DOCUMENT = re.compile(
    r"(?P<root>(?:.*/)?)(?P<language>en|de|it|nl)/gold/p(?P<part>\d\d)/d\d{4}/(?P=language)\.parse\.tags"
)
# A leaf of a derivation: `t(np/n, 'The', [from:0, ...` with the category and the token, as Prolog writes them.
_LEAF = re.compile(r"\s*t\((?P<category>.+?), '(?P<token>(?:[^'\\]|\\.|'')*)',")
_ESCAPED = re.compile(r"\\(.)|''")
_CATEGORY = 4  # the cell of the category, where no comment names the layers


def is_wanted(name: str) -> bool:
    """Return whether a file of a copy of the release is read."""
    return (_LAYERS.fullmatch(name) or _DOCUMENT.fullmatch(name)) is not None


def read_rows(place: Place) -> Rows:
    """Return the tagged sentences of a copy of the release, by language and split.

    A sentence of dev or test that is one of an earlier split, too, is left out: it would be scored after it was learnt.

    Raises:
        SourceError: the place holds the corpus in neither form, or in several.
        DataError: a file is not what it should be.
    """
    layers = [match for name in place.names if (match := _LAYERS.fullmatch(name))]
    documents = [match for name in place.names if (match := _DOCUMENT.fullmatch(name))]
    found: dict[tuple[str, str], list[Tagged]] = {}
    if layers:
        root = _one_root(place, {each["root"] for each in layers})
        for each in layers:
            if each["root"] == root:
                found[each["language"], each["split"]] = list(_of_layers(place, each[0]))
    elif documents:
        root = _one_root(place, {each["root"] for each in documents})
        for each in documents:
            if each["root"] == root and (split := _split_of(each["language"], each["part"])):
                found.setdefault((each["language"], split), []).extend(_of_document(place, each[0]))
    lacking = [split for split in SPLITS if not found.get(("en", split))]
    if lacking:
        raise SourceError(
            f"{place.said} lacks the English {lacking[0]} sentences of the Parallel Meaning Bank; expected files "
            "`en/gold/train.conll` (its layers) or `en/gold/p00/d0000/en.parse.tags` (its release) somewhere in it."
        )
    return _without_repeats(found)


def _one_root(place: Place, roots: set[str]) -> str:
    """Return the folder of the corpus; of several that of version 4.0.0."""
    chosen = [root for root in roots if VERSION in root] if len(roots) > 1 else list(roots)
    if len(chosen) != 1:
        several = ", ".join(sorted(root.rstrip("/") or "." for root in roots)[:4])
        raise SourceError(f"{place.said} holds several versions of the corpus ({several}); name the folder of one.")
    return chosen[0]


def _split_of(language: str, part: str) -> str | None:
    return next((split for split, parts in _PARTS[language].items() if re.fullmatch(parts, part)), None)


def _without_repeats(found: Rows) -> Rows:
    kept: Rows = {}
    for language in LANGUAGES:
        seen: set[tuple[str, ...]] = set()
        for split in SPLITS:
            rows = found.get((language, split), [])
            if rows:
                kept[language, SPLITS[split]] = [row for row in rows if split == "train" or tuple(row[0]) not in seen]
            seen |= {tuple(tokens) for tokens, _ in rows}
    return kept


# -- the two forms -----------------------------------------------------------------------------------------------------


def _lines(place: Place, name: str) -> list[str]:
    try:
        return place.read(name).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{place.said}: {name} is not UTF-8 ({error.reason} at byte {error.start}).") from None


def _of_layers(place: Place, name: str) -> Iterator[Tagged]:
    """Yield the sentences of a CoNLL file of layers: tokens in the first cell, categories where its comments say."""
    at = _CATEGORY
    tokens: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*_lines(place, name), ""], 1):
        cells = line.rstrip("\r").split("\t")
        if line.startswith("# ") or (line.startswith("#") and len(cells) == 1):
            layers = [cell.removeprefix("# ").partition(":")[0] for cell in cells]
            at = layers.index("cat") if "cat" in layers else at
        elif not line.strip():
            if tokens:
                yield tokens, tags
            tokens, tags = [], []
        elif len(cells) <= at:
            raise DataError(
                f"{place.said}: {name}, line {number}: {len(cells)} cells; expected a token and its layers, parted by tabs."
            )
        else:
            tokens.append(cells[0])
            tags.append(cells[at])


def _of_document(place: Place, name: str) -> Iterator[Tagged]:
    """Yield the sentences of a document's derivations: the leaves of each `ccg(...)`."""
    leaves: list[tuple[str, str]] = []
    for line in [*_lines(place, name), "ccg("]:
        if line.startswith("ccg("):
            if leaves:
                yield [token for token, _ in leaves], [category for _, category in leaves]
            leaves = []
        elif match := _LEAF.match(line):
            leaves.append((_ESCAPED.sub(lambda found: found[1] or "'", match["token"]), match["category"]))


def _files(sizes: Iterable[tuple[str, int, str]]) -> dict[str, Content]:
    return {f"{path}.conll": Content(size, digest) for path, size, digest in sizes}


PMB = Release(
    name=f"the Parallel Meaning Bank {VERSION}",
    path="pmb/ccg",
    url=(
        "https://raw.githubusercontent.com/RikVN/DRS_parsing/190838f9adea2af616eb76156d2e66c8565a6c6e/parsing/layer_data/"
        f"{VERSION}/"
    ),
    revision="190838f9adea2af616eb76156d2e66c8565a6c6e",
    rows="b442566cb4a789d379d45aa9029374ace344feaf65bc207767f4948ac2b40b81",
    read=read_rows,
    is_wanted=is_wanted,
    terms=(
        "Published for research; its texts come from sources with licences of their own. Sentences of dev and test that "
        "equal one of an earlier split are left out, and so is the English eval set."
    ),
    archives={
        f"https://pmb.let.rug.nl/releases/pmb-{VERSION}.zip": Content(
            3_005_186_356, "b5c18d1ab64608ca4a7b81c7346334e9", "md5"
        )
    },
    files=_files(
        (
            ("en/gold/train", 3_086_378, "cdbb6035a71112ad1c0e1707b9a16f7180cc78fe6e5d308f9240ec2da22a3f7a"),
            ("en/gold/dev", 454_715, "ac2abf3c55607a13efea523d258854633b1225d6173031e69bf56023adafc761"),
            ("en/gold/test", 419_272, "1c6c137292ad2cb6750fa2fd22655bb17eb71aa282b9e15b88ba0a11217c83c9"),
            ("de/gold/train", 681_180, "ff09288b3ed4e20e85d576d15ff24f3741d7c1c9c873088355910f676d9aab69"),
            ("de/gold/dev", 215_856, "adb7f60e5f264ca61c27b3ba6953feacc2bd19f34ce261a33a1118e26422f0dd"),
            ("de/gold/test", 216_778, "3d9324f7ca3db8be4cc76bf7aacc70a500de9e78a4be7461e51273897a27a3cf"),
            ("it/gold/train", 256_109, "6ea6e5a0afef0c0eb63c1b024c98c2bed351c975cef387b446488d8600ec7fa3"),
            ("it/gold/dev", 195_404, "d524de98f2f082ae3ec9b5ed3d768563989de7c4ac3e595e468f2b097d8131c0"),
            ("it/gold/test", 171_885, "43a7d1d9b3d329f08c2cd9a9b0efb8fdde34dca9e4a63a142e8739e1e0b9414c"),
            ("nl/gold/train", 214_828, "32db8c787c6fa088258bcef4763614c8e52f1181a894cdc22cd4cb504a09de3d"),
            ("nl/gold/dev", 173_807, "c29367476926031f0a4377291e75fd6eb7c6fa52b13166aaef1155eef4341ed3"),
            ("nl/gold/test", 198_419, "df33bc82875f3d87ea26a117371405a190a474a3a588ef6a5421f4145ca4d2af"),
        )
    ),
)
