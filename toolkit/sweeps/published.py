"""Published results of a sweep: scores and what is needed to make its report again, without rows, adapters and places.

`published.json` has the record of every step that was begun, failed ones too, and how the report is made. It is next to
`sweep.json`, so a folder of published results is read like that of a sweep.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.sweeps.folder import read_object, record_of
from toolkit.sweeps.values import Record

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
    path, way_out = root / PUBLISHED_FILE, "publish the sweep again"
    values = read_object(path, way_out)
    if values is None:
        return None
    try:
        records = [record_of(one, "A score of published results") for one in values["records"]]
        return Published({record.key: record for record in records}, int(values["resamples"]))
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise ToolkitError(f"{path} is damaged ({fault}); {way_out}.") from None


def without_places(text: str) -> str:
    """Return a text in which paths of a machine are cut to their last part.

    Example:
        >>> without_places("/home/me/zoo/x.bin cannot be read; see https://mlflow.org/docs/x and a/b")
        '.../x.bin cannot be read; see https://mlflow.org/docs/x and a/b'
    """
    return _PLACE.sub(r".../\1", text)
