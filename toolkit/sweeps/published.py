"""Published results of a sweep: scores and what is needed to make its report again, without rows, adapters and places.

`published.json` has the record of every step that was begun, failed ones too, and how the report is made. It is next to
`sweep.json`, so a folder of published results is read like that of a sweep.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.files import load_json
from toolkit.results.score import from_dict as score_from_dict
from toolkit.sweeps.values import Attempt, Record

PUBLISHED_FILE = "published.json"
_PLACE = re.compile(r"(?<![\w:/.])/(?:[^\s/'\"`:,;()\[\]]+/)+([^\s/'\"`:,;()\[\]]*)")


@dataclass(frozen=True)
class Published:
    """Content of `published.json`.

    Attributes:
        records: by key.
        resamples: test sets drawn for the report.
    """

    records: Mapping[str, Record]
    resamples: int


def read_published(root: Path) -> Published | None:
    """Return what was published in a folder; None if it is not one of published results.

    Raises:
        ToolkitError: the file is damaged.
    """
    path = root / PUBLISHED_FILE
    try:
        values: Any = load_json(path)
        records = [_record(one) for one in values["records"]]
        return Published({record.key: record for record in records}, int(values["resamples"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ToolkitError(f"{path} cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise ToolkitError(f"{path} is damaged ({fault}); publish the sweep again.") from None


def without_places(text: str) -> str:
    """Return a text in which paths of a machine are cut to their last part.

    Example:
        >>> without_places("/home/me/zoo/x.bin cannot be read; see https://mlflow.org/docs/x and a/b")
        '.../x.bin cannot be read; see https://mlflow.org/docs/x and a/b'
    """
    return _PLACE.sub(r".../\1", text)


def _record(values: Mapping[str, Any]) -> Record:
    scores = tuple(score_from_dict(row, where="A score of published results") for row in values["scores"])
    attempts = tuple(Attempt(**one) for one in values["attempts"])
    return Record(**{**values, "scores": scores, "attempts": attempts, "contamination": tuple(values["contamination"])})
