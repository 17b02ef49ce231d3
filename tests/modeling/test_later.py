from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from toolkit.modeling.later import Later, names, put_off

USER = """
import heavy.deep
from heavy.deep import Number, double

def is_number(value):
    return isinstance(value, Number)
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A heavy package with a module in it, and a module that takes names from it."""
    (tmp_path / "heavy").mkdir()
    (tmp_path / "heavy" / "__init__.py").write_text("")
    deep = "class Number(int):\n    zero = 0\n\ndef double(value):\n    return 2 * value\n"
    (tmp_path / "heavy" / "deep.py").write_text(deep)
    (tmp_path / "user.py").write_text(USER)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("user", "heavy.deep", "heavy"):
        sys.modules.pop(name, None)


def _user() -> object:
    with put_off({"heavy": {}, "heavy.deep": names("heavy.deep", "Number", "double")}):
        return import_module("user")


@pytest.mark.usefixtures("packages")
def test_a_module_is_imported_when_a_name_of_it_is_used_first() -> None:
    user = _user()
    assert "heavy" not in sys.modules and "heavy.deep" not in sys.modules
    assert user.double(4) == 8  # type: ignore[attr-defined]
    assert "heavy.deep" in sys.modules and user.Number.zero == 0  # type: ignore[attr-defined]


@pytest.mark.usefixtures("packages")
def test_nothing_is_an_instance_of_a_class_whose_module_nobody_imported() -> None:
    user = _user()
    assert not user.is_number(3)  # type: ignore[attr-defined]
    assert "heavy.deep" not in sys.modules
    number = import_module("heavy.deep").Number(3)
    assert user.is_number(number) and not user.is_number(3)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("packages")
def test_what_was_imported_before_is_used_as_it_is() -> None:
    deep = import_module("heavy.deep")
    assert _user().double is deep.double  # type: ignore[attr-defined]
    assert sys.modules["heavy.deep"] is deep


@pytest.mark.usefixtures("packages")
def test_modules_of_an_opened_package_are_imported_without_it() -> None:
    with put_off({"heavy": {}}, opened=["heavy"]):
        deep = import_module("heavy.deep")
    assert deep.double(1) == 2 and "heavy" not in sys.modules
    assert import_module("heavy").__file__.endswith("__init__.py")


@pytest.mark.usefixtures("packages")
def test_an_error_inside_the_block_leaves_nothing_behind() -> None:
    finders, is_collecting = list(sys.meta_path), gc.isenabled()
    with pytest.raises(ImportError, match="other"), put_off({"heavy": {}, "heavy.deep": {}}):
        exec("from heavy.deep import other")
    assert sys.meta_path == finders and gc.isenabled() is is_collecting
    assert "heavy" not in sys.modules


def test_a_name_that_its_module_lacks_is_missing_when_it_is_used() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        Later("json", "no_such_name")()
