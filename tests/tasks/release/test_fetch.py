"""A corpus that is not on the hub is fetched from its makers or from a copy, in any form, and read like other tasks."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests.tasks.release.corpus import IT, TOM, layers, release, tarred, unpacked, zipped
from tests.web import Site, serve
from toolkit.errors import DataError, SourceError
from toolkit.tasks import get_task
from toolkit.tasks.mirror.manifest import read_manifest
from toolkit.tasks.release.fetch import Arrived, fetch_release
from toolkit.tasks.release.pmb import PMB
from toolkit.tasks.release.release import Release
from toolkit.web import Content

COUNTS = {
    **{("en", "train"): 3, ("en", "validation"): 1, ("en", "test"): 1},
    **{("de", "train"): 1, ("de", "validation"): 1, ("de", "test"): 1},
}
ROWS = "66db27149fdb5a2dea62fbe3728bd144c61bb648a9ecd68d266995c4e51993e1"  # their digest


def small(address: str = "") -> Release:
    """The release with the small corpus in place of the real one."""
    files = {path: Content(len(data), hashlib.sha256(data).hexdigest()) for path, data in layers().items()}
    return replace(PMB, url=f"{address}/layers/", files=files, rows=ROWS)


@pytest.fixture
def site() -> Site:
    files = {f"/layers/{path}": data for path, data in layers().items()}
    return Site(files | {"/pmb-4.0.0.zip": zipped(release()), "/pmb.tar.gz": tarred(layers())})


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with serve(site) as address:
        yield address


def counts(root: Path) -> dict[tuple[str, str], int]:
    import pyarrow.parquet

    files = (root / "pmb/ccg").glob("*/*.parquet")
    return {(each.parent.name, each.name.split("-")[0]): pyarrow.parquet.read_table(each).num_rows for each in files}


# -- where it comes from -----------------------------------------------------------------------------------------------

Copy = Callable[[Path, str], str]
COPIES: dict[str, Copy] = {
    "folder of layers": lambda folder, address: str(unpacked(layers(), folder / "copy")),
    "folder of layers, inside another": lambda folder, address: str(unpacked(layers(), folder / "copy/4.0.0").parent),
    "folder of the release": lambda folder, address: str(unpacked(release(), folder / "copy")),
    "folder `data`": lambda folder, address: str(unpacked(release(""), folder / "copy")),
    "zip of the release": lambda folder, address: _written(folder / "pmb-4.0.0.zip", zipped(release())),
    "zip of layers": lambda folder, address: _written(folder / "layers.zip", zipped(layers())),
    "tar of layers": lambda folder, address: _written(folder / "layers.tar.gz", tarred(layers())),
    "tar of the release": lambda folder, address: _written(folder / "pmb.tgz", tarred(release())),
    "file URL": lambda folder, address: Path(_written(folder / "a b.zip", zipped(layers()))).as_uri(),
    "URL of a zip": lambda folder, address: f"{address}/pmb-4.0.0.zip",
    "URL of a tar": lambda folder, address: f"{address}/pmb.tar.gz?download=1",
    "URL of a folder": lambda folder, address: f"{address}/layers",
}


def _written(file: Path, data: bytes) -> str:
    file.write_bytes(data)
    return str(file)


@pytest.mark.parametrize("copy", COPIES)
def test_every_form_and_place_gives_the_same_mirror(address: str, tmp_path: Path, copy: str) -> None:
    found = fetch_release(small(address), tmp_path / "mirror", place=COPIES[copy](tmp_path, address))
    assert found == Arrived(PMB.revision, 7, found.size, 7, True)
    assert counts(tmp_path / "mirror") == COUNTS
    folder = tmp_path / "mirror/pmb/ccg"
    record = read_manifest(folder)
    assert record is not None and record.is_whole and len(record.files) == 7
    assert sorted(each.name for each in folder.iterdir()) == [
        ".parts.lock", ".xstilts.json", "README.md", "de", "en"
    ]  # fmt: skip


def test_from_where_its_makers_publish_it_is_read_as_a_task_and_fetched_once(
    site: Site, address: str, tmp_path: Path
) -> None:
    assert fetch_release(small(address), tmp_path).is_published
    task = get_task("ccg")
    rows = task.rows("train", "en", data_root=tmp_path)
    assert [tuple(zip(row.tokens, (task.labels[tag] for tag in row.tags), strict=True)) for row in list(rows)[:2]] == [
        TOM,
        IT,
    ]
    assert rows.revision == f"pmb/ccg@{PMB.revision}"
    site.asked.clear()
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    assert fetch_release(small(address), tmp_path).written == 0 and site.asked == []
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


def test_two_that_fetch_at_once_ask_for_each_file_once(site: Site, address: str, tmp_path: Path) -> None:
    found: list[Arrived] = []
    both = [threading.Thread(target=lambda: found.append(fetch_release(small(address), tmp_path))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sorted(each.written for each in found) == [0, 7] and len(site.asked) == 6


def test_a_damaged_file_alone_is_written_again(address: str, tmp_path: Path) -> None:
    fetch_release(small(address), tmp_path)
    (tmp_path / "pmb/ccg/de/test-00000-of-00001.parquet").write_bytes(b"x")
    assert fetch_release(small(address), tmp_path).written == 1
    assert counts(tmp_path) == COUNTS


def test_an_interrupted_fetch_is_not_read_and_continues(site: Site, address: str, tmp_path: Path) -> None:
    lost = site.files.pop("/layers/en/gold/test.conll")
    with pytest.raises(SourceError, match="answers with status 404"):
        fetch_release(small(address), tmp_path)
    assert not list((tmp_path / "pmb/ccg").glob("*/*.parquet"))
    site.files["/layers/en/gold/test.conll"] = lost
    site.asked.clear()
    fetch_release(small(address), tmp_path)
    assert "/layers/en/gold/train.conll" not in [path for path, _ in site.asked], (
        "what has arrived is not asked for again"
    )
    assert counts(tmp_path) == COUNTS


def test_other_bytes_than_the_published_ones_are_refused_from_their_makers_and_told_of_a_copy(
    site: Site, address: str, tmp_path: Path
) -> None:
    site.files["/layers/de/gold/test.conll"] += b"Mehr\tMehr\tmehr\tX\tn\n\n"
    with pytest.raises(SourceError, match="is not the file that was published"):
        fetch_release(small(address), tmp_path / "a")
    found = fetch_release(small("http://127.0.0.1:9"), tmp_path / "b", place=f"{address}/layers/")
    assert not found.is_published and found.revision != PMB.revision
    assert "other rows" in (tmp_path / "b/pmb/ccg/README.md").read_text()


def test_a_known_archive_is_compared_with_what_is_known_of_it(site: Site, address: str, tmp_path: Path) -> None:
    known = replace(small(), archives={f"{address}/pmb-4.0.0.zip": Content(3_005_186_356, "b5c1", "md5")})
    with pytest.raises(SourceError, match=r"bytes of another md5; expected 3,005,186,356 bytes"):
        fetch_release(known, tmp_path, place=f"{address}/pmb-4.0.0.zip")


# -- bad copies --------------------------------------------------------------------------------------------------------


def refused(place: Path | str, said: str, tmp_path: Path, fault: type[Exception] = SourceError) -> None:
    with pytest.raises(fault, match=said) as caught:
        fetch_release(small("http://127.0.0.1:9"), tmp_path / "mirror", place=str(place))
    assert "\n" not in str(caught.value) and not list((tmp_path / "mirror").rglob("*.parquet"))


def test_what_is_no_copy_is_one_sentence(tmp_path: Path) -> None:
    refused(tmp_path / "none.zip", "is not there; expected a folder or an archive", tmp_path)
    refused(_written(tmp_path / "a.zip", b"PK not a zip"), "neither a folder nor a whole archive", tmp_path)
    refused(
        _written(tmp_path / "b.zip", zipped(release())[:-40]), "neither a folder nor a whole archive|damaged", tmp_path
    )
    refused(_written(tmp_path / "c.tgz", tarred(layers())[:300]), "damaged|neither a folder", tmp_path)
    refused(
        unpacked({"x.txt": b""}, tmp_path / "d"), r"lacks the English train sentences .*en/gold/train\.conll", tmp_path
    )
    german = {name: data for name, data in layers().items() if name.startswith("de")}
    refused(unpacked(german, tmp_path / "e"), "lacks the English train sentences", tmp_path)
    two = {f"{version}/{name}": data for version in ("2.2.0", "3.0.0") for name, data in layers().items()}
    refused(unpacked(two, tmp_path / "f"), r"holds several versions of the corpus \(2.2.0, 3.0.0\)", tmp_path)
    refused("http://127.0.0.1:9/pmb-4.0.0.zip", "does not answer", tmp_path)


def test_of_several_versions_the_one_that_is_meant_is_read(tmp_path: Path) -> None:
    old = dict.fromkeys(layers(), b"Alt\tAlt\talt\tX\tn\n\n")
    both = {f"layer_data/3.0.0/{name}": data for name, data in old.items()}
    both |= {f"layer_data/4.0.0/{name}": data for name, data in layers().items()}
    assert fetch_release(small(), tmp_path / "mirror", place=str(unpacked(both, tmp_path / "copy"))).is_published


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Tom\tnp\n\n", r"train\.conll, line 1: 2 cells; expected a token and its layers"),
        (b"\xff\xfe\n", "train.conll is not UTF-8"),
    ],
)
def test_a_damaged_file_of_a_copy_is_named_with_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    refused(unpacked({**layers(), "en/gold/train.conll": data}, tmp_path / "copy"), said, tmp_path, DataError)


def test_nothing_of_an_archive_lands_outside_the_mirror(tmp_path: Path) -> None:
    evil = {"../../en/gold/evil.conll": b"x", "/tmp/evil.conll": b"x", **layers()}
    fetch_release(small(), tmp_path / "in/mirror", place=_written(tmp_path / "in.zip", zipped(evil)))
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in layers().items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("nl/gold/train.conll")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    found = fetch_release(small(), tmp_path / "in/other", place=_written(tmp_path / "in.tar", stream.getvalue()))
    assert found.is_published, "a link is not followed"
    assert {each.name for each in tmp_path.iterdir()} == {"in", "in.zip", "in.tar"}


def test_a_member_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.tasks.release.place._MOST_BYTES", 2**16)
    bomb = _written(tmp_path / "a.zip", zipped({**layers(), "en/gold/train.conll": b"\n" * 2**20}))
    assert zipfile.Path(bomb).root.getinfo("en/gold/train.conll").compress_size < 2**12
    refused(bomb, "has more than 0 MiB; expected a file of the release", tmp_path, DataError)


# -- commands ----------------------------------------------------------------------------------------------------------


def command(*words: object) -> tuple[int, str]:
    found = CliRunner().invoke(cli.main, list(map(str, words)))
    return found.exit_code, found.output


def test_the_command_takes_a_copy_and_training_reads_it(folder: Path) -> None:
    Path("copy.zip").write_bytes(zipped(release()))
    code, said = command("tasks", "fetch", "ccg", "--out", "mirror", "--release", "copy.zip")
    assert code == 0 and "7 files" in said and "7 written; from copy.zip." in said
    assert "other rows than those of the Parallel Meaning Bank 4.0.0 as published" in said
    assert len(get_task("ccg").rows("train", "en", data_root=Path("mirror"))) == 3
    code, said = command("tasks", "fetch", "xnli", "--out", "mirror", "--release", "copy.zip")
    assert code == 2 and "0 of the tasks named have one; expected one of ccg." in said


def _no_network(*args: object, **options: object) -> None:
    raise OSError(-2, "Name or service not known")


def test_without_a_network_every_sentence_names_the_copy_and_not_the_hub(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("XSTILTS_CACHE", str(folder / "cache"))
    monkeypatch.setattr("toolkit.web.urllib.request.urlopen", _no_network)
    code, said = command("tasks", "fetch", "ccg", "--out", "mirror")
    assert code == 2 and "--release takes a copy of the Parallel Meaning Bank 4.0.0 from elsewhere" in said
    with pytest.raises(
        SourceError, match=r"not on the hub .*`xstilts tasks fetch ccg --out DIR --release COPY`"
    ) as caught:
        get_task("ccg").rows("train", "en")
    assert "hf download" not in str(caught.value) and "\n" not in str(caught.value)
    assert "the Parallel Meaning Bank 4.0.0 (https://" in command("tasks", "show", "ccg")[1]


def test_without_a_mirror_the_rows_are_fetched_into_the_cache_once(
    site: Site, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    task = get_task("ccg")
    source = replace(task.source, release=small(address))
    assert len(source.open(task, "train", "en", None)) == 3
    site.files.clear()
    assert len(source.open(task, "score", "de", None)) == 1
    assert (tmp_path / "cache/releases/pmb/ccg/.xstilts.json").is_file()
