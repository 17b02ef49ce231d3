"""Attention of the fusions of a composition on the rows of a task: table, CSV, heat maps, tracked run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from toolkit.composition import parse
from toolkit.errors import ToolkitError
from toolkit.evaluation.attention import Mass, attention_mass, mean_mass
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.score.evaluate import choose_languages, task_features
from toolkit.recipes.score.publish import result_output
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.limits import limited_rows
from toolkit.recipes.session.session import Session
from toolkit.report import Grid, Table, grid_maps, render
from toolkit.results.result import Record, WrittenResult
from toolkit.results.score import write_csv
from toolkit.tasks import Task
from toolkit.tasks.draw import limit_words
from toolkit.tasks.kinds import RETRIEVED, Kind

# Kinds whose rows label each word, so that attention is shown by label.
LABELS_TOKENS: Mapping[Kind, bool] = {
    "pair": False,
    "choice": False,
    "span": False,
    "tags": True,
    "bitext": False,
    "mining": False,
    "retrieval": False,
    "text": False,
}
BY = {"language": "language", "layer": "layer", "token_class": "class of token"}


@dataclass(frozen=True)
class Attention(WrittenResult):
    """Result of a measurement of attention; its folder holds `attention.csv` and a heat map per fusion.

    Attributes:
        masses: one row per fusion, member, layer, language and token class.
        run_id: the tracker's run, None without one.
    """

    masses: tuple[Mass, ...]
    run_id: str | None = None

    def records(self) -> list[Record]:
        """Return the masses, as `attention.csv` has them."""
        return [asdict(mass) for mass in self.masses]


def attention(
    expression: str,
    session: Session,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
) -> Attention:
    """Measure what the fusions of a trained composition attend to, on the rows that `evaluate` scores.

    Args:
        expression: composition with a fusion, whose entries the zoo holds.
        session: of the configuration; `eval.limit` rows a language.
        task: whose rows; they need not be answerable by the composition's head.
        languages: as for `evaluate`.
        lock: a lock file (`zoo lock`).

    Raises:
        ToolkitError: the composition holds no fusion.
    """
    config = session.config
    target = session.catalogue.get(task)
    if target.kind in RETRIEVED:
        raise ToolkitError(f"'{task}' has no rows to evaluate on; name a task that `eval` scores, such as xnli.")
    wanted = choose_languages(target, languages, session)
    circuit, _ = trained_circuit(expression, session, heads={}, lock=lock)
    with circuit:
        found = [measure(circuit, target, code, session, split="score") for code in wanted]
    masses = [one for part, _ in found for one in part]
    notes = ("generated rows",) * any(is_generated for _, is_generated in found)
    notes += tuple(filter(None, [limit_words(config.eval.limit, config.eval.seed)]))
    text = "\n".join(render(one, "text") for one in _tables(masses, task, notes))
    with result_output(expression, task, config, journey="attention") as output:
        files = _write(masses, output.stage, expression, task)
        output.commit()
    composition = parse(expression)
    with session.tracked(
        f"attention {composition} on {task}",
        experiment=task,
        tags={**composition.tags(), "journey": "attention", "backbone": config.backbone.name},
        params={"composition": str(composition), "backbone": config.backbone.name, "languages": ",".join(wanted)},
    ) as run:
        # A tracker takes no brackets in names, so members go by their number; the table has both.
        overall = mean_mass(masses, "fusion", "member")
        run.log_metrics({f"mass/member{i}": value for i, value in enumerate(overall.values(), 1)})
        for file in files:
            run.log_artifact(output.stage / file)
        run.log_text(text, "attention.txt")
        run_id = run.run_id or None
    return Attention(masses=tuple(masses), text=text, folder=output.folder, output=output, run_id=run_id)


def measure(circuit: Circuit, target: Task, language: str, session: Session, *, split: str) -> tuple[list[Mass], bool]:
    """Return the attention of a circuit's fusions on one language's rows of a task, and whether these are generated."""
    config = session.config
    rows = limited_rows(target, split, language, config)
    features = task_features(rows, target, circuit, session)
    masses = attention_mass(
        circuit,
        features,
        language=language,
        labels=target.labels if LABELS_TOKENS[target.kind] else (),
        batch_size=config.eval.batch_size,
        what=f"attention {target.name} {language}",
        report=session.report,
    )
    return masses, rows.is_generated


def _grids(masses: Sequence[Mass], fusion: str) -> list[tuple[str, Grid]]:
    """Return a grid by language, by layer and by class of token: members in rows, the mean over everything first."""
    own = [one for one in masses if one.fusion == fusion]
    members = tuple(dict.fromkeys(one.member for one in own))
    whole = mean_mass(own, "member")
    found = []
    for name, title in BY.items():
        shares = mean_mass(own, "member", name)
        columns = list(dict.fromkeys(getattr(one, name) for one in own))
        values = tuple((whole[member,], *(shares[member, c] for c in columns)) for member in members)
        found.append((name, Grid(f"by {title}", members, ("mean", *map(str, columns)), values)))
    return found


def _tables(masses: Sequence[Mass], task: str, notes: tuple[str, ...]) -> list[Table]:
    return [
        Table(
            f"attention of {fusion} on {task} {grid.title}, in %",
            ("member", *grid.columns),
            tuple(
                (member, *(100 * value for value in row)) for member, row in zip(grid.rows, grid.values, strict=True)
            ),
            notes,
        )
        for fusion in dict.fromkeys(one.fusion for one in masses)
        for _, grid in _grids(masses, fusion)
    ]


def _write(masses: Sequence[Mass], folder: Path, expression: str, task: str) -> list[str]:
    write_csv(masses, folder / "attention.csv", of=Mass)
    files = ["attention.csv"]
    for number, fusion in enumerate(dict.fromkeys(one.fusion for one in masses), 1):
        file = "attention.png" if number == 1 else f"attention{number}.png"
        grids = [grid for _, grid in _grids(masses, fusion)]
        grid_maps(grids, folder / file, title=f"{expression}: what {fusion} attends to on {task}, in %")
        files.append(file)
    return files
