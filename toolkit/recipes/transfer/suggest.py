"""Journey `suggest`: propose the adapters to fuse for a target, with the reasons; trains nothing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from toolkit.config import Config
from toolkit.config.command import command
from toolkit.errors import ToolkitError
from toolkit.recipes.session.session import Session
from toolkit.recipes.transfer.rank import ALL, prediction
from toolkit.report import GENERATED_NOTE
from toolkit.report.compare import points
from toolkit.report.transfer_tables import number
from toolkit.results.result import Record, Result
from toolkit.similarity import regret
from toolkit.similarity.ranking import Ranking, TransferRanking, verdicts
from toolkit.sweeps.transfers import Observed


@dataclass(frozen=True)
class Suggested(Result):
    """Result of a suggestion: the members of a fusion that should help a target.

    Attributes:
        target: the task.
        members: the best first.
        by: the predictor that they were chosen by.
        reasons: member -> why.
        command: the command that trains the fusion.
        pulls: commands that bring the members from the sweep into the zoo, so that they are not trained again.
        regret: best observed gain of any candidate minus the best of the members', a fraction; None without a sweep that
            observed the target.
        expected_regret: the regret of as many members drawn at random.
        run_id: the tracker's run; None without one.
    """

    target: str
    members: tuple[str, ...]
    by: str
    reasons: Mapping[str, str]
    command: str
    pulls: tuple[str, ...]
    regret: float | None
    expected_regret: float | None
    run_id: str | None = None

    stem: ClassVar[str] = "suggestion"

    def records(self) -> list[Record]:
        """Return the members, the best first, each with the reason for it."""
        return [
            {"target": self.target, "place": place, "member": member, "by": self.by, "reason": self.reasons[member]}
            for place, member in enumerate(self.members, 1)
        ]


def suggest(
    n: int,
    target: str,
    session: Session,
    *,
    candidates: Sequence[str] = (),
    sweep: Path | None = None,
    variant: str | None = None,
    by: str | Sequence[str] = ALL,
) -> Suggested:
    """Propose the members of a fusion under a target.

    Args:
        n: how many.
        target: the task that the fusion is for.
        session: of the configuration.
        candidates: tasks to choose among; none: the sweep's sources, else the tasks that the zoo holds adapters of.
        sweep: folder of a finished sweep; if it observed the target, the realised regret is logged.
        variant, by: as for `rank`; the first predictor of `by` decides.

    Raises:
        ToolkitError: fewer than two members, or more than there are candidates.
    """
    if n < 2:
        raise ToolkitError(f"A fusion of {n} was asked for; a fusion has two members or more.")
    found, session, seen = prediction(target, session, sources=candidates, sweep=sweep, variant=variant, by=by)
    ranking = found.of(target)
    able = [each for each in ranking.ranked if found.lead in each.values]
    if len(able) < n:
        raise ToolkitError(
            f"{n} members were asked for, but {found.lead} has a value for {len(able)} of {len(ranking.ranked)} candidates; ask "
            "for fewer, or train more adapters."
        )
    members = tuple(each.source for each in able[:n])
    observed = {each.source: each.gain for each in able if each.gain is not None}
    lost = expected = None
    if len(observed) > 1 and all(member in observed for member in members):
        values = {each.source: each.values[found.lead] for each in able if each.source in observed}
        lost = regret(values, observed, n)
        expected = regret(dict.fromkeys(observed, 0.0), observed, n)
    chosen = Suggested(
        text="",
        target=target,
        members=members,
        by=found.lead,
        reasons={member: _reason(found, ranking, member) for member in members},
        command=command("fuse", *members, "--target", target, config=session.config),
        pulls=_pulls(members, session, seen),
        regret=lost,
        expected_regret=expected,
    )
    text = "\n".join(_sentences(chosen, found, ranking))
    return replace(chosen, text=text, run_id=_track(chosen, found, session))


def _reason(found: TransferRanking, ranking: Ranking, member: str) -> str:
    """Return a member's place by the leading predictor, and by the others."""
    each = next(one for one in ranking.ranked if one.source == member)
    lead = ranking.places(found.lead)
    others = []
    for name in found.predictors:
        places = ranking.places(name)
        if name != found.lead and member in places and len(set(places.values())) > 1:
            others.append(f"{places[member]:g} by {name}{' (control)' if name in found.controls else ''}")
    first = f"{each.level}; place {lead[member]:g} of {len(lead)} by {found.lead} ({number(each.values[found.lead])})"
    return f"{first}; {', '.join(others)}" if others else first


def _sentences(chosen: Suggested, found: TransferRanking, ranking: Ranking) -> tuple[str, ...]:
    members = chosen.members
    lines = [f"To fuse for {ranking.target}, by {found.lead}: {', '.join(members)}."]
    for member in members:
        gain = ranking.gains.get(member)
        seen = "" if gain is None else f"; observed {points(gain)} points"
        lines.append(f"- {member}: {chosen.reasons[member]}{seen}.")
    if found.validation is not None:
        trust = [line for line in verdicts(found) if line.startswith(f"{found.lead}: ")]
        lines += [f"On the sweep {found.sweep}, {line}" for line in trust]
    if chosen.regret is not None and chosen.expected_regret is not None:
        best = max(ranking.gains, key=ranking.gains.__getitem__)
        lines.append(
            f"Realised regret on the sweep {found.sweep}: {100 * chosen.regret:.1f} points (the best single source, {best}, "
            f"gained {points(ranking.gains[best])}); {len(members)} drawn at random: {100 * chosen.expected_regret:.1f}."
        )
    if found.is_generated:
        lines.append(GENERATED_NOTE)
    return (*lines, *chosen.pulls, chosen.command)


def _pulls(members: Sequence[str], session: Session, seen: Observed | None) -> tuple[str, ...]:
    if seen is None:
        return ()
    zoos, zoo = seen.zoos, session.config.zoo
    missing = [member for member in members if member in zoos and not session.zoo.holds(member, session.shelf)]
    own = ["--backbone", session.config.backbone.name]
    own += ["--zoo", str(zoo)] if zoo != Config().zoo else []
    return tuple(shlex.join(["xstilts", "zoo", "pull", str(zoos[member]), member, *own]) for member in missing)


def _track(chosen: Suggested, found: TransferRanking, session: Session) -> str | None:
    """Record one run: the regret, and the reasons; return its id."""
    target, members = chosen.target, chosen.members
    with session.tracked(
        f"suggest {len(members)} for {target}",
        experiment=f"sweep {found.sweep}" if found.sweep else target,
        tags={"journey": "suggest", "backbone": session.config.backbone.name},
        params={"target": target, "members": ",".join(members), "by": found.lead, "sweep": found.sweep},
    ) as tracker:
        named = {"regret": chosen.regret, "regret_at_random": chosen.expected_regret}
        tracker.log_metrics({f"{target}/{name}": value for name, value in named.items() if value is not None})
        reasons = "".join(f"{member}: {reason}\n" for member, reason in chosen.reasons.items())
        tracker.log_text(reasons, "reasons.txt")
        return tracker.run_id or None
