"""Rows come by the first road that holds them in parquet; every fault of the hub and the network is one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pyarrow
import pyarrow.parquet
import pytest

from tests.hub import Hub, Repo, Repositories
from tests.hub.catalogue import as_files, make_repo, to_parquet
from tests.hub.online import forget, online
from tests.hub.repos import CONVERTED
from tests.tasks.world import HUB_ID, pair_task
from toolkit.errors import DataError, SourceError, ToolkitError
from toolkit.tasks import HubSource, Task, get_task
from toolkit.tasks.sources.hub import Alternative

ROWS: list[dict[str, Any]] = [
    {"a": "It rains.", "b": "It is wet.", "label": 0},
    {"a": "He sings.", "b": "He is mute.", "label": 1},
]
SCRIPT = {"README.md": b"# A dataset\n", "name.py": b"raise SystemExit('never run')\n"}
OTHER = "other/copy"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(Repositories({HUB_ID: Repo({"main": as_files({("en", "train"): ROWS, ("de", "validation"): ROWS})})}))
    with online(hub, monkeypatch, tmp_path):
        yield hub


def with_other(**more: Any) -> Task:
    task = pair_task()
    assert isinstance(task.source, HubSource)
    return replace(
        task, source=replace(task.source, alternatives=(Alternative(path=OTHER, evidence="made up", **more),))
    )


def test_without_a_mirror_the_hub_is_asked_and_its_revision_kept(hub: Hub) -> None:
    rows = pair_task().rows("score", "de")
    commit = hub.datasets[HUB_ID].commit()
    assert [row.label for row in rows] == [0, 1]
    assert rows.split == "validation"
    assert rows.origin == f"hub: {HUB_ID}@{commit[:12]} de/validation"
    assert rows.revision == f"{HUB_ID}@{commit}"
    assert rows.road == f"rows of {HUB_ID}@{commit[:12]}"


def test_only_the_files_of_the_split_are_downloaded_and_only_once(hub: Hub) -> None:
    pair_task().rows("train")
    assert set(hub.sent) == {"README.md", "en/train-00000-of-00001.parquet"}
    hub.sent.clear()
    pair_task().rows("train")
    assert hub.sent == {}


def test_a_script_leads_to_the_conversion_at_its_own_commit(hub: Hub) -> None:
    hub.datasets[HUB_ID] = Repo({"main": SCRIPT, CONVERTED: {"en/train/0000.parquet": to_parquet(ROWS)}})
    rows = pair_task().rows("train")
    commit = hub.datasets[HUB_ID].commit(CONVERTED)
    assert len(rows) == 2 and rows.revision == f"{HUB_ID}@{commit}"
    assert rows.origin == f"hub: {HUB_ID}@{commit[:12]} ({CONVERTED}) en/train"
    assert rows.road.endswith("; on its main branch it holds only a loading script (name.py), which is never run")


@pytest.mark.parametrize("state", ["script", "absent"])
def test_a_dataset_without_rows_leads_to_the_id_that_holds_the_same(hub: Hub, state: str) -> None:
    del hub.datasets[HUB_ID]
    if state == "script":
        hub.datasets[HUB_ID] = Repo({"main": SCRIPT})
    hub.datasets[OTHER] = Repo({"main": as_files({("x.en", "train"): ROWS})})
    rows = with_other(config="x.{code}").rows("train")
    assert rows.revision == f"{OTHER}@{hub.datasets[OTHER].commit()}"
    assert f"rows of {OTHER}@{hub.datasets[OTHER].commit()[:12]}, the same as those of {HUB_ID}, which" in rows.road


def test_a_dataset_in_parquet_answers_before_the_other_id(hub: Hub) -> None:
    hub.datasets[OTHER] = Repo({"main": as_files({("en", "train"): ROWS[:1]})})
    assert len(with_other().rows("train")) == 2
    assert not any(OTHER in line for line in hub.asked)


def test_a_hub_that_fails_never_leads_to_other_rows(hub: Hub) -> None:
    hub.datasets[OTHER] = Repo({"main": as_files({("en", "train"): ROWS})})
    hub.limited = -1
    with pytest.raises(SourceError, match=r"takes no more requests from here for now \(wait 300 s\)"):
        with_other().rows("train")
    assert not any(OTHER in line for line in hub.asked)


def test_the_only_config_of_a_dataset_without_names_is_found_by_either_name(hub: Hub) -> None:
    hub.datasets[HUB_ID] = Repo({"main": SCRIPT, CONVERTED: {"default/train/0000.parquet": to_parquet(ROWS)}})
    assert len(pair_task(source={"config": "plain_text"}).rows("train")) == 2


def test_a_language_that_the_hub_lacks_is_left_out(hub: Hub) -> None:
    assert pair_task().reachable("score") == ("de",)
    assert pair_task().reachable("train") == ("en",)


def _script(hub: Hub) -> None:
    hub.datasets[HUB_ID] = Repo({"main": SCRIPT})


def _absent(hub: Hub) -> None:
    del hub.datasets[HUB_ID]


def _gated(hub: Hub) -> None:
    hub.datasets[HUB_ID].is_gated = True


def _limited(hub: Hub) -> None:
    hub.limited = -1


def _down(hub: Hub) -> None:
    hub.is_down = True


def _cut(hub: Hub) -> None:
    files = hub.datasets[HUB_ID].main
    files["en/train-00000-of-00001.parquet"] = to_parquet(ROWS * 400)
    del files["README.md"]
    hub.cut, hub.is_always_cut = 100, True


def _wrong(hub: Hub) -> None:
    hub.wrong = {"en/train-00000-of-00001.parquet"}


def _damaged(hub: Hub) -> None:
    hub.datasets[HUB_ID].main["en/train-00000-of-00001.parquet"] = b"not parquet"


def _config(hub: Hub) -> None:
    hub.datasets[HUB_ID] = Repo({"main": as_files({("english", "train"): ROWS})})


def _split(hub: Hub) -> None:
    hub.datasets[HUB_ID] = Repo({"main": as_files({("en", "training"): ROWS})})


def _empty(hub: Hub) -> None:
    hub.datasets[HUB_ID] = Repo({"main": {}})


def _column(hub: Hub) -> None:
    hub.datasets[HUB_ID] = Repo({"main": as_files({("en", "train"): [{"a": "x", "c": "y", "label": 0}]})})


def _type(hub: Hub) -> None:
    hub.datasets[HUB_ID] = Repo({"main": as_files({("en", "train"): [{"a": 7, "b": "y", "label": 0}]})})


def _labels(hub: Hub) -> None:
    data = to_parquet(ROWS, {"label": ("yes", "maybe")})
    hub.datasets[HUB_ID].main["en/train-00000-of-00001.parquet"] = data


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            _script,
            "cannot be read: it holds only a loading script (name.py), which is never run, and the hub has no conversion of it",
        ),
        (_absent, "org/name cannot be read: the hub has no such id, or it is private; correct the id, or log in"),
        (
            _gated,
            "org/name cannot be read: it is gated; accept its terms on its page and log in (`hf auth login` or HF_TOKEN).",
        ),
        (
            _limited,
            "the hub takes no more requests from here for now (wait 300 s); run the same command later, or with HF_TOKEN",
        ),
        (_down, "cannot be read: the hub has a fault of its own (500); run the same command later."),
        (_cut, "the download was cut off; run the same command again: it continues where it stopped."),
        (_wrong, "arrived twice with another content than the hub states"),
        (_damaged, "cannot be read as parquet"),
        (_config, "has no config 'en' (it has english"),
        (_split, "has no split 'train' or 'test' or 'validation' in config 'en' (it has training)"),
        (_empty, "org/name cannot be read: it is empty"),
        (_column, "org/name en/train has no column 'b' (it has a, c, label)"),
        (_type, "row 0 (counted from 0): 7 as first; expected text"),
        (_labels, "has the labels yes, maybe; task 'made-up' expected yes, no"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_every_fault_is_one_sentence_with_its_cause(
    hub: Hub, fault: Callable[[Hub], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.tasks.mirror.download._PAUSE_S", 0)
    fault(hub)
    with pytest.raises(ToolkitError) as caught:
        list(pair_task().rows("train"))
    text = str(caught.value)
    assert said in text and "\n" not in text, text


def test_a_token_that_expired_is_said_to_have(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    with pytest.raises(SourceError, match=r"refuses the token, which has expired or was revoked; log in again"):
        pair_task().rows("train")


def test_a_cut_download_is_asked_for_again(hub: Hub) -> None:
    hub.datasets[HUB_ID].main["en/train-00000-of-00001.parquet"] = to_parquet(
        [{**ROWS[0], "a": f"It rains {i * i}."} for i in range(2000)]
    )
    del hub.datasets[HUB_ID].main["README.md"]
    hub.cut = 1000
    assert len(pair_task().rows("train")) == 2000
    assert hub.cut is None, "the first answer was cut"


def test_without_a_network_what_was_read_before_is_read_again_and_nothing_else(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair_task().rows("train")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    forget()
    hub.asked.clear()
    assert len(pair_task().rows("train")) == 2
    with pytest.raises(SourceError, match="the hub does not answer from here"):
        pair_task().rows("score", "de")
    assert hub.asked == []


def test_an_id_of_another_dataset_in_a_mirror_answers_only_with_the_config(hub: Hub, tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    for path, data in as_files({("x.en", "train"): ROWS[:1]}).items():
        (root / OTHER / path).parent.mkdir(parents=True, exist_ok=True)
        (root / OTHER / path).write_bytes(data)
    assert len(with_other(config="x.{code}").rows("train", data_root=root)) == 1
    assert len(with_other(config="y.{code}").rows("train", data_root=root)) == 2, "of the hub"


def test_a_pin_names_the_road(hub: Hub, folder: Path) -> None:
    hub.datasets[OTHER] = Repo({"main": as_files({("en", "train"): ROWS[:1]})})
    commit = hub.datasets[OTHER].commit()
    Path("configs").mkdir()
    Path("configs/pins.yaml").write_text(f"{HUB_ID}: '{OTHER}@{commit}'\n")
    assert with_other().rows("train").revision == f"{OTHER}@{commit}"
    with pytest.raises(ToolkitError, match=rf"pins {HUB_ID} to {OTHER}, which is not known to hold the same rows"):
        pair_task().rows("train")


def test_rows_in_another_format_are_read_by_the_library(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import datasets

    asked: list[tuple[Any, ...]] = []

    def load(path: str, config: str, *, split: str, revision: str | None) -> Any:
        asked.append((path, config, split, revision))
        if split == "test":
            raise ValueError('Unknown split "test". Should be one of ["validation"].')
        return datasets.Dataset.from_list(ROWS)

    monkeypatch.setattr(datasets, "load_dataset", load)
    hub.datasets[HUB_ID] = Repo({"main": {"en.csv": b"a,b,label\n"}})
    assert len(pair_task().rows("score")) == 2
    commit = hub.datasets[HUB_ID].commit()
    assert asked == [(HUB_ID, "en", "test", commit), (HUB_ID, "en", "validation", commit)]


@pytest.mark.parametrize("kind", ["DatasetGenerationError", "DatasetGenerationCastError", "DatasetsError"])
def test_what_the_library_raises_is_one_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    import datasets
    import datasets.exceptions

    def load(*_: Any, **__: Any) -> Any:
        raise getattr(datasets.exceptions, kind)("An error occurred while generating the dataset")

    monkeypatch.setattr(datasets, "load_dataset", load)
    hub.datasets[HUB_ID] = Repo({"main": {"en.csv": b"a,b,label\n"}})
    with pytest.raises(SourceError, match="is in a format that cannot be read"):
        pair_task().rows("train")


def test_the_catalogues_other_ids_hold_the_rows_of_the_task(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    siqa, mlqa = get_task("siqa"), replace(get_task("mlqa"), languages=("en", "de"))
    made = {
        one.path: make_repo(one.path, [(task, one)], "parquet", 4)
        for task in (siqa, mlqa)
        for one in task.source.roads()[1:]  # type: ignore[attr-defined]
    }
    with online(Hub(Repositories(made)), monkeypatch, tmp_path):
        assert siqa.rows("train").revision.startswith("lighteval/siqa@")
        assert mlqa.rows("score", "de.en").origin.endswith("MLQA.de.en/test")


def test_an_empty_file_names_the_split(hub: Hub) -> None:
    hub.datasets[HUB_ID].main["en/train-00000-of-00001.parquet"] = to_parquet([])
    with pytest.raises(DataError, match="en/train has no rows"):
        pair_task().rows("train")


INFO = b"""---
configs:
- config_name: en
  data_files:
  - split: train
    path: en/train-*
dataset_info:
- config_name: en
  features:
  - name: a
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': 'no'
          '1': 'yes'
---
"""


@pytest.mark.parametrize("place", ["hub", "mirror"])
def test_labels_that_only_the_readme_names_are_read_by_name(hub: Hub, tmp_path: Path, place: str) -> None:
    table = pyarrow.Table.from_pylist(ROWS)
    file = tmp_path / "mirror" / HUB_ID / "en" / "train-0.parquet"
    file.parent.mkdir(parents=True)
    pyarrow.parquet.write_table(table, file)
    (tmp_path / "mirror" / HUB_ID / "README.md").write_bytes(INFO)
    hub.datasets[HUB_ID] = Repo({"main": {"README.md": INFO, "en/train-0.parquet": file.read_bytes()}})
    rows = pair_task().rows("train", data_root=tmp_path / "mirror" if place == "mirror" else None)
    assert [rows.task.labels[row.label] for row in rows] == ["no", "yes"], "the task's own order is yes, no"


def test_what_the_library_kept_before_is_read_without_a_network(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import datasets

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    forget()
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.Dataset.from_list(ROWS))
    with pytest.raises(SourceError, match="does not answer from here"):
        pair_task().rows("train")
    (tmp_path / "hf" / "datasets" / HUB_ID.replace("/", "___")).mkdir(parents=True)
    assert len(pair_task().rows("train")) == 2
