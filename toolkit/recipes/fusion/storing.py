"""Place of an entry that is made from a composition: its name, and what it may replace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.recipes.session.session import Session
from toolkit.zoo.orphans import refuse_orphans


@dataclass(frozen=True)
class Storing:
    """Where a journey puts the entry that it makes.

    Attributes:
        name: the entry's own; None: the journey's default.
        replace: put it in place of an entry of that name.
        force: also where others were trained on that one.
    """

    name: str | None = None
    replace: bool = False
    force: bool = False

    def require_free(self, entry: str, session: Session, *, results: Path) -> None:
        """Raise where the zoo holds an entry of a name that may not be replaced.

        An entry without results is what an interrupted command has left: it is made again, and what comes out must be the
        same weights.

        Args:
            entry: its name.
            session: of the journey.
            results: the file that the journey writes last.

        Raises:
            ToolkitError: the name is taken, or others were trained on the entry that has it.
        """
        if not session.zoo.holds(entry, session.shelf):
            return
        if not self.replace and not results.exists():
            session.say(
                f"The zoo holds '{entry}' already, but {results} is not there: what is made must be the same weights."
            )
            return
        if not self.replace:
            raise ToolkitError(
                f"The zoo holds '{entry}' already; choose another name with --as, or replace it with --replace."
            )
        if not self.force:
            refuse_orphans(session.zoo, [entry], session.shelf)
