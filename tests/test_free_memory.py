from __future__ import annotations

import resource
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from toolkit import free_memory as module
from toolkit.free_memory import free_memory


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the control groups, on a machine with 1000 free bytes."""
    monkeypatch.setattr(module, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(module, "_OWN", tmp_path / "own")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return tmp_path / "cgroup"


def belong(groups: Path, lines: str, folder: str, **files: object) -> None:
    """Put this process into a group that has files."""
    (groups.parent / "own").write_text(lines)
    (groups / folder).mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (groups / folder / name.replace("__", ".")).write_text(f"{value}\n")


def test_without_groups_it_is_that_of_the_machine(groups: Path) -> None:
    assert free_memory() == 1000


def test_the_limit_of_a_group_or_of_one_above_it_counts_and_pages_of_files_are_free(groups: Path) -> None:
    belong(groups, "0::/jobs/7\n", "jobs/7", memory__max="max", memory__current=300)
    assert free_memory() == 1000
    belong(
        groups, "0::/jobs/7\n", "jobs", memory__max=500, memory__current=300, memory__stat="anon 5\ninactive_file 40"
    )
    assert free_memory() == 240
    belong(groups, "0::/jobs/7\n", "jobs/7", memory__max=310, memory__current=300)
    assert free_memory() == 10


def test_groups_of_the_first_version_are_read_where_a_container_hides_their_path(groups: Path) -> None:
    files = {"memory__limit_in_bytes": 900, "memory__usage_in_bytes": 700, "memory__stat": "total_inactive_file 100"}
    belong(groups, "5:cpu:/x\n4:memory:/docker/abc\n0::/\n", "memory", **files)
    assert free_memory() == 300


def test_a_group_that_is_used_up_has_nothing_left(groups: Path) -> None:
    belong(groups, "0::/\n", ".", memory__max=100, memory__current=200)
    assert free_memory() == 0


def test_a_limit_of_addresses_counts(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = psutil.Process().memory_info().vms
    monkeypatch.setattr(resource, "getrlimit", lambda _: (held // 2, resource.RLIM_INFINITY))
    assert free_memory() == 0
