"""Corpora on disk: where they are looked for, and every way in which they can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import DataError, SourceError
from toolkit.tasks import SentenceRow, get_task
from toolkit.tasks.sources.corpora import read_lines

ZH = "zh-1\tone\nzh-2\ttwo\nzh-3\tthree\n"
EN = "en-1\tuno\nen-2\tdue\n"
GOLD = "zh-1\ten-2\n"


def written(folder: Path, *, zh: str = ZH, en: str = EN, gold: str = GOLD, split: str = "dev") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for end, text in (("zh", zh), ("en", en), ("gold", gold)):
        (folder / f"zh-en.{split}.{end}").write_text(text, encoding="utf-8")
    return folder


def test_rows_are_the_lines_of_both_sides_and_know_their_translations(tmp_path: Path) -> None:
    rows = get_task("bucc").rows("score", "zh", data_root=written(tmp_path))
    assert rows.split == "dev"
    assert list(rows) == [
        SentenceRow("zh-1", "source", "one", ("en-2",)),
        SentenceRow("zh-2", "source", "two"),
        SentenceRow("zh-3", "source", "three"),
        SentenceRow("en-1", "target", "uno"),
        SentenceRow("en-2", "target", "due"),
    ]


def test_many_lines_in_any_order_are_the_rows_that_a_table_of_all_lines_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sides = [{f"{end}-{n}": f"{end} {n // 2}" for n in rng.permutation(300).tolist()} for end in ("zh", "en")]
    pairs = [(list(sides[0])[a], list(sides[1])[b]) for a, b in {*map(tuple, rng.integers(0, 299, (400, 2)).tolist())}]
    zh, en = ("".join(f"{id}\t{text}\n" for id, text in side.items()) for side in sides)
    written(tmp_path, zh=zh, en=en, gold="".join(f"{a}\t{b}\n" for a, b in pairs))
    rows = get_task("bucc").rows("score", "zh", data_root=tmp_path)
    expected = [
        *(SentenceRow(id, "source", text, tuple(b for a, b in pairs if a == id)) for id, text in sides[0].items()),
        *(SentenceRow(id, "target", text) for id, text in sides[1].items()),
    ]
    assert list(rows) == expected
    assert [rows[at] for at in (599, 0, 300, 130, 1)] == [expected[at] for at in (599, 0, 300, 130, 1)]


@pytest.mark.parametrize("place", ["", "zh-en", "bucc2018/zh-en"])
def test_files_are_found_in_the_root_and_in_the_folders_of_their_pair(tmp_path: Path, place: str) -> None:
    written(tmp_path / place)
    assert get_task("bucc").reachable(data_root=tmp_path) == ("zh",)
    assert len(get_task("bucc").rows("dev", "zh", data_root=tmp_path)) == 5


def test_test_is_scored_where_it_has_gold_and_dev_where_it_has_none(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, split="test")
    task = get_task("bucc")
    assert task.rows("score", "zh", data_root=tmp_path).split == "test"
    assert task.rows("dev", "zh", data_root=tmp_path).split == "dev"
    (tmp_path / "zh-en.test.gold").unlink()
    assert task.rows("score", "zh", data_root=tmp_path).split == "dev"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"zh": ZH + "zh-2\tagain\n"}, r"zh-en\.dev\.zh, line 4: the id 'zh-2' is there already"),
        ({"zh": "zh-1\tone\n\nzh-3\tthree\n"}, r"zh-en\.dev\.zh, line 2: found ''; expected `id<TAB>text`"),
        ({"en": "en-1\tuno\nen-2\t \n"}, r"zh-en\.dev\.en, line 2: .*neither of them empty"),
        ({"en": "en-1\tuno\nen-2 due\n"}, r"line 2: found 'en-2 due'; expected `id<TAB>text`"),
        ({"en": ""}, r"zh-en\.dev\.en is empty"),
        ({"gold": ""}, r"zh-en\.dev\.gold is empty"),
        ({"gold": "zh-1\n"}, r"gold, line 1: found 'zh-1'; expected `id<TAB>id`"),
        ({"gold": "zh-1\ten-1\ten-2\n"}, r"gold, line 1: .* expected `id<TAB>id`"),
        ({"gold": "zh-1\ten-9\n"}, r"gold, line 1: the id 'en-9' is not in zh-en\.dev\.en"),
        ({"gold": "en-1\tzh-1\n"}, r"gold, line 1: the id 'en-1' is not in zh-en\.dev\.zh"),
        ({"en": ZH, "gold": "zh-1\tzh-1\nzh-3\tzh-3\n"}, r"gold: in all 2 pairs both sentences are one and the same"),
        ({"gold": GOLD + GOLD}, r"gold, line 2: the pair zh-1, en-2 is there already"),
        (
            {"zh": "zh-1\tone\nzh-2\ttwo\n", "gold": "zh-1\ten-2\nzh-2\ten-1\n"},
            "hold only the gold pairs: scoring them as mining gives a meaningless number; expected both whole corpora",
        ),
    ],
)
def test_a_faulty_file_is_one_sentence_that_names_file_and_line(
    tmp_path: Path, change: dict[str, str], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        get_task("bucc").rows("score", "zh", data_root=written(tmp_path, **change))


def test_text_that_is_not_utf8_is_refused_by_line(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "zh-en.dev.zh").write_bytes(b"zh-1\tone\nzh-2\t\xff\n")
    with pytest.raises(DataError, match="line 2 is not UTF-8"):
        get_task("bucc").rows("score", "zh", data_root=tmp_path)


def test_a_line_ends_at_a_newline_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\ufeffa\u2028b\x0bc\r\nd", encoding="utf-8")
    assert read_lines(tmp_path / "text") == ["a\u2028b\x0bc", "d"]


def test_absent_corpora_are_refused_with_the_files_that_are_wanted(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no fr-en to mine in .*fr-en\.dev\.gold"):
        get_task("bucc").rows("score", "fr", data_root=tmp_path)


def test_a_mirror_with_the_gold_pairs_alone_is_refused_as_a_mining_task(tmp_path: Path) -> None:
    folder = tmp_path / "google" / "xtreme" / "bucc18.zh"
    folder.mkdir(parents=True)
    (folder / "validation-0.parquet").write_bytes(b"")
    with pytest.raises(SourceError, match="holds only the gold pairs: scoring it as mining gives a meaningless number"):
        get_task("bucc").rows("score", "zh", data_root=tmp_path)


@pytest.mark.real_data
def test_the_real_mirrors_gold_pairs_are_refused(data_root: Path) -> None:
    with pytest.raises(SourceError, match=r"'bucc18\.zh' holds only the gold pairs"):
        get_task("bucc").rows("score", "zh", data_root=data_root)


def test_half_of_the_generated_corpora_are_translations_of_each_other() -> None:
    rows = [row for row in get_task("micro-mining").rows("score", "de") if isinstance(row, SentenceRow)]
    ids = {side: [row.id for row in rows if row.side == side] for side in ("source", "target")}
    gold = [(row.id, other) for row in rows for other in row.translations]
    assert (len(ids["source"]), len(ids["target"]), len(gold)) == (200, 200, 100)
    assert all(other in ids["target"] for _, other in gold)
    texts = {row.id: row.text for row in rows}
    bitext = {pair.source: pair.target for pair in get_task("micro-bitext").rows("score", "de")}  # type: ignore[union-attr]
    assert all(bitext[texts[source]] == texts[target] for source, target in gold)
