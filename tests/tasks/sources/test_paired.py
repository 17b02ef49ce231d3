"""Bitexts of two configs or two files: NTREX, FLORES, Moses pairs and Tatoeba's exports in the form that each publishes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from toolkit.errors import ConfigError, DataError, SourceError
from toolkit.tasks import BitextRow, get_task, load_task
from toolkit.tasks.copies import has_copy
from toolkit.tasks.draw import marks_of
from toolkit.tasks.fetch import hub_sources
from toolkit.tasks.lacking import lacking
from toolkit.tasks.task import Task

ENGLISH = ["It rains.", "He sings.", "We are here."]
GERMAN = ["Es regnet.", "Er singt.", "Wir sind hier."]
SWAHILI = ["Mvua inanyesha.", "Anaimba.", "Tuko hapa."]
BOTH = "{source: text, target: text}"


def declared(folder: Path, **said: str) -> Task:
    lines = {"name": "own", "kind": "bitext", "languages": "[de, sw]"} | said
    (folder / "own.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items() if value))
    return load_task(folder / "own.yaml")


def written(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".").replace("_to_", "-")).write_bytes(text.encode())


def mirror(root: Path, config: str, columns: dict[str, list[Any]], path: str = "acme/flores") -> None:
    (root / path / config).mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), root / path / config / "devtest-0.parquet")


def pairs(task: Task, language: str, root: Path | None = None) -> list[tuple[str, str]]:
    return [(row.source, row.target) for row in task.rows("score", language, data_root=root)]  # type: ignore[union-attr]


def test_moses_files_are_joined_by_line_and_cut_at_line_feeds_alone(tmp_path: Path) -> None:
    german = ["Es\u2028regnet.", "Er\u0085singt.", "Wir\rsind hier."]  # one line each to Moses, more to str.splitlines
    written(tmp_path, c__de_to_en__de="\n".join(german) + "\n", c__de_to_en__en="\r\n".join(ENGLISH))
    task = declared(tmp_path, files="{test: {source: 'c.{code}-en.{code}', target: 'c.{code}-en.en'}}")
    assert pairs(task, "de") == list(zip(german, ENGLISH, strict=True))
    rows = task.rows("score", "de")
    assert (rows[1], rows.split) == (BitextRow("1", german[1], "He sings."), "test")
    assert rows.origin == "file: c.de-en.de; file: c.de-en.en"
    assert list(marks_of(rows._opened, "bitext").ids) == ["0", "1", "2"]
    assert task.reachable() == ("de",) and lacking(task) == ("sw",)


def test_ntrex_has_a_text_file_a_language_and_one_english_side(tmp_path: Path) -> None:
    written(
        tmp_path,
        **{"ref.deu__txt": "\n".join(GERMAN), "ref.swa__txt": "\n".join(SWAHILI), "src__txt": "\n".join(ENGLISH)},
    )
    task = declared(tmp_path, files="{test: {source: 'ref.{iso3}.txt', target: src.txt}}")
    assert pairs(task, "de") == list(zip(GERMAN, ENGLISH, strict=True))
    assert pairs(task, "sw") == list(zip(SWAHILI, ENGLISH, strict=True)), "swa is a code of sw"


def test_two_configs_of_a_dataset_are_joined_by_id_in_the_order_of_the_source(tmp_path: Path) -> None:
    mirror(tmp_path, "deu_Latn", {"id": [1, 2, 3], "text": GERMAN})
    mirror(tmp_path, "eng_Latn", {"id": [3, 1, 2], "text": [ENGLISH[2], *ENGLISH[:2]]})
    task = declared(
        tmp_path,
        hub="acme/flores",
        config="{source: '{iso3}_{script}', target: eng_Latn}",
        columns="{id: id, source: text, target: text}",
    )
    assert pairs(task, "de", tmp_path) == list(zip(GERMAN, ENGLISH, strict=True))
    rows = task.rows("score", "de", data_root=tmp_path)
    assert [row.id for row in rows] == ["1", "2", "3"] and rows.split == "devtest"
    assert lacking(task, data_root=tmp_path) == ("sw",)
    assert [each.configs_for("sw") for each in hub_sources(task)] == [("swh_Latn", "swa_Latn"), ("eng_Latn",)]
    by_line = declared(
        tmp_path, hub="acme/flores", config="{source: deu_Latn, target: eng_Latn}", columns=BOTH, languages="[de]"
    )
    assert pairs(by_line, "de", tmp_path)[0] == (GERMAN[0], ENGLISH[2]), "without ids rows are joined by their places"


def test_one_config_with_a_column_a_language_needs_no_sides(tmp_path: Path) -> None:
    mirror(tmp_path, "default", {"deu_Latn": GERMAN, "swa_Latn": SWAHILI, "eng_Latn": ENGLISH})
    columns = "{source: '{iso3}_{script}', target: eng_Latn}"
    task = declared(tmp_path, hub="acme/flores", splits="{test: devtest}", columns=columns, languages="[de, sw, fr]")
    assert pairs(task, "sw", tmp_path) == list(zip(SWAHILI, ENGLISH, strict=True))
    assert lacking(task, data_root=tmp_path) == ("fr",)


def test_ids_of_one_side_alone_are_left_out_and_counted(tmp_path: Path) -> None:
    tsv = {"de": "9\tNur hier.\n1\tEs regnet.\n2\tEr singt.\n", "en": "2\tHe sings.\n1\tIt rains.\n"}
    written(tmp_path, de__tsv=tsv["de"], en__tsv=tsv["en"])
    task = declared(
        tmp_path,
        files="{test: {source: '{code}.tsv', target: en.tsv}}",
        columns="{id: 0, source: 1, target: 1}",
    )
    assert pairs(task, "de") == [("Es regnet.", "It rains."), ("Er singt.", "He sings.")]
    (note,) = task.rows("score", "de")._opened.notes  # type: ignore[attr-defined]
    assert note == "2 rows have an id of both sides; left out: 1 of 3 rows of file: de.tsv"


def test_tatoebas_exports_are_joined_by_their_links_each_sentence_once(tmp_path: Path) -> None:
    sentences = "10\tdeu\tEs regnet.\n11\tdeu\tEs regnet gerade.\n12\teng\tIt rains.\n13\teng\tIt is raining.\n14\tswh\tAnaimba.\n15\teng\tHe sings.\n"
    written(tmp_path, sentences__csv=sentences, links__csv="10\t12\n12\t10\n10\t13\n11\t12\n11\t13\n14\t15\n99\t12\n")
    said = {
        "files": "{test: {source: sentences.csv, target: sentences.csv}}",
        "format": "tsv",
        "columns": "{id: 0, source: 2, target: 2}",
        "where": "{source: {1: '{iso3}'}, target: {1: eng}}",
        "links": "links.csv",
    }
    task = declared(tmp_path, **said)
    assert pairs(task, "de") == [("Es regnet.", "It rains."), ("Es regnet gerade.", "It is raining.")]
    assert [row.id for row in task.rows("score", "de")] == ["10-12", "11-13"]
    assert pairs(task, "sw") == [("Anaimba.", "He sings.")]
    assert task.reachable() == ("de", "sw")
    by_language = declared(tmp_path, **said | {"links": "'{iso3}-eng_links.tsv'"})
    assert by_language.reachable() == ()
    with pytest.raises(SourceError, match="deu-eng_links.tsv is not there"):
        by_language.rows("score", "de")


def test_each_side_may_have_columns_of_its_own(tmp_path: Path) -> None:
    written(
        tmp_path,
        de__jsonl="".join(json.dumps({"nr": i, "satz": text}) + "\n" for i, text in enumerate(GERMAN)),
        en__jsonl="".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(ENGLISH)),
    )
    columns = "{id: {source: nr, target: id}, source: satz, target: text}"
    task = declared(tmp_path, files="{dev: {source: de.jsonl, target: en.jsonl}}", columns=columns, languages="[de]")
    assert pairs(task, "de") == list(zip(GERMAN, ENGLISH, strict=True))


@pytest.mark.parametrize(
    ("files", "said", "message"),
    [
        ({"de": "a\nb\n", "en": "x\n"}, {}, "file: de has 2 rows and file: en 1; expected as many"),
        ({"de": "a\n\nc\n", "en": "x\ny\nz\n"}, {}, r"de, line 2: an empty sentence; expected a sentence"),
        ({"de": "a\nb\n", "en": "x\n \n"}, {}, r"en, line 2: an empty sentence"),
        ({"de": "Rom\nOslo\n", "en": "Rom\nOslo\n"}, {}, "in all 2 rows .* the text sought is the text itself"),
        ({"de": "", "en": "x\n"}, {}, "de has no rows"),
        ({"de": "1\ta\n1\tb\n", "en": "1\tx\n"}, {"id": "0"}, "file: de: 2 rows have the id '1'; expected each id once"),
        ({"de": "1\ta\n", "en": "2\tx\n"}, {"id": "0"}, r"No id of file: de \(such as '1'\) is in file: en \(such as '2'\)"),
        ({"de": "1\ta\n\tb\n", "en": "1\tx\n"}, {"id": "0"}, "de, line 2: no id; expected one in every row"),
    ],
)  # fmt: skip
def test_sides_that_do_not_fit_are_refused(
    files: dict[str, str], said: dict[str, str], message: str, tmp_path: Path
) -> None:
    written(tmp_path, **files)
    ids = {"columns": "{id: 0, source: 1, target: 1}", "format": "tsv"} if said else {}
    task = declared(tmp_path, files="{test: {source: '{code}', target: en}}", **ids)
    with pytest.raises(DataError, match=message):
        list(task.rows("score", "de"))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"files": "{test: {source: a.txt, target: a.txt}}"}, "reads both sides from one place"),
        ({"hub": "a/b", "config": "{source: eng, target: eng}", "columns": BOTH}, "reads both sides from one place"),
        ({"files": "{test: {source: a.txt}}"}, "expected text, or `{source: ..., target: ...}`"),
        ({"files": "{test: {source: a.txt, target: b.txt}, dev: c.txt}"}, "gives dev one file, and others two"),
        ({"files": "{test: a.txt}", "columns": BOTH, "join": "id"}, "`join` joins two sides"),
        ({"files": "{test: a.txt}", "columns": BOTH, "format": "lines"}, "one side of a bitext"),
        ({"files": "{test: {source: a.txt, target: b.txt}}", "join": "words"}, "`join` is 'words'; expected line or id"),
        ({"files": "{test: {source: a.txt, target: b.txt}}", "join": "id"}, "`columns` must name the ids' column"),
        ({"files": "{test: {source: a.csv, target: b.csv}}", "columns": "{source: x}"}, "`columns` gives None for the target"),
        ({"files": "{test: {source: a.txt, target: b.txt}}", "join": "line", "links": "l"}, "`links` joins by id"),
        ({"files": "{test: {source: a.txt, target: b.txt}}", "kind": "pair", "labels": "[a, b]"}, "expected the kind 'bitext'"),
        ({"files": "{test: {source: '{lang}.txt', target: b.txt}}"}, "expected no placeholders but"),
        ({"config": "{source: a, target: b}", "base": "tatoeba", "kind": ""}, "expected one of them"),
    ],
)  # fmt: skip
def test_a_faulty_declaration_of_sides_is_refused(said: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        declared(tmp_path, **said)
    assert message in str(caught.value)


@pytest.mark.real_data
def test_the_real_tatoeba_files_are_the_tatoeba_of_the_mirror(data_root: Path, tmp_path: Path) -> None:
    folder = data_root.parent / "raw/tatoeba/v1"
    if not folder.is_dir():
        pytest.skip("no raw files")
    name = f"{folder}/tatoeba.{{iso3}}-eng"
    task = declared(tmp_path, files=f"{{test: {{source: '{name}.{{iso3}}', target: '{name}.eng'}}}}")
    for code in ("de", "sw"):
        held = get_task("tatoeba").rows("score", code, data_root=data_root)
        assert [(row.source, row.target) for row in held] == pairs(task, code)  # type: ignore[union-attr]


@pytest.mark.real_data
def test_the_real_ntrex_is_read_from_two_configs(data_root: Path, tmp_path: Path) -> None:
    config = "{source: '{name}', target: eng}"
    said = {
        "hub": "ntrex/ntrex128",
        "config": config,
        "names": "{zh: zho-CN}",
        "columns": BOTH,
        "languages": "[sw, zh]",
    }
    task = declared(tmp_path, **said)
    for code in ("sw", "zh"):
        rows = task.rows("score", code, data_root=data_root)
        assert len(rows) == 1997 and sum(has_copy("bitext", row) for row in rows) < 5
