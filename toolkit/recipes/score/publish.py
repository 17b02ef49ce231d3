"""Files and tracked runs of a journey that scores: table, CSV, JSON, and a heat map where it is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.composition import Composition, parse
from toolkit.config import Config
from toolkit.metrics import MAIN
from toolkit.outputs import Output
from toolkit.recipes.score.answers import FOLDER
from toolkit.recipes.score.record import record_scores
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.traces import MadeWith, log_adapters
from toolkit.report import heat_map, render, table
from toolkit.report.table import split_words
from toolkit.results.result import Record, WrittenResult
from toolkit.results.score import DATA, PICTURE, Score, metric_name, to_dict, write_csv, write_json
from toolkit.results.summary import GAP, MEAN, ZERO_SHOT_MEAN, named_values
from toolkit.tasks import Task
from toolkit.tracking import NOTE_TAG, SCORE
from toolkit.zoo import AdapterCard


@dataclass(frozen=True)
class Scored(WrittenResult):
    """Result of an evaluation or a retrieval; its folder holds `scores.csv` and `scores.json`, and `save` adds a heat map.

    Attributes:
        scores: one row per language and measure.
        run_id: the tracker's run (of several protocols the last one's), None without one.
    """

    scores: tuple[Score, ...]
    run_id: str | None = None

    def records(self) -> list[Record]:
        """Return the scores, as `scores.csv` has them."""
        return [to_dict(score) for score in self.scores]

    def draw(self, folder: Path) -> None:
        """Draw `heat_map.png` of the scores into a folder."""
        heat_map(self.scores, folder / PICTURE)


def publish(
    scores: Sequence[Score],
    expression: str,
    target: Task,
    session: Session,
    *,
    journey: str,
    made_with: MadeWith,
    output: Output,
) -> Scored:
    """Write a journey's scores as CSV and JSON, log them, and keep them in the zoo; `save` and `xstilts ui` draw them.

    Args:
        scores: of one composition on one task.
        expression: the composition.
        target: the task.
        session: of the journey.
        journey: its name.
        made_with: what the scores cost, and what they come from.
        output: of its `result_folder`, with the predictions and what else the journey wrote; it is committed here.
    """
    config = session.config
    composition = parse(expression)
    text = render(table(scores), "text")
    with output:
        more = sorted(file for file in output.stage.rglob("*") if file.is_file() and not _is_prediction(file, output))
        write_csv(scores, output.stage / "scores.csv")
        write_json(scores, output.stage / DATA)
        output.commit()
    # First of all: a comparison that is interrupted behind this takes the scores from the folder, and scores nothing again.
    record_scores(scores, expression, target, made_with.cards, session, journey=journey)
    run_id = None
    # Numbers of different protocols have no common mean, so each protocol is a run of its own.
    protocols = list(dict.fromkeys(score.protocol for score in scores))
    for protocol in protocols:
        of_protocol = [score for score in scores if score.protocol == protocol]
        with session.tracked(
            f"{journey} {composition} on {target.name}",
            experiment=target.name,
            tags={
                **composition.tags(),
                "journey": journey,
                "backbone": config.backbone.name,
                NOTE_TAG: render(table(of_protocol), "markdown"),
            },
            params=_params(composition, of_protocol, made_with, config),
            began=made_with.meter.began,
        ) as run:
            members = _by_member(of_protocol)
            for name, values in members.items():
                named = summaries_first(named_values(values), target)
                score = {SCORE: main_score(named, target)} if len(members) == 1 else {}
                run.log_metrics({**score, **{name + what: value for what, value in named.items()}})
            run.log_data(made_with.data)
            made_with.meter.log(run, examples=sum(data.rows for data in made_with.data))
            for file in (output.stage / "scores.csv", output.stage / DATA, *more):
                run.log_artifact(file)
            if protocol == protocols[-1]:  # one folder holds the predictions of all
                log_predictions(session, output)
            log_adapters(session, made_with.cards, is_made=False)
            run_id = run.run_id or None  # last: it may have to be waited for
    return Scored(scores=tuple(scores), text=text, folder=output.folder, output=output, run_id=run_id)


def _params(
    composition: Composition, scores: Sequence[Score], made_with: MadeWith, config: Config
) -> dict[str, object]:
    """Return the parameters of the run of some scores of one protocol."""
    return {
        **composition.axes(),
        **_encoder(made_with.cards, config),
        "seed": scores[0].seed,
        "split": split_words(scores),
        "rows": sum(data.rows for data in made_with.data),
        "languages": ",".join(dict.fromkeys(score.language for score in scores)),
        "protocol": scores[0].protocol,
        **_language_adapters(scores, made_with.cards),
    }


def _encoder(cards: Sequence[AdapterCard], config: Config) -> dict[str, str]:
    """Return name, and digest and commit where there are entries, of the encoder that these were trained on, and run on."""
    name = {"backbone": config.backbone.name}
    on = cards[-1].backbone if cards else None
    return name if on is None else {**name, "backbone_digest": on.digest, "backbone_revision": on.revision or ""}


def _language_adapters(scores: Sequence[Score], cards: Sequence[AdapterCard]) -> dict[str, str]:
    """Return the adapters, and their digests, that a composition which follows the language of its rows took in each language."""
    taken = {score.language: score.language_adapter for score in scores if score.language_adapter}
    digests = {card.name: card.digest[:12] for card in cards}
    return {
        f"language_adapter.{language}": ", ".join(
            f"{name} {digests[name]}" if name in digests else name for name in adapter.split(", ")
        )
        for language, adapter in taken.items()
    }


def _by_member(scores: Sequence[Score]) -> dict[str, list[Score]]:
    """Return scores by the prefix of their names: of a `par` each member has its own numbers.

    A tracker takes no brackets in names, so members go by their number.
    """
    members = list(dict.fromkeys(score.composition for score in scores))
    prefixes = {one: f"member{number}/" if len(members) > 1 else "" for number, one in enumerate(members, 1)}
    return {prefix: [score for score in scores if score.composition == one] for one, prefix in prefixes.items()}


def summaries_first(values: Mapping[str, float], task: Task) -> dict[str, float]:
    """Return named values in the order in which a tracker should see them.

    MLflow's compare view opens on the metric that was logged first: the zero-shot mean of the task's main measure.
    """
    main = metric_name(task.name, MAIN[task.metric], "")
    last = [ZERO_SHOT_MEAN, MEAN, GAP]

    def place(name: str) -> tuple[bool, int]:
        what = name.rpartition("/")[2]
        return not name.startswith(main), last.index(what) if what in last else len(last)

    return {name: values[name] for name in sorted(values, key=place)}


def main_score(named: Mapping[str, float], task: Task) -> float:
    """Return the number that stands for a run in a list: the zero-shot mean of the task's main measure, else its mean.

    Of a protocol with measures of its own it is the first number.
    """
    stem = metric_name(task.name, MAIN[task.metric], "")
    found = [named[stem + what] for what in (ZERO_SHOT_MEAN, MEAN) if stem + what in named]
    return next(iter([*found, *named.values()]))


def _is_prediction(file: Path, output: Output) -> bool:
    return file.relative_to(output.stage).parts[0] == FOLDER


def log_predictions(session: Session, output: Output) -> None:
    """Keep the predictions with the run, where they are at most `tracking.predictions_mib` large; else say where they are."""
    folder = output.stage / FOLDER
    if not folder.is_dir():
        return
    size_mib = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
    limit_mib = session.config.tracking.predictions_mib
    if size_mib <= limit_mib:
        session.tracker.log_artifact(folder)
    elif session.config.tracking.enabled:
        session.say(
            f"The predictions ({size_mib:,.0f} MiB) stay in {output.folder / FOLDER} and are not copied to the tracker, which takes {limit_mib} MiB; "
            f"--set tracking.predictions_mib={size_mib + 1:.0f} copies them."
        )


def result_output(expression: str, task: str, config: Config, *, journey: str, replaced: Sequence[str] = ()) -> Output:
    """Return the output of a journey, whose folder is `result_folder`."""
    folder = result_folder(expression, task, config, journey=journey)
    return Output(folder, replaced=(PICTURE, *replaced), instead="choose another --set run_dir=DIR")


def result_folder(expression: str, task: str, config: Config, *, journey: str) -> Path:
    """Return where a journey writes what it found."""
    return Path(config.run_dir) / journey / parse(expression).slug / task
