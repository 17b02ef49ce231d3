"""Rows of a retrieval: what is left out of them is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.recipes.small import tiny_config
from toolkit.recipes.score.searched import Search
from toolkit.recipes.session.session import Session


def test_rows_of_one_side_alone_are_named_before_a_bitext_is_scored(tmp_path: Path) -> None:
    (tmp_path / "de.tsv").write_text("1\tEs regnet.\n2\tEr singt.\n9\tNur hier.\n")
    (tmp_path / "en.tsv").write_text("2\tHe sings.\n1\tIt rains.\n")
    said = "name: own\nkind: bitext\nlanguages: [de]\nfiles: {test: {source: de.tsv, target: en.tsv}}\n"
    (tmp_path / "own.yaml").write_text(said + "columns: {id: 0, source: 1, target: 1}\n")
    sentences: list[str] = []
    config = tiny_config(tmp_path, f"task_files={tmp_path / 'own.yaml'}")
    session = Session.open(config, say=sentences.append)
    nothing: Any = None
    search = Search(session.catalogue.get("own"), ["de"], [], nothing, session, tmp_path, tmp_path)
    assert [len(rows) for rows in search.rows()] == [2]
    left = "2 rows have an id of both sides; left out: 1 of 3 rows of file: de.tsv"
    assert sentences == [f"own de (test): {left}."]
