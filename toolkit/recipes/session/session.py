"""Session of a journey: its configuration with the zoo, the shelf, the tracker and the reader that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from toolkit.composition import parse
from toolkit.composition.variants import spelled
from toolkit.config import Config
from toolkit.engine.site import Site
from toolkit.errors import ToolkitError
from toolkit.modeling.hub_ids import check_backbone_name
from toolkit.progress import Report, Say, Tell, say_nothing, silent
from toolkit.ranks import Ranks
from toolkit.recipes.session.staff import Staff
from toolkit.safe_text import one_line, visible
from toolkit.tasks import Catalogue, catalogue_of
from toolkit.tracking import Opening, Tracker, open_tracker
from toolkit.tracking.tracked import tracked
from toolkit.zoo import Shelf, Zoo, find_shelf


@dataclass(frozen=True)
class Session:
    """What every journey works with.

    Attributes:
        config: resolved configuration.
        zoo: the zoo that it names.
        shelf: of the zoo, for its backbone and kind of adapter.
        tracker: keeps the runs; nothing is opened before the first one.
        tell: where progress and sentences go.
        catalogue: the tasks: built in, in the configuration's `task_files`, in the working folder's `configs/task`.
        ranks: the processes that share its passes over rows, see `together`; this one alone.
        site: where work is done that several processes can share without being one run.
        staff: those processes, see `staffed`; None: this one does all.

    Example:
        >>> Session.open(Config()).shelf
        'xlm-roberta-large'
    """

    config: Config
    zoo: Zoo
    shelf: Shelf
    tracker: Tracker
    tell: Tell
    catalogue: Catalogue
    ranks: Ranks = Ranks()  # noqa: RUF009  # frozen
    site: Site = Site()  # noqa: RUF009  # frozen
    staff: Staff | None = None

    @classmethod
    def open(
        cls, config: Config, *, report: Report = silent, say: Say = say_nothing, tracker: Tracker | None = None
    ) -> Session:
        """Return the session of a configuration.

        Args:
            report: progress callback.
            say: called with sentences for the reader.
            tracker: None: the one that `config.tracking` describes.

        Raises:
            ToolkitError: the backbone's name cannot be one.
        """
        check_backbone_name(config.backbone.name)
        tracker = tracker_of(config) if tracker is None else tracker
        return cls(
            config, Zoo(config.zoo), _shelf_of(config), tracker, Tell(report, say), catalogue_of(config.task_files)
        )

    def with_config(self, config: Config) -> Session:
        """Return the session with other settings: zoo, shelf and catalogue are theirs, tracker and reader stay."""
        catalogue = catalogue_of(config.task_files)
        return replace(self, config=config, zoo=Zoo(config.zoo), shelf=_shelf_of(config), catalogue=catalogue)

    def spelled(self, expression: str) -> str:
        """Return a composition with every short name of a variant spelt out, see `variants.spelled`."""
        return spelled(
            parse(expression),
            is_known=lambda name: name in self.catalogue or self.zoo.holds(name, self.shelf),
            entries=lambda: [card.name for card in self.zoo.list(self.shelf, damaged=[])],
        )

    @property
    def report(self) -> Report:
        """Progress callback."""
        return self.tell.progress

    @property
    def say(self) -> Say:
        """Callback for sentences."""
        return self.tell.say

    def tracked(
        self,
        name: str,
        *,
        experiment: str,
        tags: Mapping[str, Any],
        params: Mapping[str, Any],
        began: int | None = None,
        resume: str = "",
    ) -> AbstractContextManager[Tracker]:
        """Return the context of a tracked run, see `tracked.tracked`; every journey opens its runs by it.

        `tracker.run_id` inside it is the run's id.
        """
        # A tracker shows names and tags on its pages.
        tags = {key: visible(value) if isinstance(value, str) else value for key, value in tags.items()}
        opening = Opening(one_line(name), experiment=experiment, tags=tags, params=params, began=began, resume=resume)
        return tracked(self.tracker, self.say, opening)


def require_writable(folder: Path) -> None:
    """Make a folder and raise where files cannot be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ToolkitError(
            f"The folder {folder} cannot be written ({error.strerror}); choose another zoo or --set run_dir=DIR."
        ) from error


def _shelf_of(config: Config) -> Shelf:
    settings = config.backbone
    return find_shelf(Path(config.zoo), settings.name, config.adapter.kind, revision=settings.revision)


def tracker_of(config: Config) -> Tracker:
    """Return the tracker that a configuration describes."""
    tracking = config.tracking
    is_recorded = tracking.enabled and Ranks.told().is_main
    return open_tracker(
        "mlflow" if is_recorded else "none",
        uri=tracking.uri,
        folder=tracking.folder,
        experiment=tracking.experiment,
        parent=tracking.parent,
        budget_s=tracking.budget_s,
    )
