"""Ready configurations: found by name in the working folder's configs/, then among those that are shipped."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import PROJECT
from toolkit.config import load
from toolkit.config.ready import config_file, copy_ready, find_ready, get_ready, ready_configs, shipped
from toolkit.errors import ToolkitError
from toolkit.tasks import catalogue_of


def test_every_file_of_the_clone_is_listed_with_what_it_is_for_and_its_command(folder: Path) -> None:
    files = {
        path.relative_to(PROJECT / "configs").with_suffix("").as_posix() for path in PROJECT.glob("configs/*/*.yaml")
    }
    found = ready_configs()
    assert {each.name for each in found} == files
    for each in found:
        assert each.command.startswith("xstilts "), each.name
        assert 5 < len(each.what) < 150 and not each.what.startswith("xstilts"), (each.name, each.what)


@pytest.mark.parametrize("name", ["train/jiant", "configs/train/jiant.yaml", "train/jiant.yaml"])
def test_a_name_is_found_from_any_folder(folder: Path, name: str) -> None:
    assert find_ready(name) == shipped() / "train" / "jiant.yaml"
    assert load(name).adapter.kind == "full"


def test_a_plain_name_is_found_where_its_kind_is_known(folder: Path) -> None:
    assert find_ready("order-mini", "sweep") == shipped() / "sweep" / "order-mini.yaml"
    assert find_ready("order-mini") is None
    assert find_ready("order-mini", "task") is None


@pytest.mark.parametrize(
    ("name", "found"), [("jiant", "train/jiant"), ("layer14", "retrieve/layer14"), ("tiny", "backbone/tiny")]
)
def test_a_configuration_of_settings_needs_no_kind_where_one_has_the_name(folder: Path, name: str, found: str) -> None:
    assert config_file(name) == shipped() / f"{found}.yaml"
    load(name)


@pytest.mark.parametrize(
    ("wrong", "meant"), [("jient", "jiant"), ("train/jient", "train/jiant"), ("leyer14", "layer14")]
)
def test_a_wrong_name_of_settings_offers_the_ready_ones(folder: Path, wrong: str, meant: str) -> None:
    with pytest.raises(ToolkitError, match=f"Did you mean '{meant}'"):
        load(wrong)


def test_a_folder_of_the_name_hides_nothing(folder: Path) -> None:
    Path("order-mini").mkdir()
    assert config_file("order-mini", "sweep") == shipped() / "sweep" / "order-mini.yaml"


@pytest.mark.parametrize("name", ["mnli-travel", "task/mnli-travel", "configs/task/mnli-travel.yaml"])
def test_a_ready_task_file_is_found_from_any_folder(folder: Path, name: str) -> None:
    assert catalogue_of([name]).get("mnli-travel").name == "mnli-travel"
    with pytest.raises(ToolkitError, match="Did you mean 'mnli-travel'"):
        catalogue_of(["mnli-trevel"])


def test_the_working_folder_comes_first(folder: Path) -> None:
    path = Path("configs", "train", "jiant.yaml")
    path.parent.mkdir(parents=True)
    path.write_text("# xstilts train mnli --config train/jiant\n#\n# Our own recipe.\n\ntrain: {lr: 0.5}\n")
    assert load("train/jiant").train.lr == 0.5
    found = get_ready("jiant")
    assert (found.path, found.is_own, found.what) == (path, True, "Our own recipe")
    assert sum(each.name == "train/jiant" for each in ready_configs()) == 1


def test_a_file_that_exists_wins_over_a_name(folder: Path) -> None:
    Path("train").mkdir()
    Path("train", "jiant").write_text("train: {lr: 0.25}\n")
    assert load("train/jiant").train.lr == 0.25


def test_a_name_never_leads_out_of_the_folders(folder: Path) -> None:
    Path("secret.yaml").write_text("train: {lr: 0.25}\n")
    for name in ("../secret", "train/../../secret", "/etc/passwd", "sweep", "train/", ""):
        assert find_ready(name) is None
        assert find_ready(name, "sweep") is None


def test_an_unknown_name_offers_the_nearest(folder: Path) -> None:
    with pytest.raises(ToolkitError, match="Did you mean 'train/jiant'"):
        get_ready("train/jaint")
    with pytest.raises(ToolkitError, match="No config file 'train/jaint'"):
        load("train/jaint")


def test_a_copy_is_what_is_found_next_and_is_not_overwritten(folder: Path) -> None:
    path = copy_ready("sweep/order-mini")
    assert path == Path("configs", "sweep", "order-mini.yaml")
    assert path.read_bytes() == (shipped() / "sweep" / "order-mini.yaml").read_bytes()
    path.write_text("changed")
    with pytest.raises(ToolkitError, match="exists already"):
        copy_ready("order-mini")
    assert path.read_text() == "changed"
    assert copy_ready("order-mini", Path("mine.yaml")).read_text() == "changed"  # the working folder's


@pytest.mark.slow
def test_a_wheel_ships_the_ready_configurations(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a copy: setuptools leaves a build folder
    for name in ("toolkit", "configs"):
        shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("cli.py", "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path / "wheels"), str(source)], check=True, cwd=tmp_path)
    (wheel,) = (tmp_path / "wheels").glob("xstilts-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {path.relative_to(PROJECT / "configs").as_posix() for path in PROJECT.glob("configs/*/*.yaml")}
    assert {f"toolkit/ready/{name}" for name in configs} == {
        name for name in names if name.startswith("toolkit/ready/")
    }
    assert {"toolkit/py.typed", "toolkit/report/page.css", "cli.py"} <= names
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    program = (
        "import json, toolkit\nfrom toolkit.config.ready import get_ready\n"
        "print(json.dumps([toolkit.__file__, str(get_ready('order-mini').path), toolkit.configure(config='train/jiant').adapter.kind]))"
    )
    (tmp_path / "empty").mkdir()
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "empty",
        env={"PYTHONPATH": str(tmp_path / "installed"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    package, path, kind = json.loads(found.stdout)
    assert Path(package).is_relative_to(tmp_path / "installed")
    assert path == str(tmp_path / "installed" / "toolkit" / "ready" / "sweep" / "order-mini.yaml")
    assert kind == "full"
