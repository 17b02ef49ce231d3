"""Languages that a file set calls by another code are found, and those that it lacks are named, whatever the source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from toolkit.errors import ConfigError, DataError, ToolkitError
from toolkit.tasks import JoinedSource, get_task, load_task
from toolkit.tasks.lacking import lacking, left_out, reason, require_some
from toolkit.tasks.sources.fill import spellings
from toolkit.tasks.task import Task

ROWS = [{"a": "x", "b": "y", "l": 0}, {"a": "z", "b": "w", "l": 1}]


def declared(folder: Path, **said: str) -> Task:
    lines = {
        "name": "own",
        "kind": "pair",
        "labels": "[n, p]",
        "languages": "[en, sw, 'no']",
        "columns": "{first: a, second: b, label: l}",
    } | said
    (folder / "own.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return load_task(folder / "own.yaml")


def jsonl(file: Path, rows: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def mirror(root: Path, *configs: str, rows: list[dict[str, Any]] = ROWS, path: str = "acme/pairs") -> None:
    for config in configs:
        (root / path / config).mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), root / path / config / "validation-0.parquet")


@pytest.mark.parametrize(
    ("text", "language", "names", "expected"),
    [
        ("{code}", "sw", {}, ("sw",)),
        ("{iso3}", "sw", {}, ("swh", "swa")),
        ("x.{iso3}-eng.{iso3}", "zh", {}, ("x.cmn-eng.cmn", "x.zho-eng.zho")),
        ("{iso3}_{script}", "ar", {}, ("ara_Arab", "arb_Arab")),
        ("{iso3}_{script}", "qu", {}, ("que_Latn", "quz_Latn", "quy_Latn")),
        ("{name}", "zh", {"zh": "zho-CN"}, ("zho-CN",)),
        ("{name}", "fr", {"zh": "zho-CN"}, ("fra",)),
        ("udpos.{ud}", "de", {}, ("udpos.German",)),
        ("mlqa.{code}.{question}", "de.en", {}, ("mlqa.de.en",)),
        ("plain", "de", {}, ("plain",)),
    ],
)
def test_every_code_of_a_language_is_a_spelling(
    text: str, language: str, names: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert spellings(text, language, names) == expected


def test_a_mirror_is_read_by_whichever_code_it_has(tmp_path: Path) -> None:
    task = declared(tmp_path, hub="acme/pairs", config='"{iso3}"', splits="{dev: validation}")
    mirror(tmp_path, "eng", "swa")
    assert task.reachable("dev", data_root=tmp_path) == ("en", "sw")
    assert len(task.rows("dev", "sw", data_root=tmp_path)) == 2
    assert lacking(task, "dev", data_root=tmp_path) == ("no",)
    assert left_out(task, ("no",)) == "own: not in the reachable data and left out: no."
    assert "lacks the config 'nor' or 'nob'" in reason(task, "dev", "no", tmp_path)
    mirror(tmp_path, "swh", "nob", rows=ROWS[:1])  # the usual code comes first
    assert len(task.rows("dev", "sw", data_root=tmp_path)) == 1 == len(task.rows("dev", "no", data_root=tmp_path))
    assert lacking(task, "dev", data_root=tmp_path) == ()


def test_files_and_values_and_columns_are_read_by_whichever_code_they_have(tmp_path: Path) -> None:
    task = declared(tmp_path, files="{dev: '{iso3}.jsonl'}")
    jsonl(tmp_path / "swa.jsonl", ROWS)
    assert task.reachable("dev") == ("sw",) and len(task.rows("dev", "sw")) == 2
    assert lacking(task, "dev") == ("en", "no")
    mixed = declared(tmp_path, files="{dev: all.jsonl}", where="{c: '{iso3}'}")
    jsonl(tmp_path / "all.jsonl", [row | {"c": code} for row in ROWS for code in ("eng", "swa")])
    assert mixed.reachable("dev") == ("en", "sw") and len(mixed.rows("dev", "sw")) == 2
    wide = declared(tmp_path, files="{dev: wide.jsonl}", columns="{first: a, second: 's_{iso3}', label: l}")
    jsonl(tmp_path / "wide.jsonl", [{"a": "x", "l": 0, "s_swa": "y", "s_eng": "z"}])
    assert wide.reachable("dev") == ("en", "sw")
    assert [wide.rows("dev", code)[0].second for code in ("en", "sw")] == ["z", "y"]  # type: ignore[union-attr]
    with pytest.raises(DataError, match="no column 's_nor'"):
        wide.rows("dev", "no")


def test_names_say_what_the_data_calls_a_language(tmp_path: Path) -> None:
    task = declared(tmp_path, files="{dev: 'x.{name}.jsonl'}", names="{sw: kiswahili, no: norsk}")
    for name in ("kiswahili", "norsk", "eng"):
        jsonl(tmp_path / f"x.{name}.jsonl", ROWS)
    assert task.reachable("dev") == ("en", "sw", "no")
    with pytest.raises(ConfigError, match="No language named 'kiswahili'"):
        declared(tmp_path, files="{dev: x.jsonl}", names="{kiswahili: sw}")


def test_a_joined_source_lacks_what_one_of_its_sources_lacks(tmp_path: Path) -> None:
    first = declared(tmp_path, hub="acme/pairs", config='"{code}"', splits="{dev: validation}").source
    second = declared(tmp_path, hub="acme/more", config='"{iso3}"', splits="{dev: validation}").source
    mirror(tmp_path, "en", "sw")
    mirror(tmp_path, "swa", path="acme/more")
    joined = JoinedSource(sources={"a": first, "b": second})  # type: ignore[dict-item]
    assert joined.reachable(("en", "sw", "no"), "dev", tmp_path) == ("sw",)


def test_corpora_name_the_pair_that_they_lack(tmp_path: Path) -> None:
    task = get_task("bucc")
    assert lacking(task, data_root=tmp_path) == ("de", "fr", "ru", "zh")
    assert reason(task, "score", "de", tmp_path).startswith("There is no de-en to mine")


BRACES = ["{lang}", "{}", "{0}", "{code!r}", "{code:>5}", "{code", "a}b", "{code.x}", "{code[0]}", "{code:{iso3}}"]


@pytest.mark.parametrize("text", BRACES)
def test_a_placeholder_that_does_not_exist_is_refused_wherever_it_is(text: str, tmp_path: Path) -> None:
    column = f"{{first: a, second: b, label: '{text}'}}"
    for said in (
        {"files": f"{{dev: '{text}.jsonl'}}"},
        {"hub": "a/b", "config": f"'{text}'"},
        {"files": "{dev: x.jsonl}", "columns": column},
        {"hub": "a/b", "columns": column},
        {"files": "{dev: x.jsonl}", "where": f"{{l: '{text}'}}"},
    ):
        with pytest.raises(ConfigError, match=r"expected no placeholders but \{code\}, \{iso3\}"):
            declared(tmp_path, **said)


def test_where_no_language_has_rows_the_reason_is_that_of_reading_them(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nkind: text\nfiles: {train: gone.txt, dev: 5%}\n")
    task = load_task(tmp_path / "own.yaml")
    require_some(task, ["en"])
    with pytest.raises(ToolkitError, match=r"gone.txt is not there; expected rows in lines"):
        require_some(task, [])
