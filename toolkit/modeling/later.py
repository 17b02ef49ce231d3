"""Imports put off: what another library imports for work that is not done here is imported when it is first used.

`import transformers` and its encoder bring scikit-learn, scipy's statistics, torch's compiler and torch's sharded tensors, which
together take longer than the encoder itself; a forward pass calls none of them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any


class Later:
    """A name of a module that is imported when the name is first called, read or compared with.

    Args:
        module: where the name is.
        name: of a function or class.

    Example:
        >>> loads = Later("json", "loads")
        >>> loads("[1]")
        [1]
    """

    def __init__(self, module: str, name: str) -> None:
        self.__dict__.update(_module=module, _name=name)

    def _found(self) -> Any:
        return getattr(import_module(self._module), self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._found()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what `inspect` and `typing` ask of everything
            raise AttributeError(name)
        return getattr(self._found(), name)

    def __instancecheck__(self, value: object) -> bool:
        """Return whether a value is of this class; nothing is while its module was never imported."""
        return self._module in sys.modules and isinstance(value, self._found())


class _Stub(ModuleType):
    """Holds the place of a module while other modules take names from it."""

    held: Mapping[str, object]

    def __getattr__(self, name: str) -> object:
        if name in self.held:
            return self.held[name]
        raise AttributeError(f"'{self.__name__}' is put off and has no name '{name}' yet")


class _Finder:
    def __init__(self, held: Mapping[str, Mapping[str, object]], opened: Collection[str]) -> None:
        self.held, self.opened = held, opened

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        if name not in self.held:
            return None
        # The machinery asks of a loader what is here.
        spec = ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]
        if name in self.opened:
            spec.submodule_search_locations = [str(Path(each, name.rpartition(".")[2])) for each in path or sys.path]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        stub = _Stub(spec.name)
        stub.held = self.held[spec.name]
        return stub

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing."""


@contextmanager
def put_off(held: Mapping[str, Mapping[str, object]], opened: Collection[str] = ()) -> Iterator[None]:
    """Let imports inside this block take the given names of modules without importing these modules.

    A module that was imported before is used as it is. After the block nothing of it is left but the names that were taken: the
    modules can be imported by everybody. No garbage is collected inside, because thousands of modules make none.

    Args:
        held: by the full name of a module, what its names are while it is not imported.
        opened: those of them whose own modules are imported as ever, without the package around them.
    """
    finder: Any = _Finder(held, opened)
    is_collecting = gc.isenabled()
    gc.disable()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in held:
            if isinstance(sys.modules.get(name), _Stub):
                stub = sys.modules.pop(name)
                parent, _, leaf = name.rpartition(".")
                if vars(sys.modules.get(parent, stub)).get(leaf) is stub:
                    delattr(sys.modules[parent], leaf)
        if is_collecting:
            gc.enable()


def names(module: str, *held: str) -> Mapping[str, object]:
    """Return names of a module, each imported when it is first used."""
    return {name: Later(module, name) for name in held}
