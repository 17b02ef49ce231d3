"""A download continues where it stopped, is checked, obeys the server's wishes, and is visible when it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web import Site, serve
from toolkit import web
from toolkit.errors import SourceError
from toolkit.web import Content, download

DATA = bytes(range(256)) * 4000
CONTENT = Content(len(DATA), hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def site() -> Site:
    return Site({"/file.zip": DATA})


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with serve(site) as address:
        yield address


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(web.time, "sleep", found.append)
    return found


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("content", [CONTENT, None, Content(len(DATA), hashlib.md5(DATA).hexdigest(), "md5")])
def test_a_file_arrives_whole(address: str, tmp_path: Path, content: Content | None) -> None:
    told: list[tuple[int, int]] = []
    download(f"{address}/file.zip", tmp_path / "f", content, report=lambda *each: told.append(each))
    assert (tmp_path / "f").read_bytes() == DATA and left(tmp_path) == ["f"]
    assert told[-1] == (len(DATA), len(DATA)) and len(told) > 2


@pytest.mark.parametrize("content", [CONTENT, None])
def test_a_cut_download_continues_where_it_stopped(
    site: Site, address: str, tmp_path: Path, waited: list[float], content: Content | None
) -> None:
    site.cut = 300_000
    download(f"{address}/file.zip", tmp_path / "f", content)
    assert site.asked[0] == ("/file.zip", "") and site.asked[1][1].startswith("bytes=")
    assert (tmp_path / "f").read_bytes() == DATA and len(waited) == 1


def test_what_a_killed_process_left_is_continued_by_the_next(site: Site, address: str, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(DATA[:1000])
    download(f"{address}/file.zip", tmp_path / "f", CONTENT)
    assert site.asked == [("/file.zip", "bytes=1000-")] and (tmp_path / "f").read_bytes() == DATA


def test_a_whole_part_is_checked_and_not_asked_for(site: Site, address: str, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(DATA)
    download(f"{address}/file.zip", tmp_path / "f", CONTENT)
    assert site.asked == [] and left(tmp_path) == ["f"]


@pytest.mark.parametrize("held", [b"x" * 5000, b"x" * (len(DATA) + 1)])
def test_a_part_of_another_file_does_not_stay(site: Site, address: str, tmp_path: Path, held: bytes) -> None:
    (tmp_path / "f.part").write_bytes(held)
    if len(held) < len(DATA):
        with pytest.raises(SourceError, match="is not the file that was published"):
            download(f"{address}/file.zip", tmp_path / "f", CONTENT)
        assert left(tmp_path) == []
    download(f"{address}/file.zip", tmp_path / "f", CONTENT)
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_server_without_ranges_sends_all_again(site: Site, address: str, tmp_path: Path) -> None:
    site.knows_ranges = False
    (tmp_path / "f.part").write_bytes(DATA[:1000])
    download(f"{address}/file.zip", tmp_path / "f", CONTENT)
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_part_that_is_longer_than_the_file_is_dropped(
    site: Site, address: str, tmp_path: Path, waited: list[float]
) -> None:
    (tmp_path / "f.part").write_bytes(b"x" * (len(DATA) + 5))
    download(f"{address}/file.zip", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == DATA


def test_the_servers_wish_to_wait_is_obeyed(site: Site, address: str, tmp_path: Path, waited: list[float]) -> None:
    site.refused = [(429, "7"), (503, None)]
    download(f"{address}/file.zip", tmp_path / "f", CONTENT)
    assert waited == [7.0, 1.0]


def test_a_server_that_goes_on_refusing_is_one_sentence(
    site: Site, address: str, tmp_path: Path, waited: list[float]
) -> None:
    site.refused = [(429, "1000000")] * 9
    with pytest.raises(SourceError, match=r"did not arrive \(status 429\); the same command continues"):
        download(f"{address}/file.zip", tmp_path / "f", CONTENT)
    assert waited == [120.0] * 3


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("{}/none.zip", r"answers with status 404 for .*none\.zip"),
        ("http://127.0.0.1:9/x", r"127\.0\.0\.1:9 does not answer"),
        ("ftp://host/x", "is not an address of the web"),
        ("http:///x", "is not an address of the web"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(address: str, tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        download(url.format(address), tmp_path / "f")
    assert "\n" not in str(caught.value) and not (tmp_path / "f").exists()


def test_other_bytes_are_refused_and_do_not_stay(site: Site, address: str, tmp_path: Path) -> None:
    site.files["/file.zip"] = b"y" + DATA[1:]
    with pytest.raises(SourceError, match="bytes of another sha256; expected 1,024,000 bytes"):
        download(f"{address}/file.zip", tmp_path / "f", CONTENT)
    assert left(tmp_path) == []
