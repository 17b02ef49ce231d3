"""CoNLL files of every habit: comments, headings, prefixes, ranges, odd blanks; and readers written independently of ours."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.errors import ConfigError, DataError
from toolkit.modeling.backbone import load_backbone
from toolkit.recipes.session.features import features_for
from toolkit.recipes.session.session import Session
from toolkit.tasks import Rows, TagsRow, load_task

LABELS = "[N, V, O, B-PER, I-PER, ADP, DET, NOUN, VERB, PUNCT]"
NAMED = ("N", "V", "O", "B-PER", "I-PER", "ADP", "DET", "NOUN", "VERB", "PUNCT")
Sentences = list[tuple[list[str], list[str]]]


def rows_of(folder: Path, content: str, name: str = "x.conll", columns: str | None = "{tokens: 0, tags: 1}") -> Rows:
    (folder / name).write_text(content, encoding="utf-8", newline="")
    said = f"name: mine\nkind: tags\nlabels: {LABELS}\nfiles: {{test: {name}}}\n"
    (folder / "mine.yaml").write_text(said + (f"columns: {columns}\n" if columns else ""), encoding="utf-8")
    return load_task(folder / "mine.yaml").rows("test")


def read(folder: Path, content: str, *more: str | None) -> Sentences:
    return sentences(rows_of(folder, content, *more))  # type: ignore[arg-type]


def sentences(rows: Rows) -> Sentences:
    return [(list(row.tokens), [NAMED[tag] for tag in row.tags]) for row in rows if isinstance(row, TagsRow)]


# -- comments and the token # ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [" ", "\t"])
@pytest.mark.parametrize(
    "comment",
    [
        "# text = He sings",
        "# newpar",
        "#newpar",
        "#",
        "# a",
        "# global.columns = ID FORM",
        "#begin document (bc/01);",
        "#a b c",
    ],
)
def test_a_comment_before_a_sentence_is_no_token(tmp_path: Path, gap: str, comment: str) -> None:
    body = f"He{gap}N\nsings{gap}V\n"
    assert read(tmp_path, f"{comment}\n{body}\n{comment}\n{comment}\n{body}") == [(["He", "sings"], ["N", "V"])] * 2


@pytest.mark.parametrize("gap", [" ", "\t", "  "])
def test_the_token_that_is_a_hash_stays_wherever_it_stands(tmp_path: Path, gap: str) -> None:
    lines = [f"#{gap}N", f"1{gap}V", f"#{gap}O", f"#me{gap}N"]
    assert read(tmp_path, "\n".join(lines)) == [(["#", "1", "#", "#me"], ["N", "V", "O", "N"])]
    assert read(tmp_path, f"He{gap}N\n\n#{gap}N\n\n#go{gap}V\n") == [(["He"], ["N"]), (["#"], ["N"]), (["#go"], ["V"])]
    assert read(tmp_path, f"#{gap}N\n") == [(["#"], ["N"])]


def test_a_hash_in_a_table_of_four_columns_is_a_token_and_a_key_is_a_comment(tmp_path: Path) -> None:
    content = "# sent_id = 3\n# NN B-NP N\n1 CD I-NP V\n"
    assert read(tmp_path, content, "x.conll", "{tokens: 0, tags: 3}") == [(["#", "1"], ["N", "V"])]


def test_a_comment_with_as_many_cells_as_the_table_has_no_tag_that_is_one(tmp_path: Path) -> None:
    content = "# id 5239d808\tdomain=en\nhe _ _ O\n\n# id 77aa\tdomain=en\n# _ _ O\n1 _ _ B-PER\n"
    assert read(tmp_path, content, "x.conll", "{tokens: 0, tags: 3}") == [(["he"], ["O"]), (["#", "1"], ["O", "B-PER"])]


def test_a_hashtag_between_tokens_that_lost_its_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.conll, line 2: 1 cells; expected 2 or more"):
        read(tmp_path, "He N\n#me\nsings V\n")


def test_a_sentence_of_comments_alone_is_no_row(tmp_path: Path) -> None:
    assert read(tmp_path, "# newdoc id = 1\n# a\n\nHe N\n\n# the end of it\n") == [(["He"], ["N"])]


# -- headings and prefixes ---------------------------------------------------------------------------------------------


def test_headings_of_documents_are_left_out_and_counted(tmp_path: Path) -> None:
    content = "-DOCSTART- O\n\nHe N\n\n-DOCSTART- O\nsings V\n\n"
    rows = rows_of(tmp_path, content)
    assert sentences(rows) == [(["He"], ["N"]), (["sings"], ["V"])]
    assert rows.notes == ("2 x -DOCSTART- left out",)
    wide = "-DOCSTART- -X- -X- O\n\nHe PRP B-NP N\n\n"
    assert read(tmp_path, wide, "x.conll", "{tokens: 0, tags: 3}") == [(["He"], ["N"])]


@pytest.mark.parametrize("prefix", ["en:", "zh-min-nan:", "simple:"])
def test_a_prefix_that_all_tokens_share_is_cut_off_and_said(tmp_path: Path, prefix: str) -> None:
    rows = rows_of(tmp_path, f"{prefix}Anna\tB-PER\n{prefix}Bell\tI-PER\n\n{prefix}:\tO\n{prefix}en:x\tO\n")
    assert sentences(rows) == [(["Anna", "Bell"], ["B-PER", "I-PER"]), ([":", "en:x"], ["O", "O"])]
    assert rows.notes == (f"all tokens begin with '{prefix}', which is cut off",)


@pytest.mark.parametrize(
    "content", ["en:Anna B-PER\nBell I-PER\n", "en:a O\nde:b O\n", "http:a O\nhttp:b O\n", "a:b O\n"]
)
def test_other_colons_stay(tmp_path: Path, content: str) -> None:
    rows = rows_of(tmp_path, content)
    assert [token for tokens, _ in sentences(rows) for token in tokens] == [
        line.split()[0] for line in content.splitlines()
    ]
    assert rows.notes == ()


# -- blanks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2009", "\u2028", "\u0085", "\u202f"])
@pytest.mark.parametrize("gap", [" ", "\t"])
def test_only_ascii_blanks_part_cells(tmp_path: Path, blank: str, gap: str) -> None:
    assert read(tmp_path, f"10{blank}000{gap}N\nsings{gap}V\n") == [([f"10{blank}000", "sings"], ["N", "V"])]


def test_a_token_of_several_words_stays_one_where_tabs_part_cells(tmp_path: Path) -> None:
    assert read(tmp_path, "học sinh\tN\nđi\tV\n") == [(["học sinh", "đi"], ["N", "V"])]


def test_odd_lines_are_parted_as_they_can_be(tmp_path: Path) -> None:
    assert read(tmp_path, "He\tN\nsings V\n\nHe\tN \n \t \nit\tO\n") == [
        (["He", "sings"], ["N", "V"]), (["He"], ["N"]), (["it"], ["O"]),
    ]  # fmt: skip
    assert read(tmp_path, "He N\nNew York\tO\nsings  V \n") == [(["He", "New York", "sings"], ["N", "O", "V"])]


def test_blanks_around_a_tab_are_part_of_no_cell_and_an_odd_blank_may_be_a_token(tmp_path: Path) -> None:
    assert read(tmp_path, "He \tN\n\u00a0\tO\nsings\t V\n") == [(["He", "\u00a0", "sings"], ["N", "O", "V"])]


@pytest.mark.parametrize("name", ["train.txt", "test.conll2003", "x.conllx", "x.NER"])
def test_tagged_text_may_have_any_ending(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, "He N\nsings V\n", name) == [(["He", "sings"], ["N", "V"])]


def test_a_token_a_line_is_not_read_as_sentences_of_one_token(tmp_path: Path) -> None:
    content = "en:Anna\tB-PER\nen:sings\tO\n\nen:He\tO\n"
    with pytest.raises(DataError, match="every line is a sentence of one token; .*`format: conll`"):
        read(tmp_path, content, "test-en.tsv")
    assert read(tmp_path, "He sings\tN V\nHe\tN\n", "x.tsv") == [(["He", "sings"], ["N", "V"]), (["He"], ["N"])]


def test_cells_of_csv_are_cut_at_ascii_blanks_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "w,t\n10\u00a0000 sings,N V\n", "x.csv", "{tokens: w, tags: t}") == [
        (["10\u00a0000", "sings"], ["N", "V"])
    ]


def test_a_line_without_a_tag_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.conll, line 3: 1 cells; expected 2 or more"):
        read(tmp_path, "He N\n\nsings\n")


def test_a_tag_outside_the_set_is_named_with_its_sentences_first_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.conll, line 5: label 'Q'"):
        read(tmp_path, "He N\nsings V\n\n# more\nHe N\nsits Q\n")


# -- CoNLL-U -----------------------------------------------------------------------------------------------------------


def word(id: str, form: str, upos: str) -> str:
    return "\t".join([id, form, "_", upos, "_", "_", "0", "_", "_", "_"])


GUM = "\n".join([
    "# newdoc id = GUM_a", "# meta::x = y\tz", "# newpar", "# text = im Haus", "1-2\tim\t_\t_\t_\t_\t_\t_\t_\t_", word("1", "in", "ADP"),
    word("2", "dem", "DET"), word("2.1", "_", "VERB"), word("3", "Haus", "NOUN"), "", "# text = #", word("0.1", "_", "VERB"),
    word("1", "#", "NOUN"), "",
])  # fmt: skip


@pytest.mark.parametrize("columns", [None, "{tokens: form, tags: upos}", "{tokens: 1, tags: 3}"])
def test_conllu_is_a_known_ending_whose_columns_have_names(tmp_path: Path, columns: str | None) -> None:
    expected = [(["in", "dem", "Haus"], ["ADP", "DET", "NOUN"]), (["#"], ["NOUN"])]
    assert read(tmp_path, GUM, "x.conllu", columns) == expected
    assert read(tmp_path, GUM, "X.CONLLU", columns) == expected


def test_a_task_on_the_hub_may_lend_its_labels_to_conllu(tmp_path: Path) -> None:
    (tmp_path / "x.conllu").write_text(GUM, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("name: mine\nbase: udpos\nlanguages: [de]\nfiles: {test: x.conllu}\n")
    assert load_task(tmp_path / "mine.yaml").rows("test", "de")[0].tokens == ("in", "dem", "Haus")  # type: ignore[union-attr]


def test_a_column_that_conllu_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"columns by name \(id, form, lemma, upos"):
        read(tmp_path, GUM, "x.conllu", "{tokens: word, tags: upos}")


def test_first_cells_that_only_look_like_ranges_are_no_ids(tmp_path: Path) -> None:
    content = "1-1\tHe\tN\n1-2\tsings\tV\n"
    assert read(tmp_path, content, "x.conll", "{tokens: 1, tags: 2}") == [(["He", "sings"], ["N", "V"])]
    assert read(tmp_path, "2-1 N\n1.5 V\n") == [(["2-1", "1.5"], ["N", "V"])]


def test_what_was_left_out_is_said_where_rows_are_checked_and_tokenised(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "-DOCSTART- O\n\nen:He N\nen:sings V\n")
    said: list[str] = []
    session = Session.open(tiny_config(tmp_path), say=said.append)
    backbone = load_backbone("tiny", precision="fp32")
    features_for(rows.limited(1), "tags", backbone, session.config.eval, session, what="tokenise")
    assert said == [
        "mine en (test): 1 x -DOCSTART- left out.",
        "mine en (test): all tokens begin with 'en:', which is cut off.",
    ]
    config = toolkit.configure(task_files=[tmp_path / "mine.yaml"], backbone="tiny", zoo=tmp_path / "zoo")
    checked = toolkit.tasks_check("mine", config).text
    assert "test en: 1 x -DOCSTART- left out." in checked and "Nothing to warn of" not in checked


# -- readers of others -------------------------------------------------------------------------------------------------


def read_conllu(text: str) -> Sentences:
    """FORM and UPOS of the words of CoNLL-U, as its definition says."""
    found: Sentences = []
    for block in text.split("\n\n"):
        cells = [line.split("\t") for line in block.split("\n") if line and not line.startswith("#")]
        words = [each for each in cells if each[0].isdigit()]
        if words:
            found.append(([each[1] for each in words], [each[3] for each in words]))
    return found


def read_wnut(text: str) -> Sentences:
    """Tokens and tags as the loading script of wnut_17 on the hub reads them."""
    found: Sentences = [([], [])]
    for line in text.split("\n"):
        row = line.rstrip()
        if row:
            token, tag = row.split("\t")
            found[-1][0].append(token)
            found[-1][1].append(tag)
        elif found[-1][0]:
            found.append(([], []))
    return [each for each in found if each[0]]


def read_masakhaner(text: str) -> Sentences:
    """Tokens and tags as the loading script of masakhaner on the hub reads them."""
    found: Sentences = [([], [])]
    for line in text.split("\n"):
        if line == "":
            found.append(([], []))
        else:
            token, tag = line.split(" ")
            found[-1][0].append(token)
            found[-1][1].append(tag.rstrip())
    return [each for each in found if each[0]]


TOKENS = [
    "He",
    "#",
    "#tag",
    "@you",
    "http://t.co/x#y",
    "10\u00a0000",
    "\u200b",
    "...",
    "en:x",
    "-",
    "1-2",
    "1.1",
    "7",
    '"',
    "x=y",
    "=",
    "ở",
]


@pytest.mark.parametrize("seed", range(5))
def test_generated_files_are_read_as_independent_readers_read_them(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    drawn = [[(rng.choice(TOKENS), rng.choice(NAMED)) for _ in range(rng.randint(1, 6))] for _ in range(60)]
    spaced = "\n\n".join("\n".join(f"{token} {tag}" for token, tag in each) for each in drawn) + "\n"
    assert read(tmp_path, spaced) == read_masakhaner(spaced)
    empty = ["\n\n", "\n\t\n", "\n\n\n"]
    tabbed = "".join("\n".join(f"{token}\t{tag}" for token, tag in each) + rng.choice(empty) for each in drawn)
    assert read(tmp_path, tabbed) == read_wnut(tabbed)
    blocks = []
    for number, each in enumerate(drawn):
        lines = [f"# sent_id = {number}", *(["# newpar", "#x"] if rng.random() < 0.3 else [])]
        for place, (token, tag) in enumerate(each, 1):
            if rng.random() < 0.2:
                lines.append(word(f"{place}-{place + 1}", "both", "_"))
            lines.append(word(str(place), f"{token} và" if rng.random() < 0.2 else token, tag))
            if rng.random() < 0.2:
                lines.append(word(f"{place}.1", "_", "_"))
        blocks.append("\n".join(lines))
    treebank = "\n\n".join(blocks) + "\n\n"
    assert read(tmp_path, treebank, "x.conllu", None) == read_conllu(treebank)
