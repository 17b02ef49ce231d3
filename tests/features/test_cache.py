"""Tokenised rows on disk: the same to the last bit, made again where anything differs or is damaged."""

from __future__ import annotations

import ast
import base64
import dataclasses
import multiprocessing
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.features import Features, Tokenising, cache, features_of
from toolkit.features.ragged import Ragged
from toolkit.features.tokenise import tokenised
from toolkit.tasks import Rows, get_task
from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import TagsRow

TASKS: dict[Kind, str] = {"pair": "micro-nli", "choice": "micro-choice", "span": "micro-qa", "tags": "micro-pos"}
LARGE = 2**30


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))
    return tmp_path / "features"


def rows_of(kind: Kind, n: int = 12) -> Rows:
    return get_task(TASKS[kind]).rows("train", limit=n)


class Taken:
    """Asks the cache, counts what had to be tokenised, and keeps what was said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made, self.said = 0, list[str]()
        monkeypatch.setattr(cache, "tokenised_in_parts", self._made)

    def _made(self, *args: Any) -> Features:
        self.made += 1
        return tokenised(*args)

    def __call__(self, rows: Rows, kind: Kind, tokenizer: Any, *, max_bytes: int = LARGE, **settings: Any) -> Features:
        how = Tokenising(**{"max_length": 64, "stride": 8} | settings)
        return cache.cached_features(rows, kind, tokenizer, how, max_bytes=max_bytes, say=self.said.append)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    return Taken(monkeypatch)


def arrays(features: Features) -> dict[str, np.ndarray]:
    found = {}
    values = {one.name: getattr(features, one.name) for one in dataclasses.fields(features)}
    for name, value in {**values, **features.extra}.items():
        if isinstance(value, Ragged):
            found[f"{name}.values"], found[f"{name}.offsets"] = value.values, value.offsets
        elif isinstance(value, np.ndarray):
            found[name] = value
    return found


def equal(one: Features, other: Features) -> bool:
    a, b = arrays(one), arrays(other)
    return (
        a.keys() == b.keys()
        and all(a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]) for name in a)
        and (one.kind, one.n_rows, one.n_truncated) == (other.kind, other.n_rows, other.n_truncated)
        and one.extra.keys() == other.extra.keys()
    )


@pytest.mark.parametrize("kind", TASKS)
def test_what_is_read_back_is_what_was_made_to_the_last_bit(kind: Kind, characters: Any, taken: Taken) -> None:
    made = taken(rows_of(kind), kind, characters)
    read = taken(rows_of(kind), kind, characters)
    assert taken.made == 1
    assert equal(made, read)
    assert equal(read, features_of(list(rows_of(kind)), kind, characters, max_length=64, stride=8))
    items = np.arange(4)
    for name, array in made.collate(items).items():
        assert np.array_equal(array, read.collate(items)[name])


def test_what_is_read_back_is_mapped_and_cannot_be_written(characters: Any, taken: Taken) -> None:
    taken(rows_of("pair"), "pair", characters)
    values = taken(rows_of("pair"), "pair", characters).input_ids.values
    assert type(values) is np.ndarray and not values.flags.writeable and not values.flags.owndata


def test_other_rows_settings_tokenizer_or_code_make_another_file(
    characters: Any, xlmr: Any, taken: Taken, monkeypatch: pytest.MonkeyPatch, own_folder: Path
) -> None:
    taken(rows_of("tags"), "tags", characters)
    taken(rows_of("tags", 11), "tags", characters)
    taken(rows_of("tags"), "tags", characters, max_length=32)
    taken(rows_of("tags"), "tags", characters, label_piece="first")
    taken(rows_of("tags"), "tags", xlmr)
    monkeypatch.setattr(cache, "code_digest", lambda: "edited")
    taken(rows_of("tags"), "tags", characters)
    assert taken.made == 6 == len(list(own_folder.iterdir()))


def test_settings_that_a_kind_does_not_know_do_not_part_its_files(characters: Any, taken: Taken) -> None:
    taken(rows_of("pair"), "pair", characters)
    taken(rows_of("pair"), "pair", characters, stride=4, label_piece="first")
    assert taken.made == 1


def test_a_tokenizers_digest_does_not_follow_how_it_was_called_last(characters: Any) -> None:
    cache._digests.pop(characters, None)
    before = cache.tokenizer_digest(characters)
    features_of(list(rows_of("pair")), "pair", characters, max_length=16)
    cache._digests.pop(characters, None)
    assert cache.tokenizer_digest(characters) == before


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flip(at: float) -> Any:
    def flip(data: bytes) -> bytes:
        place = min(int(len(data) * at), len(data) - 1)
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    return flip


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _flip(0.0), _flip(0.1), _flip(0.2), _flip(0.4), _flip(0.6), _flip(0.8), _flip(1.0),
        lambda data: b"",
        lambda data: b"\0" * len(data),
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: data[:8] + b"[" + data[9:],
        lambda data: b"<html>404</html>",
    ],
)  # fmt: skip
def test_a_damaged_file_is_never_read_and_made_again(
    damage: Any, characters: Any, taken: Taken, own_folder: Path
) -> None:
    made = taken(rows_of("span"), "span", characters)
    (file,) = own_folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert equal(taken(rows_of("span"), "span", characters), made)
    assert taken.made == 2
    (sentence,) = taken.said
    assert f"The tokenised rows in {file} are damaged (" in sentence and "made again" in sentence
    assert file.read_bytes() == whole


def test_every_flipped_byte_of_a_file_is_noticed(characters: Any, taken: Taken, own_folder: Path) -> None:
    taken(rows_of("pair", 3), "pair", characters)
    (file,) = own_folder.iterdir()
    whole, key, unseen = file.read_bytes(), file.stem, []
    made = features_of(list(rows_of("pair", 3)), "pair", characters, max_length=64)
    for place in range(0, len(whole), 7):
        file.write_bytes(_flip(place / len(whole))(whole))
        try:
            found = cache.read_features(file, key)
        except cache.Damage:
            continue
        # The header's padding and the order of its keys carry nothing.
        assert found is not None and equal(found, made)
        unseen.append(place)
    assert len(unseen) < 3


def test_a_file_of_other_rows_is_not_taken_for_these(characters: Any, taken: Taken, own_folder: Path) -> None:
    taken(rows_of("pair", 3), "pair", characters)
    (other,) = own_folder.iterdir()
    taken(rows_of("pair", 4), "pair", characters)
    (mine,) = set(own_folder.iterdir()) - {other}
    mine.write_bytes(other.read_bytes())
    assert taken(rows_of("pair", 4), "pair", characters).n_rows == 4
    assert "belongs to other rows" in taken.said[0]


def test_without_room_the_files_used_longest_ago_go(characters: Any, taken: Taken, own_folder: Path) -> None:
    for n in (3, 4, 5):
        taken(rows_of("pair", n), "pair", characters)
    files = sorted(own_folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for age, file in enumerate(files):
        os.utime(file, (1000 + age, 1000 + age))
    taken(rows_of("pair", 3), "pair", characters)  # the oldest is used again
    cache.prune(files[0].stat().st_size + files[2].stat().st_size)
    assert set(own_folder.iterdir()) == {files[0], files[2]}
    taken(rows_of("pair", 6), "pair", characters, max_bytes=1)
    assert len(list(own_folder.iterdir())) == 1, "what was just made stays"


def test_a_size_of_zero_reads_and_keeps_nothing(characters: Any, taken: Taken, own_folder: Path) -> None:
    taken(rows_of("pair"), "pair", characters, max_bytes=0)
    taken(rows_of("pair"), "pair", characters, max_bytes=0)
    assert taken.made == 2 and not own_folder.exists()


def test_a_folder_that_cannot_be_written_is_told_and_costs_nothing_but_time(
    characters: Any, taken: Taken, own_folder: Path
) -> None:
    own_folder.write_text("a file where the folder should be")
    assert taken(rows_of("pair"), "pair", characters).n_rows == 12
    assert any("could not be kept in" in each and "XSTILTS_CACHE" in each for each in taken.said)


def test_what_a_kill_left_is_removed_when_it_is_old(characters: Any, taken: Taken, own_folder: Path) -> None:
    own_folder.mkdir()
    old, fresh = own_folder / "a.tmp", own_folder / "b.tmp"
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))
    taken(rows_of("pair"), "pair", characters)
    assert not old.exists() and fresh.exists()


def test_clearing_leaves_mapped_rows_readable(characters: Any, taken: Taken) -> None:
    taken(rows_of("pair"), "pair", characters)
    read = taken(rows_of("pair"), "pair", characters)
    was = cache.clear()
    assert (was.files, cache.held().files) == (1, 0) and was.size > 0
    assert equal(read, features_of(list(rows_of("pair")), "pair", characters, max_length=64))


def _many(n: int) -> int:
    from toolkit.modeling.tiny import tiny_tokenizer

    said: list[str] = []
    tokenizer, rows = tiny_tokenizer(), rows_of("pair")
    for _ in range(n):
        cache.cached_features(rows, "pair", tokenizer, Tokenising(max_length=64), max_bytes=LARGE, say=said.append)
        for file in cache.features_folder().glob(f"*{cache.ENDING}"):
            file.unlink(missing_ok=True)
    return len(said)


def test_processes_that_write_and_clear_at_once_never_see_a_damaged_file(own_folder: Path) -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_many, [40, 40]) == [0, 0]


def test_a_slow_tokenizer_is_not_cached(taken: Taken, characters: Any, own_folder: Path) -> None:
    class Slow:
        def __getattr__(self, name: str) -> Any:
            if name == "backend_tokenizer":
                raise AttributeError(name)
            return getattr(characters, name)

        def __call__(self, *args: Any, **settings: Any) -> Any:
            return characters(*args, **settings)

    taken(rows_of("pair"), "pair", Slow())
    assert taken.made == 1 and not own_folder.exists()


def test_the_code_that_makes_features_is_all_in_their_key() -> None:
    """An edit of any module that `tokenise.py` imports, itself included, must make another key."""
    folder = Path(cache.__file__).parent
    seen, left = set[str](), ["tokenise.py"]
    while left:
        seen.add(name := left.pop())
        for node in ast.walk(ast.parse((folder / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("toolkit.features."):
                left += {f"{node.module.rsplit('.', 1)[1]}.py"} - seen
    assert set(cache._CODE) == seen


# What version 0.1.0 wrote for the rows of the test, under a key of zeros: zlib, base 85.
OLD = (
    "c-pm<&2Aev5XbEz@S!~<k6`S13-fb0<9iQ1G>0DA0+k_<oMB=_Sv%6INnq$r`mQahl^rXN;5a}A7%VyD{5brRlwO=1ZSAI;&)>=z"
    "IgW8Y@6K<!B5_<VW!0T`=&~UZiN&iFO36$y6`R0CqlBsGV7;+kbV3`V@d{M-A~{>5D8T8>ta~FLXWjYftW%HJtn2Hn>qWdAT0%>`"
    "9C*qd<Ezy)KFpU_?^i8qT6YnXEVkWYy;!u!O5Uwy$g&q4=Hqfb<T%O}s5aY~uWQAyTkCSTUXSxjUY-3D7wai|))@rOijB>>An1q`"
    "*jY}QQ*vm%j}~=MrI?(RCtxq2gQF00%oxH{^C$LIDJvOwaAzVphU8-c12Ja90V5^@90i>Qh3F_}(N=pW4s)RBfE7k<e1ZwSx>_%@"
    "G*u?5wq)w+8nZ~i48)c~u|aYvo>e_LYq-{rK_iz$q{sqkrE_-Z4NlZ1_?{A_mIf>&DTaC(oYsYuVNGc3j=>VL3(0#!I$KKh68Vsc"
    "nFSfhntRyqAcA}tm+|cV)$+6RgM^@rvNkAFoV7%SjWGa_gRc^ycFqKyq8P5D!VaP>=&enz#7Gb6->vvzzFlAf3y3G>EqaAwoT_pb"
    "LX%0?^+Ld69qX(ELH5jv#Box}0E%x%TQB)$({1{FbbH)9e!Q0YvVR5F_3Z_;-rwe;@3ubxyWQ20>NQ;45%%_em}4JuH1tk2(1S<t"
    "B#cu%xQ6+3-Ji4_a6N9zxPJqmQ~_2+l)FPrx9l*Xs`pR}<@);iK9}_iC~F=;RZMRP_J#c>5J7LDO0zlL+7Hv;!qM^3zWucOzWB=c"
    "WBLF7H`(p?#{==_2jXA*JvoqnYi;bdeSEL|CA&YjwVzf0x%ywb_8--Mss3B_->d&w{Z`L5{&F|oV*dk?{Ayb"
)


def test_a_file_that_version_0_1_0_wrote_is_read(characters: Any, tmp_path: Path) -> None:
    file = tmp_path / "old.safetensors"
    file.write_bytes(zlib.decompress(base64.b85decode(OLD)))
    rows = [TagsRow("a", ("It", "rains"), (10, 15)), TagsRow("b", ("ja",), (6,))]
    found = cache.read_features(file, "0" * 32)
    assert found is not None
    assert equal(found, features_of(rows, "tags", characters, max_length=16))


def test_what_stands_in_the_place_of_cached_rows_is_counted_and_cleared(own_folder: Path) -> None:
    folder = cache.features_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"link{cache.ENDING}").symlink_to("nowhere")
    (folder / f"folder{cache.ENDING}" / "inside").mkdir(parents=True)
    assert cache.held().files == cache.clear().files == 2
    assert list(folder.iterdir()) == []
