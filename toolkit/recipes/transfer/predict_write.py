"""What a prediction leaves behind: Markdown, CSV, JSON, pictures, a tracked run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.files import replace_text
from toolkit.recipes.session import common
from toolkit.recipes.session.common import Say
from toolkit.report import GENERATED_NOTE, render
from toolkit.report.transfer import Point, agreement_figure, places_figure
from toolkit.report.transfer_tables import (
    prediction_csv,
    prediction_markdown,
    ranking_table,
    validation_csv,
    validation_table,
)
from toolkit.similarity import MEASURES
from toolkit.similarity.ranking import FILE, FOLDER, Prediction, to_json
from toolkit.tracking import NOTE_TAG


def prediction_folder(target: str | None, config: Config, sweep: Path | None) -> Path:
    if target is None:
        assert sweep is not None
        return Path(sweep) / FOLDER
    return Path(config.run_dir) / "predict" / parse(target).slug


def write_prediction(found: Prediction, folder: Path, target: str | None) -> list[Path]:
    texts = {"prediction.md": prediction_markdown(found), "prediction.csv": prediction_csv(found), FILE: to_json(found)}
    if found.validation is not None:
        texts["validation.csv"] = validation_csv(found)
    for name, text in texts.items():
        replace_text(folder / name, text)
    draw = _drawing(found, target)
    figures = [folder / f"prediction.{form}" for form in ("png", "svg")]
    for path in figures:
        draw(path)
    return [*(folder / name for name in texts), *figures]


def _drawing(found: Prediction, target: str | None) -> Callable[[Path], None]:
    """Return what draws the picture: against what was observed where there is such, else places side by side."""
    note = GENERATED_NOTE if found.is_generated else ""
    if found.validation is not None:
        panels = {name: _points(found, name) for name in found.predictors}
        shown = {f"{name} (control)" if name in found.controls else name: some for name, some in panels.items() if some}
        title = f"Predicted place against observed gain, sweep {found.sweep}, {found.backbone}"
        return lambda path: agreement_figure(shown, path, title=title, note=note)
    ranking = found.of(str(target))
    labels = {each.source: f"{each.source} ({each.level})" for each in ranking.ranked}
    places = {name: ranking.places(name) for name in found.predictors}
    title = f"Predicted places for {target}, {found.backbone}"
    return lambda path: places_figure(places, labels, path, title=title, note=note)


def _points(found: Prediction, predictor: str) -> list[Point]:
    points = []
    for ranking in found.rankings:
        places = ranking.places(predictor)
        for each in ranking.ranked:
            if each.source in places and each.gain is not None and len(places) > 1:
                share = 1 - (places[each.source] - 1) / (len(places) - 1)
                points.append(Point(ranking.target, each.source, each.level, share, each.gain))
    return points


def track_prediction(
    found: Prediction, files: Sequence[Path], config: Config, *, target: str | None, say: Say
) -> str | None:
    tracker = common.open_config_tracker(config)
    note = render(validation_table(found), "markdown") if found.validation else ""
    if not note and found.rankings:
        note = render(ranking_table(found, found.rankings[0]), "markdown")
    run_id = tracker.start(
        f"predict {target or found.sweep}",
        experiment=f"sweep {found.sweep}" if found.sweep else str(target),
        tags={"journey": "predict", "backbone": config.backbone.name, NOTE_TAG: note},
        params={
            "backbone": config.backbone.name,
            "predictors": ",".join(found.predictors),
            "targets": ",".join(each.target for each in found.rankings),
            "sweep": found.sweep,
        },
    )
    tracker.log_metrics(metrics(found))
    for path in files:
        tracker.log_artifact(path)
    tracker.close()
    for sentence in tracker.notes:
        say(sentence)
    return run_id or None


def metrics(found: Prediction) -> Mapping[str, float]:
    """Return the agreement of each predictor by the names that a tracker takes: `logme/regret_at_1`."""
    values: dict[str, float] = {}
    for name in found.predictors if found.validation else ():
        for measure in MEASURES:
            assert found.validation is not None
            value = found.validation.of(name, measure).estimate.value
            if value is not None:
                values[f"{name}/{measure.replace('@', '_at_')}"] = value
    return values
