"""Staff of a journey: processes that do parts of it, on this machine or on others."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from toolkit.config import Config, to_dict
from toolkit.engine.site import Site
from toolkit.errors import ToolkitError
from toolkit.progress import Say

if TYPE_CHECKING:
    from toolkit.engine.engine import Engine

PROGRAM = "toolkit.recipes.score.worker"
LOGS = "workers"  # below the folder of runs


class Staff:
    """Processes of a journey, for as long as the `with` block; they start when there is first something for them to do.

    Args:
        site: where they work.
        config: of the journey, which they are given.
        say: called with sentences for the reader.

    Raises:
        ToolkitError: nothing would be kept that they make.
    """

    def __init__(self, site: Site, config: Config, say: Say) -> None:
        if config.store.folder is None:
            raise ToolkitError(
                "Several processes work through the store of embeddings, and store.folder=null keeps none; name a folder "
                "(`--set store.folder=DIR`), or leave --workers, --scheduler and --cluster out."
            )
        self.site, self._config, self._folder, self._say = site, config, config.store.folder, say
        self._stack, self._engine = ExitStack(), None

    _engine: Engine | None

    def __enter__(self) -> Staff:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def engine(self) -> Engine:
        """Return what gives them jobs.

        Raises:
            ToolkitError: the cluster cannot be used.
        """
        if self._engine is None:
            from toolkit.engine.opening import Order, open_engine

            config = self._config
            zoo = Path(config.zoo)
            order = Order(
                program=PROGRAM,
                folder=self._folder,
                noun="the store",
                instead="name another store (`--set store.folder=DIR`)",
                logs=Path(config.run_dir) / LOGS,
                what="shards",
                places={**to_dict(config), "tracking": {**to_dict(config)["tracking"], "enabled": False}},
                read=(zoo,) if zoo.exists() else (),
            )
            self._engine = self._stack.enter_context(open_engine(self.site, order, self._say))
        return self._engine
