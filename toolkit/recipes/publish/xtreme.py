"""Predictions in the layout of a submission to XTREME: a folder a task, a file a language.

Source: `evaluate.py`, `README.md` and `utils_preprocess.py` of google-research/xtreme at 0918248: labels one a line; tags one a line
with an empty line between sentences; answers as JSON by question id; mined pairs as `id<TAB>id`; of Tatoeba, for each English
sentence in the order of their texts, the number from 0 of the line that it found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import DataError, ToolkitError
from toolkit.recipes.publish.plan import Held
from toolkit.recipes.session.session import Session
from toolkit.results.predictions import Prediction, read_predictions
from toolkit.tasks import BitextRow
from toolkit.tasks.kinds import Kind
from toolkit.tasks.suites import get_suite

FOLDERS = {"bucc": "bucc2018"}
NUMBERED = ("pawsx",)  # tasks whose files have the numbers of labels


@dataclass(frozen=True)
class Written:
    """What was written of a task: its folder's name, and by language the text of each file."""

    folder: str
    ending: str
    files: Mapping[str, str]
    notes: tuple[str, ...]


def submission(held: Held, session: Session) -> Written | None:
    """Return the files of one task; None where XTREME does not have it."""
    entry = next((each for each in get_suite("xtreme").entries if each.task == held.task.name), None)
    if entry is None:
        return None
    task = held.task
    form = FORMS[task.kind]
    assert form is not None, task.kind
    scored = {score.language: score for score in held.scores}
    files = {}
    for language in entry.languages:
        file = held.predictions / f"{task.name}.{language}.jsonl"
        if language in scored:
            if not file.is_file():
                raise DataError(
                    f"{file} is not there; score {task.name} again, with one --protocol, to have its predictions."
                )
            files[language] = form.write(read_predictions(file), held, language, session)
    notes = []
    if missing := [code for code in entry.languages if code not in files]:
        notes.append(f"{task.name}: without {', '.join(missing)} the official script refuses the task")
    if other := [code for code in files if scored[code].split != entry.split]:
        notes.append(
            f"{task.name}: {', '.join(other)} not of the split '{entry.split}', which the official labels are of"
        )
    if cut := [code for code in files if "limit=" in scored[code].protocol]:
        notes.append(f"{task.name}: {', '.join(cut)} of a part of the rows, and the official script wants all")
    return Written(FOLDERS.get(task.name, task.name), form.ending, files, tuple(notes))


@dataclass(frozen=True)
class Form:
    """How predictions of a kind are written: ending of the file, and its text."""

    ending: str
    write: Callable[[Sequence[Prediction], Held, str, Session], str]


def _labels(found: Sequence[Prediction], held: Held, language: str, session: Session) -> str:
    labels = list(held.task.labels)
    is_numbered = held.task.name in NUMBERED
    return "".join(f"{labels.index(each.prediction) if is_numbered else each.prediction}\n" for each in found)


def _tags(found: Sequence[Prediction], held: Held, language: str, session: Session) -> str:
    return "\n".join("".join(f"{tag}\n" for tag in each.prediction) for each in found)


def _answers(found: Sequence[Prediction], held: Held, language: str, session: Session) -> str:
    return json.dumps({each.id: each.prediction for each in found}, ensure_ascii=False, indent=1) + "\n"


def _pairs(found: Sequence[Prediction], held: Held, language: str, session: Session) -> str:
    return "".join(f"{each.id}\t{target}\n" for each in found for target in each.prediction)


def _places(found: Sequence[Prediction], held: Held, language: str, session: Session) -> str:
    """Return the line that each English sentence found, the sentences in the order of their texts, equal ones in theirs."""
    if not any("direction=en->xx" in score.protocol for score in held.scores if score.language == language):
        raise ToolkitError(
            "XTREME lets English sentences seek the foreign ones; score tatoeba with --protocol xtreme (or jiant) first."
        )
    config = session.config
    rows = held.task.rows(
        "score", language, data_root=config.data_root, limit=config.retrieve.limit, seed=config.retrieve.seed
    )
    pairs = [row for row in rows if isinstance(row, BitextRow)]
    if len(pairs) != len(found):
        raise DataError(
            f"{held.task.name} {language} has {len(pairs)} rows now and had {len(found)} when it was scored; give the same "
            "--data-root and settings, or score it again."
        )
    place: dict[str, int] = {}
    for number, row in enumerate(pairs):
        place.setdefault(row.source, number)
    order = sorted(range(len(pairs)), key=lambda number: pairs[number].target.strip())
    # A repeated sentence: the pair's own where that was found, else the first copy.
    lines = [
        number if found[number].outcome == 1.0 else place.get(str(found[number].prediction), -1) for number in order
    ]
    return "".join(f"{line}\n" for line in lines)


FORMS: Mapping[Kind, Form | None] = {
    "pair": Form("tsv", _labels),
    "choice": None,
    "span": Form("json", _answers),
    "tags": Form("tsv", _tags),
    "bitext": Form("tsv", _places),
    "mining": Form("tsv", _pairs),
    "retrieval": None,
    "text": None,
}
"""By kind of task; XTREME has none of the others."""


def path_of(root: Path, written: Written, language: str) -> Path:
    """Return the file of a language."""
    return root / written.folder / f"test-{language}.{written.ending}"
