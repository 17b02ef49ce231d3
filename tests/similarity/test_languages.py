"""URIEL features from the package's own files."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import ConfigError, SourceError
from toolkit.languages import _CC100_GIB
from toolkit.similarity import FEATURE_SETS, language_similarity
from toolkit.similarity import languages as room
from toolkit.similarity.languages import language_family, language_vector


@pytest.mark.parametrize("features", ["syntax_knn", "phonology_knn", "inventory_knn", "geo"])
def test_every_language_of_the_project_has_features(features):
    for code in _CC100_GIB.split()[::2]:
        vector = language_vector(code, features=features)
        assert vector.min() >= 0 and vector.any(), code


def test_it_is_one_less_the_cosine_distance_of_the_packages_rows():
    from scipy.spatial.distance import cosine

    found = np.load(Path(room._data()) / "feature_predictions.npz")
    codes = found["langs"].tolist()
    syntax = [i for i, name in enumerate(found["feats"]) if str(name).startswith("S_")]
    rows = {code: found["data"][codes.index(code), syntax, 0].astype(float) for code in ("deu", "zho", "swa")}
    assert language_similarity("de", "zh") == pytest.approx(1 - cosine(rows["deu"], rows["zho"]), abs=1e-12)
    # Chinese and Swahili are filed under their macrolanguages, which is where URIEL's own table of codes points.
    assert language_similarity("sw", "de") == pytest.approx(1 - cosine(rows["swa"], rows["deu"]), abs=1e-12)


def test_it_is_symmetric_one_with_itself_and_takes_iso_639_3():
    assert language_similarity("de", "th") == language_similarity("tha", "deu")
    assert language_similarity("ja", "ja") == pytest.approx(1, abs=1e-12)


def test_relatives_are_nearer_than_strangers():
    for features in ("syntax_knn", "fam", "geo"):
        assert language_similarity("de", "nl", features=features) > language_similarity("de", "ja", features=features)


@pytest.mark.parametrize(
    ("code", "family"),
    [("gn", "Tupian"), ("quy", "Quechuan"), ("yo", "Atlantic-Congo"), ("tw", "Atlantic-Congo"), ("zh-Hant", "Sino-Tibetan"),
     ("acm", "Afro-Asiatic"), ("eu", "isolate"), ("qaa", "unknown")],
)  # fmt: skip
def test_a_family_is_the_root_of_the_languages_tree(code, family):
    assert language_family(code) == family


def test_the_file_of_families_lists_roots_before_what_is_below_them():
    _, values = room._table("fam")
    sizes, is_known = values.sum(axis=0), values.any(axis=1)
    assert (np.where(values > 0, sizes, 0).max(axis=1) == sizes[values.argmax(axis=1)])[is_known].all()


def test_bad_input_is_one_sentence(monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="No language"):
        language_similarity("de", "qq")
    with pytest.raises(ConfigError, match=f"No feature set named 'syntax_kn'.*{FEATURE_SETS[0]}"):
        language_similarity("de", "nl", features="syntax_kn")
    with pytest.raises(SourceError, match=r"URIEL has no fam features for Basque \('eu'\).*syntax_knn"):
        language_similarity("eu", "de", features="fam")

    def not_installed(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(room, "distribution", not_installed)
    with pytest.raises(SourceError, match="pip install lang2vec==1.1.2"):
        room._data()


def test_the_packages_script_is_not_taken_for_the_package(tmp_path, monkeypatch):
    """It is next to the programs of the environment, whose folder they look into first."""
    script = Path(sysconfig.get_path("scripts")) / "lang2vec.py"
    assert script.is_file(), "the package brings no script any more: `find_spec` would do"
    monkeypatch.syspath_prepend(str(script.parent))
    assert room._data().name == "data"


def test_the_packages_code_cannot_be_imported_which_is_why_its_files_are_read():
    """When this fails, setuptools or lang2vec changed: then the package's own functions may be used."""
    ran = subprocess.run([sys.executable, "-c", "import lang2vec.lang2vec"], capture_output=True, text=True)
    assert "No module named 'pkg_resources'" in ran.stderr
