"""Similarity of two languages by typology: the features of URIEL, read from the data of the package `lang2vec`.

Source: Littell et al. 2017, *URIEL and lang2vec: Representing languages as typological, geographical, and phylogenetic vectors*
(EACL). Only the package's data files are read: its code imports `pkg_resources`, which setuptools no longer has
(tests/similarity/test_languages.py fails when that changes).
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ConfigError, SourceError
from toolkit.language_tags import macrolanguage
from toolkit.languages import Language, get_language
from toolkit.registry import unknown
from toolkit.similarity.checks import Floats
from toolkit.similarity.vectors import cosine

# name -> file, source in it, prefix of the features' names; as lang2vec calls them.
_SETS = {
    "syntax_knn": ("feature_predictions.npz", "predicted", "S_"),
    "phonology_knn": ("feature_predictions.npz", "predicted", "P_"),
    "inventory_knn": ("feature_predictions.npz", "predicted", "INV_"),
    "fam": ("family_features.npz", "FAM", ""),
    "geo": ("geocoord_features.npz", "GEOCOORDS", ""),
}
FEATURE_SETS = tuple(_SETS)
_ISOLATES = ("eu",)  # of the catalogue's languages; URIEL does not tell an isolate from a language of unknown family


def language_similarity(a: str, b: str, *, features: str = "syntax_knn") -> float:
    """Return the cosine of two languages' URIEL features, in [0, 1]: one minus the cosine distance.

    Args:
        a: ISO 639-1 or 639-3 code, `de`.
        b: another, or the same.
        features: `syntax_knn` (word order and morphology; a feature that no source gives is predicted from neighbours and relatives),
            `phonology_knn`, `inventory_knn`, `fam` (shared nodes of the family tree) or `geo` (distances to fixed points).

    Raises:
        ConfigError: no such language or feature set.
        SourceError: the package's data is not installed, or has no features for the language.

    Example:
        >>> language_similarity("de", "nl") > language_similarity("de", "ja")
        True
    """
    return cosine(language_vector(a, features=features), language_vector(b, features=features))


@cache
def language_vector(code: str, *, features: str = "syntax_knn") -> Floats:
    """Return a language's URIEL features: float64 [F], read-only.

    Raises:
        ConfigError: no such language or feature set.
        SourceError: the package's data is not installed, or has no features for the language.
    """
    if features not in _SETS:
        raise unknown("feature set", features, _SETS, error=ConfigError)
    language = get_language(code)
    row_of, values = _table(features)
    for name in _filed(language):
        if name in row_of and (values[row_of[name]] >= 0).all() and values[row_of[name]].any():
            vector: Floats = values[row_of[name]].astype(np.float64)
            vector.flags.writeable = False
            return vector
    raise SourceError(
        f"URIEL has no {features} features for {language.name} ('{language.code}'); leave the language out, or name other "
        f"features: {', '.join(name for name in FEATURE_SETS if name != features)}."
    )


@cache
def language_family(code: str) -> str:
    """Return the family of a language as Glottolog names it in URIEL's data; `isolate`, or `unknown` where nothing is known.

    A language of which URIEL knows no family takes that of its macrolanguage.

    Raises:
        ConfigError: no such language.
        SourceError: the package's data is not installed.

    Example:
        >>> language_family("gn"), language_family("zh"), language_family("eu"), language_family("qaa")
        ('Tupian', 'Sino-Tibetan', 'isolate', 'unknown')
    """
    language = get_language(code)
    if language.base in _ISOLATES:
        return "isolate"
    roots = _roots()
    return next((roots[name] for name in _filed(language) if name in roots), "unknown")


@cache
def _roots() -> dict[str, str]:
    """Return the root of the family of each ISO 639-3 code that has one: the first node above it, as the file lists roots first."""
    row_of, values = _table("fam")
    with np.load(_data() / _SETS["fam"][0]) as found:
        names = found["feats"]
    first = values.argmax(axis=1)
    return {
        code: str(names[first[row]]).removeprefix("F_") for code, row in row_of.items() if values[row, first[row]] > 0
    }


def _filed(language: Language) -> tuple[str, ...]:
    """Return the codes that URIEL may file a language under, the best first.

    It files a language under its macrolanguage where it has one (zho, swa, ara), which is how its own table maps codes.
    """
    wider = macrolanguage(language.base)
    own = (_codes().get(language.base, language.iso3), *language.iso3_codes)
    return (*own, *(get_language(wider).iso3_codes if wider else ()))


@cache
def _table(features: str) -> tuple[dict[str, int], NDArray[np.generic]]:
    """Return the row of each ISO 639-3 code, and the features, [rows, F]; -1 if not known."""
    file, source, prefix = _SETS[features]
    with np.load(_data() / file) as found:
        codes = [str(code) for code in found["langs"]]
        values = found["data"][:, :, list(found["sources"]).index(source)]
        if prefix:
            values = values[:, np.char.startswith(found["feats"], prefix)]
    if features == "fam":
        values = values.astype(np.int8)  # 0 and 1 alone, and wide
    return {code: row for row, code in enumerate(codes)}, values


@cache
def _codes() -> dict[str, str]:
    return dict(json.loads((_data() / "letter_codes.json").read_text(encoding="utf-8")))


def _data() -> Path:
    # Not by `find_spec`: the package brings a script `lang2vec.py` as well, which the programs of its environment find first.
    with suppress(PackageNotFoundError):
        place = Path(str(distribution("lang2vec").locate_file("lang2vec/data")))
        if (place / "feature_predictions.npz").is_file():
            return place
    raise SourceError(
        "Language features need the data of the package lang2vec, which is not installed: `pip install lang2vec==1.1.2`."
    )
