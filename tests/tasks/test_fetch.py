"""Filling a mirror from a stand-in of the hub: whole, once, at one revision, and going on after whatever went wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner

import cli
from tests.hub import Hub, Repo, Repositories
from tests.hub.catalogue import catalogue_hub
from tests.hub.online import online
from toolkit.errors import DataError, SourceError, ToolkitError
from toolkit.tasks import BUILT_IN, get_task
from toolkit.tasks.fetch import Fetched, fetch
from toolkit.tasks.mirror import stream
from toolkit.tasks.mirror.manifest import FILE, read_manifest

XNLI = "facebook/xnli"
GLUE = "nyu-mll/glue"


def parquet(columns: Mapping[str, Any]) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), sink)
    return sink.getvalue()


def pairs(word: str, n: int = 4) -> bytes:
    texts = [f"{word} {i}" for i in range(n)]
    return parquet({"premise": texts, "hypothesis": texts, "label": [i % 3 for i in range(n)]})


def readme(*configs: str, splits: tuple[str, ...] = ("validation", "test")) -> bytes:
    lines = ["---", "configs:"]
    for config in configs:
        lines += [f"- config_name: {config}", "  data_files:"]
        lines += [line for split in splits for line in (f"  - split: {split}", f"    path: {config}/{split}-*")]
    return "\n".join([*lines, "---", ""]).encode()


def dataset(word: str = "", languages: tuple[str, ...] = ("en", "de")) -> dict[str, bytes]:
    files = {f"{code}/{s}-0.parquet": pairs(f"{code} {s} {word}") for code in languages for s in ("validation", "test")}
    return {"README.md": readme(*languages), "de/train-0.parquet": b"never asked for", **files}


@pytest.fixture
def hub() -> Hub:
    glue = {"README.md": readme("mnli", splits=("train", "validation_matched"))}
    glue |= {f"mnli/{split}-0.parquet": pairs(split) for split in ("train", "validation_matched")}
    return Hub(Repositories({XNLI: Repo({"main": dataset()}), GLUE: Repo({"main": glue})}))


@pytest.fixture
def address(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with online(hub, monkeypatch, tmp_path_factory.mktemp("home")) as address:
        yield address


def run(root: Path, address: str, *names: str, **more: Any) -> dict[str, Fetched]:
    return {one.repo: one for one in fetch([get_task(name) for name in names], root, endpoint=address, **more)}


def test_a_task_and_its_lender_are_fetched_and_read_with_their_revision(hub: Hub, address: str, tmp_path: Path) -> None:
    found = run(tmp_path, address, "xnli")
    commit = hub.datasets[XNLI].commit()
    assert found[XNLI].revision == commit and found[XNLI].files == found[XNLI].downloaded == 5
    assert found[GLUE].files == 3
    assert "fr" in found[XNLI].lacking
    assert not (tmp_path / XNLI / "de" / "train-0.parquet").exists(), "only what the task reads"
    assert get_task("xnli").reachable(data_root=tmp_path) == ("en", "de")
    rows = get_task("xnli").rows("score", "de", data_root=tmp_path)
    assert rows[0].first == "de test  0"
    assert rows.origin == f"mirror: {XNLI}@{commit[:12]}/de/test-0.parquet"
    assert rows.revision == f"{XNLI}@{commit}"
    told = json.loads((tmp_path / XNLI / FILE).read_text())
    assert told["is_whole"] is True and len(told["files"]["de/test-0.parquet"]["sha256"]) == 64


def test_a_second_time_downloads_nothing_and_writes_nothing(hub: Hub, address: str, tmp_path: Path) -> None:
    run(tmp_path, address, "xnli")
    hub.sent.clear()
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()}
    again = run(tmp_path, address, "xnli")
    assert (again[XNLI].downloaded, again[GLUE].downloaded, hub.sent) == (0, 0, {})
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("path", ["de/test-0.parquet", "README.md"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_alone_is_fetched_again(hub: Hub, address: str, tmp_path: Path, path: str, damage: str) -> None:
    run(tmp_path, address, "xnli")
    file = tmp_path / XNLI / path
    whole = file.read_bytes()
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(whole[:-1] + (bytes([whole[-1] ^ 1]) if damage == "flip" else b""))
    hub.sent.clear()
    assert run(tmp_path, address, "xnli")[XNLI].downloaded == 1
    assert list(hub.sent) == [path] and file.read_bytes() == whole


def test_an_interrupted_download_goes_on_where_it_was_and_is_never_read_half(
    hub: Hub, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = parquet(
        {"premise": ["x" * 50 + str(i) for i in range(20_000)], "hypothesis": ["y"] * 20_000, "label": [0] * 20_000}
    )
    hub.datasets[XNLI].revisions["main"]["de/test-0.parquet"] = large
    monkeypatch.setattr(stream, "_PAUSE_S", 0.0)
    monkeypatch.setattr(stream, "_BLOCK", 1000)
    hub.cut, hub.is_always_cut = 5000, True  # each of four tries brings 5,000 bytes of the only large file
    assert "was cut off" in run(tmp_path, address, "xnli")[XNLI].fault
    with pytest.raises(
        SourceError, match=r"was only half fetched; `xstilts tasks fetch TASK --out .*` continues where"
    ):
        get_task("xnli").rows("score", "en", data_root=tmp_path)
    hub.cut, hub.is_always_cut = None, False
    hub.sent.clear()
    hub.ranges.clear()
    assert run(tmp_path, address, "xnli")[XNLI].files == 5
    assert hub.ranges == ["bytes=20000-"] and hub.sent["de/test-0.parquet"] == len(large) - 20_000
    assert (tmp_path / XNLI / "de" / "test-0.parquet").read_bytes() == large


def test_bytes_that_do_not_fit_their_checksum_are_asked_for_twice_and_then_refused(
    hub: Hub, address: str, tmp_path: Path
) -> None:
    hub.wrong.add("de/test-0.parquet")
    said = run(tmp_path, address, "xnli")[XNLI].fault
    assert "facebook/xnli/de/test-0.parquet arrived twice with another content" in said
    assert not (tmp_path / XNLI / "de" / "test-0.parquet").exists()
    hub.wrong.clear()
    assert run(tmp_path, address, "xnli")[XNLI].downloaded > 0
    assert len(get_task("xnli").rows("score", "de", data_root=tmp_path)) == 4


def test_languages_narrow_what_is_fetched_and_a_later_fetch_adds_to_it(hub: Hub, address: str, tmp_path: Path) -> None:
    hub.datasets[XNLI].revisions["main"] = dataset(languages=("en", "de", "sw", "tr"))
    run(tmp_path, address, "xnli", languages=["de"])
    assert get_task("xnli").reachable(data_root=tmp_path) == ("en", "de")
    run(tmp_path, address, "xnli", languages=["sw"])
    assert get_task("xnli").reachable(data_root=tmp_path) == ("en", "de", "sw")
    assert len(get_task("xnli").rows("score", "de", data_root=tmp_path)) == 4


def test_a_new_revision_brings_what_changed_and_all_files_are_of_it(hub: Hub, address: str, tmp_path: Path) -> None:
    run(tmp_path, address, "xnli")
    hub.datasets[XNLI].revisions["main"] |= {"de/test-0.parquet": pairs("neu")}
    hub.sent.clear()
    found = run(tmp_path, address, "xnli", languages=["en"])[XNLI]
    assert [path for path in hub.sent if path != "README.md"] == ["de/test-0.parquet"], (
        "German was fetched before, so it follows"
    )
    assert found.revision == hub.datasets[XNLI].commit()
    assert get_task("xnli").rows("score", "de", data_root=tmp_path)[0].first == "neu 0"


def test_a_dataset_without_parquet_files_is_fetched_as_the_hub_converted_it(
    hub: Hub, address: str, tmp_path: Path
) -> None:
    hub.datasets[XNLI] = Repo({
        "main": {"README.md": b"# No front matter", "xnli.py": b"a loading script"},
        "refs/convert/parquet": {f"{code}/{s}/0000.parquet": pairs(f"{code} {s}") for code in ("en", "de") for s in ("validation", "test")},
    })  # fmt: skip
    found = run(tmp_path, address, "xnli")[XNLI]
    assert found.revision == hub.datasets[XNLI].commit("refs/convert/parquet")
    assert get_task("xnli").rows("score", "de", data_root=tmp_path)[0].first == "de test 0"
    assert run(tmp_path, address, "xnli")[XNLI].downloaded == 0


def test_what_is_not_there_is_named_and_costs_nothing_else(hub: Hub, address: str, tmp_path: Path) -> None:
    found = run(tmp_path, address, "xquad", "mnli")
    assert "google/xquad cannot be read: the hub has no such id, or it is private" in found["google/xquad"].fault
    assert (found[GLUE].fault, found[GLUE].files) == ("", 3)
    hub.datasets[XNLI].revisions["main"] = {"README.md": readme("fr-only"), "x.parquet": b""}
    said = run(tmp_path, address, "xnli")[XNLI].fault
    assert "has no config 'en' (it has fr-only), and the hub has no conversion of it" in said
    with pytest.raises(SourceError, match="cannot be read: the hub does not answer from here"):
        run(tmp_path, "http://127.0.0.1:9", "xnli")


def test_a_path_that_leads_out_of_the_mirror_is_refused(hub: Hub, address: str, tmp_path: Path) -> None:
    hub.datasets[XNLI].revisions["main"]["../../evil.parquet"] = b"x"
    with pytest.raises(SourceError, match="leads out of its folder"):
        run(tmp_path / "mirror", address, "xnli")
    assert not (tmp_path / "evil.parquet").exists()


def test_a_file_that_was_changed_since_is_refused_when_it_is_read(hub: Hub, address: str, tmp_path: Path) -> None:
    run(tmp_path, address, "xnli")
    (tmp_path / XNLI / "de" / "test-0.parquet").write_bytes(pairs("other", 9))
    with pytest.raises(DataError, match=r"test-0\.parquet has [\d,]+ bytes, and [\d,]+ when it was fetched"):
        get_task("xnli").rows("score", "de", data_root=tmp_path)
    (tmp_path / XNLI / FILE).write_text("{")
    with pytest.raises(DataError, match=r"\.xstilts\.json is damaged"):
        get_task("xnli").rows("score", "en", data_root=tmp_path)


# -- pins -------------------------------------------------------------------------------------------------------------


def command(*words: object) -> str:
    found = CliRunner().invoke(cli.main, list(map(str, words)))
    assert found.exit_code == 0, found.output
    return found.output


def test_the_commands_fetch_pin_and_hold_to_what_is_pinned(
    hub: Hub, address: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = command("tasks", "fetch", "xnli", "--to", "mirror", "--endpoint", address)
    assert f"{XNLI}@{hub.datasets[XNLI].commit()[:12]}: 5 files" in said and "5 downloaded" in said
    assert "all there and whole" in command("tasks", "fetch", "xnli", "--to", "mirror", "--endpoint", address)
    was = hub.datasets[XNLI].commit()
    command("tasks", "pin", "xnli", "--data-root", "mirror")
    assert f"{XNLI}: '{was}'" in Path("configs/pins.yaml").read_text()
    root = Path("mirror")
    assert len(get_task("xnli").rows("score", "de", data_root=root)) == 4
    hub.datasets[XNLI].revisions["newer"] = hub.datasets[XNLI].revisions["main"]
    hub.datasets[XNLI].revisions["main"] = dataset("newer")
    hub.datasets[XNLI].revisions["old"] = dataset()
    hub.sent.clear()
    assert was[:12] in command("tasks", "fetch", "xnli", "--to", "mirror", "--endpoint", address), "the pin is fetched"
    assert hub.sent == {}
    Path("configs/pins.yaml").write_text(f"{XNLI}: '{hub.datasets[XNLI].commit()}'\n")
    with pytest.raises(
        SourceError, match=rf"is at revision {was[:12]}; revision {hub.datasets[XNLI].commit()[:12]} was asked for"
    ):
        get_task("xnli").rows("score", "de", data_root=root)
    command("tasks", "fetch", "xnli", "--to", "mirror", "--endpoint", address)
    assert get_task("xnli").rows("score", "de", data_root=root)[0].first == "de test newer 0"


def test_pins_come_from_the_hub_where_there_is_no_mirror_and_are_added_to_those_there_are(
    hub: Hub, address: str, folder: Path
) -> None:
    Path("pins.yaml").write_text(f"a/b: '{'1' * 40}'\n{GLUE}: '{'2' * 40}'\n")
    command("tasks", "pin", "mnli", "--endpoint", address, "--out", "pins.yaml")
    lines = [line for line in Path("pins.yaml").read_text().splitlines() if not line.startswith("#")]
    assert lines == [f"a/b: '{'1' * 40}'", f"{GLUE}: '{hub.datasets[GLUE].commit()}'"]


def test_a_mirror_that_does_not_say_its_revision_cannot_be_pinned_nor_vouch_for_a_pin(folder: Path) -> None:
    file = Path("mirror") / XNLI / "de" / "test-0.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(pairs("de"))
    found = CliRunner().invoke(cli.main, ["tasks", "pin", "xnli", "--data-root", "mirror"])
    assert found.exit_code == 2 and "does not say which revision it holds, so it cannot be pinned" in found.output
    assert not Path("configs").exists()
    Path("configs").mkdir()
    Path("configs/pins.yaml").write_text(f"{XNLI}: {'a' * 40}\n")
    with pytest.raises(SourceError, match=r"does not say which revision it holds; revision aaaaaaaaaaaa was asked for"):
        get_task("xnli").rows("score", "de", data_root=Path("mirror"))


def test_what_hf_download_notes_beside_its_files_is_the_revision(tmp_path: Path) -> None:
    file = tmp_path / XNLI / "de" / "test-0.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(pairs("de"))
    note = tmp_path / XNLI / ".cache/huggingface/download/de/test-0.parquet.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{'b' * 40}\netag\n1700000000.0\n")
    assert get_task("xnli").rows("score", "de", data_root=tmp_path).revision == f"{XNLI}@{'b' * 40}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a/b: main\n", "pins a/b to 'main'"),
        ("- a\n", "holds no mapping"),
        ("a: [\n", "cannot be read"),
        (f"a/b: {'1' * 40}\n", "pins a/b to 1111"),
    ],
)
def test_faulty_pins_are_refused_with_their_file(folder: Path, text: str, said: str) -> None:
    Path("configs").mkdir()
    Path("configs/pins.yaml").write_text(text)
    with pytest.raises(ToolkitError, match=rf"pins\.yaml .*{said}.*|pins\.yaml {said}"):
        get_task("xnli").rows("score", "de", data_root=folder)


def test_pins_that_the_environment_names_must_be_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_PINS", "nowhere.yaml")
    with pytest.raises(ToolkitError, match=r"XSTILTS_PINS names nowhere\.yaml, which is not there"):
        get_task("xnli").rows("score", "de", data_root=folder)


def test_tasks_whose_rows_are_not_on_the_hub_are_named(folder: Path, hub: Hub, address: str) -> None:
    said = command("tasks", "fetch", "bucc", "micro-nli", "--to", "mirror", "--endpoint", address)
    assert "bucc: its rows are not on the hub" in said and "micro-nli" not in said
    assert BUILT_IN.held["bucc"].citation in said


def test_a_manifest_is_read_back_as_it_was(hub: Hub, address: str, tmp_path: Path) -> None:
    assert read_manifest(tmp_path / XNLI) is None
    run(tmp_path, address, "xnli")
    found = read_manifest(tmp_path / XNLI)
    assert found is not None and found.is_whole and found.repo == XNLI and found.asked == ""


@pytest.mark.journey
def test_a_suite_brings_its_tasks_and_what_they_train_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with online(catalogue_hub(n=2), monkeypatch, tmp_path / "home"):
        said = command("tasks", "fetch", "--suite", "xtreme-r", "--out", "mirror", "--languages", "de,et")
    paths = (
        "cambridgeltl/xcopa",
        "aps/super_glue",
        "allenai/social_i_qa",
        "google/xtreme",
        "google/xquad",
        "rajpurkar/squad",
    )
    for path in (*paths, "facebook/mlqa", "google-research-datasets/tydiqa"):
        assert f"{path}@" in said and (Path("mirror") / path / FILE).is_file(), path
    assert "facebook/mlqa: rows of facebook/mlqa@" in said and "holds only a loading script (mlqa.py)" in said


def test_a_suite_with_a_dataset_that_cannot_be_had_brings_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tasks = [get_task(name) for name in ("cosmosqa", "csqa", "rte")]
    hub = catalogue_hub({"allenai/cosmos_qa": "script", "tau/commonsense_qa": "gated"}, tasks=tasks, n=2)
    with online(hub, monkeypatch, tmp_path / "home"):
        found = CliRunner().invoke(cli.main, ["tasks", "fetch", "cosmosqa", "csqa", "rte", "--out", "mirror"])
    assert found.exit_code == 2 and "Traceback" not in found.output
    assert "cosmos_qa cannot be read: it holds only a loading script (cosmos_qa.py), which is never run" in found.output
    assert "tau/commonsense_qa cannot be read: it is gated" in found.output
    assert "2 of 3 datasets were not fetched, as said above; the rest is in mirror" in found.output
    assert sorted(each.name for each in Path("mirror").iterdir()) == ["nyu-mll"], "nothing half-written"
