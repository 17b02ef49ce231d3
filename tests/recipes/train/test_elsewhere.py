"""Training rows that a mirror lacks: a task that has the same rows and trains on another task's is named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

import toolkit
from toolkit.composition import Name
from toolkit.errors import SourceError
from toolkit.recipes.train.sources import _source
from toolkit.tasks import BUILT_IN


def test_a_mirror_of_test_rows_alone_leads_to_the_task_that_trains_on_another(tmp_path: Path) -> None:
    file = tmp_path / "masakhane/masakhaner2/swa/test-00000-of-00001.parquet"
    file.parent.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.table({"tokens": [["Ana"]], "ner_tags": [[1]]}), file)
    session: Any = SimpleNamespace(config=toolkit.configure(data_root=tmp_path), catalogue=BUILT_IN)
    with pytest.raises(SourceError, match="lacks the split 'train'.*or take 'masakhaner2-panx', .* trains on panx"):
        _source(Name("masakhaner2"), Name("masakhaner2"), session)
