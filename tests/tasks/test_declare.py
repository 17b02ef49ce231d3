"""Tasks in YAML: what they say, and each fault as one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolkit
from tests import PROJECT
from tests.recipes.small import SCORED, tiny_config
from tests.tasks.sources.test_layouts import write
from toolkit.errors import ConfigError, SourceError
from toolkit.perturb import perturb
from toolkit.tasks import BUILT_IN, PairRow, TagsRow, catalogue_of, get_task

PAIR = "name: mine\nkind: pair\nlabels: [different, same]\n"
CSV = PAIR + "files: {train: train.csv, dev: dev.csv}\ncolumns: {first: a, second: b, label: gold}\n"


def declare(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def csv(
    folder: Path, name: str, rows: str = "a,b,gold\nIt rains.,It is wet.,same\nHe sings.,He is mute.,different\n"
) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(rows, encoding="utf-8")


def test_a_task_over_csv_needs_six_lines_and_trains_and_scores(folder: Path) -> None:
    for name in ("train.csv", "dev.csv"):
        csv(folder, name, "a,b,gold\n" + "It rains.,It is wet.,same\nHe sings.,He is mute.,different\n" * 8)
    config = tiny_config(folder, f"task_files={declare(folder, CSV)}")
    (card,) = toolkit.train("mine", config)
    assert card.data_seen[0].origin == "file: train.csv"
    scores = toolkit.evaluate("mine", config, task="mine").scores
    assert [(score.n, score.split, score.metric) for score in scores] == [(SCORED, "dev", "accuracy")]


def test_paths_are_relative_to_the_yaml_and_labels_may_be_names_or_indices(tmp_path: Path) -> None:
    csv(tmp_path / "deep", "train.csv")
    csv(tmp_path / "deep", "dev.csv")
    rows = BUILT_IN.read(declare(tmp_path / "deep", CSV)).rows("train")
    assert [(row.first, row.label) for row in rows if isinstance(row, PairRow)] == [("It rains.", 1), ("He sings.", 0)]


def test_files_by_language_are_reachable_where_they_are(tmp_path: Path) -> None:
    text = PAIR + "languages: [en, de, sw]\nfiles: {train: '{code}.csv', dev: '{code}.csv'}\n"
    csv(tmp_path, "en.csv")
    csv(tmp_path, "sw.csv")
    task = BUILT_IN.read(declare(tmp_path, text + "columns: {first: a, second: b, label: gold}\n"))
    assert task.reachable() == ("en", "sw")
    with pytest.raises(SourceError, match=r"de\.csv is not there"):
        task.rows("train", "de")


def test_a_slice_of_a_task_by_a_column_that_the_base_does_not_read(tmp_path: Path) -> None:
    columns = {
        "premise": ["a", "b", "c"],
        "hypothesis": ["d", "e", "f"],
        "label": [0, 1, 2],
        "genre": ["fiction", "government", "fiction"],
    }
    write(tmp_path, "nyu-mll/multi_nli", "default", "train", columns)
    text = "name: mine\nbase: mnli\nhub: nyu-mll/multi_nli\nwhere: {genre: fiction}\n"
    task = BUILT_IN.read(declare(tmp_path, text))
    assert [row.first for row in task.rows("train", data_root=tmp_path)] == ["a", "c"]
    assert (task.kind, task.labels, task.size) == ("pair", get_task("mnli").labels, (None, None))
    assert "mnli:dev" in task.overlaps


def test_a_slice_of_a_slice_narrows_it(tmp_path: Path) -> None:
    declare(tmp_path, "name: one\nbase: snli\nwhere: {label: [0, 1]}\n", "one.yaml")
    two = BUILT_IN.read(declare(tmp_path, "name: two\nbase: one\nwhere: {genre: x}\n", "two.yaml"))
    assert dict(two.source.where) == {"label": (0, 1), "genre": ("x",)}


def test_the_ready_genre_tasks_are_found_by_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    task = get_task("mnli-government")
    assert dict(task.source.where) == {"genre": ("government",)}
    assert {"mnli-fiction", "mnli-travel"} <= {task.name for task in BUILT_IN} & set(BUILT_IN.names)
    assert len(list(BUILT_IN)) == len(BUILT_IN) == len(set(BUILT_IN.names)) > len(BUILT_IN.held)


def test_a_file_in_configs_task_must_be_called_as_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    declare(tmp_path, "name: other\nbase: mnli\n", "configs/task/mine.yaml")
    with pytest.raises(ConfigError, match="declares the task 'other'; expected 'mine'"):
        BUILT_IN.get("mine")
    assert "other" not in BUILT_IN


def test_a_task_may_borrow_training_rows_from_the_catalogue(tmp_path: Path) -> None:
    text = (
        "name: mine\nkind: span\nlanguages: [de]\ntrains_on: squad\n"
        "files: {score: de.jsonl}\ncolumns: {question: q, context: c, texts: [answer], starts: [at]}\n"
    )
    (tmp_path / "de.jsonl").write_text('{"q": "Wann?", "c": "Im Mai.", "answer": "Mai", "at": 3}\n', encoding="utf-8")
    task = BUILT_IN.read(declare(tmp_path, text))
    assert not task.has_train
    assert task.rows("score", "de")[0].answers[0].text == "Mai"


def test_ccgbank_files_are_tokens_a_tab_and_tags(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text('It rains\tNP S\\NP\nHe "sings\t NP X Y\n', encoding="utf-8")
    (tmp_path / "tags.txt").write_text("NP\nS\\NP\nX\n", encoding="utf-8")
    text = (
        "name: mine\nkind: tags\nmetric: accuracy\nmay_have_other_tags: true\nlabels_file: tags.txt\n"
        "files: {train: train.tsv, dev: train.tsv}\ncolumns: {tokens: 0, tags: 1}\n"
    )
    rows = BUILT_IN.read(declare(tmp_path, text)).rows("train")
    assert rows[0] == TagsRow("0", ("It", "rains"), (0, 1))
    with pytest.raises(toolkit.ToolkitError, match=r"train\.tsv, line 2: 2 tokens and 3 tags"):
        rows[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "no mapping"),
        ("", "no mapping"),
        ("name: [", "not valid YAML"),
        (CSV + "colums: {}\n", "no key 'colums'. Did you mean 'columns'"),
        (CSV.replace("name: mine\n", ""), "no `name`"),
        (CSV.replace("mine", "Mine"), "cannot be used in a composition"),
        (CSV.replace("mine", "fuse"), "cannot be used in a composition"),
        (CSV.replace("mine", "mnli"), "the catalogue has a task 'mnli' already"),
        (CSV.replace("pair", "pairs"), "the kind 'pairs' is unknown"),
        (CSV + "metric: seqeval\n", "a pair task takes accuracy or accuracy-f1"),
        (CSV + "languages: [english]\n", "Write the code 'en'"),
        (CSV + "trains_on: squda\n", "names no task 'squda'. Did you mean 'squad'"),
        (CSV + "trains_on: squad\n", "another kind or other labels"),
        (CSV + "hub: a/b\n", "either `hub`"),
        (CSV.replace("gold}", "gold, third: c}"), "names columns for first, label, second, third"),
        (CSV.replace("dev:", "development:"), "names 'development'"),
        (CSV.replace(", dev: dev.csv", ""), "a share such as `dev: 10%`"),
        (CSV.replace("dev: dev.csv", "test: dev.csv"), "training rows without dev rows"),
        (CSV.replace("train.csv", "train.xls"), "the format 'xls' is unknown"),
        (CSV.replace("labels: [different, same]\n", ""), "needs `labels`"),
        (CSV.replace("[different, same]", "[no, yes]"), "quote yes, no"),
        (CSV.replace("[different, same]", "[a, a]"), "names a label twice"),
        (CSV.replace("[different, same]", "[a, '']"), "without a letter"),
        (CSV.replace("[different, same]", "[a, 'a ']"), "labels 'a' and 'a ' look the same"),
        (
            CSV.replace("[different, same]", r'["caf\u00e9", "cafe\u0301"]'),
            r"labels 'caf\xe9' and 'cafe\u0301' look the same",
        ),
        (CSV.replace("[different, same]", r'["a", "a\u200b"]'), "look the same"),
        (CSV.replace("[different, same]", r'["a\nb", b]'), r"the label 'a\nb' holds control characters"),
        (CSV.replace("[different, same]", r'["a\e[31m", b]'), r"the label 'a\x1b[31m' holds control characters"),
        (CSV + "parallel: 1\n", "expected true or false"),
        (CSV + "licence: 3\n", "`licence` is 3; expected text"),
        (CSV.replace("files: {train: train.csv, dev: dev.csv}", "files: train.csv"), "expected a mapping"),
        (CSV.replace("csv", "conll"), "expected the kind 'tags'"),
        ("name: mine\nbase: anli-plus\nwhere: {genre: x}\n", "no columns to choose by"),
        ("name: mine\nbase: mnil\n", "names no task 'mnil'. Did you mean 'mnli'"),
    ],
)
def test_a_faulty_declaration_is_refused_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    file = declare(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        BUILT_IN.read(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_several_faults_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        BUILT_IN.read(declare(tmp_path, "kind: pairs\nfiles: {training: x.csv}\n"))
    assert len(str(caught.value).splitlines()) == 4


def test_a_declaration_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no task file"):
        BUILT_IN.read(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="expected UTF-8 text"):
        BUILT_IN.read(tmp_path / "bytes.yaml")


def test_a_task_file_may_refer_to_others_in_its_folder_and_in_configs_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("train.csv", "dev.csv"):
        csv(tmp_path / "deep", name)
    declare(tmp_path, CSV.replace("mine", "ground"), "deep/ground.yaml")
    declare(tmp_path, "name: shared\nbase: mnli\nwhere: {genre: fiction}\n", "configs/task/shared.yaml")
    score = "files: {score: dev.csv}\ncolumns: {first: a, second: b, label: gold}\n"
    tasks = catalogue_of([declare(tmp_path, PAIR + "trains_on: ground\n" + score, "deep/mine.yaml")])
    target = tasks.get("mine")
    assert target.trains_on == "ground" and len(tasks.training_task(target).rows("train")) == 2
    wet = BUILT_IN.read(declare(tmp_path, "name: wet\nbase: mine\nwhere: {gold: same}\n", "deep/wet.yaml"))
    assert [row.first for row in wet.rows("score")] == ["It rains."]
    two = BUILT_IN.read(declare(tmp_path, "name: two\nbase: shared\nwhere: {label: 0}\n", "deep/two.yaml"))
    assert dict(two.source.where) == {"genre": ("fiction",), "label": (0,)}


def test_task_files_in_a_circle_are_refused_with_the_circle(tmp_path: Path) -> None:
    one = declare(tmp_path, "name: one\nbase: two\n", "one.yaml")
    declare(tmp_path, "name: two\nbase: three\n", "two.yaml")
    declare(tmp_path, "name: three\nbase: one\n", "three.yaml")
    with pytest.raises(ConfigError, match=r"in a circle \(one\.yaml -> two\.yaml -> three\.yaml -> one\.yaml\)"):
        BUILT_IN.read(one)
    with pytest.raises(ConfigError, match=r"in a circle \(me\.yaml -> me\.yaml\)"):
        BUILT_IN.read(declare(tmp_path, "name: me\nbase: me\n", "me.yaml"))


def test_a_fault_in_a_file_that_is_referred_to_names_that_file(tmp_path: Path) -> None:
    declare(tmp_path, "name: ground\nkind: pair\n", "ground.yaml")
    with pytest.raises(ConfigError, match=r"ground\.yaml: "):
        BUILT_IN.read(declare(tmp_path, "name: mine\nbase: ground\n"))


def test_a_slice_may_name_other_splits_and_a_revision_of_its_base(tmp_path: Path) -> None:
    text = "name: mine\nbase: xnli\nrevision: 0123abc\nsplits: {train: validation, dev: validation, test: test}\n"
    task = BUILT_IN.read(declare(tmp_path, text))
    assert task.source.revision == "0123abc"
    assert dict(task.source.splits) == {
        "train": ("validation",), "dev": ("validation",), "test": ("test",), "score": ("test",),
    }  # fmt: skip
    assert task.trains_on is None, "it has training rows of its own"
    declare(tmp_path, CSV.replace("mine", "ground"), "ground.yaml")
    with pytest.raises(ConfigError, match="`splits` is of the hub, and 'ground' reads files"):
        BUILT_IN.read(declare(tmp_path, "name: other\nbase: ground\nsplits: {train: dev}\n", "other.yaml"))


def test_a_kind_whose_files_are_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the kind 'mining' has files of its own and cannot be declared"):
        BUILT_IN.read(declare(tmp_path, CSV.replace("pair", "mining").replace("labels: [different, same]\n", "")))


def test_a_level_is_semantic_unless_the_file_says_syntactic(tmp_path: Path) -> None:
    for name in ("train.csv", "dev.csv"):
        csv(tmp_path, name)
    assert BUILT_IN.read(declare(tmp_path, CSV)).level == "semantic"
    assert BUILT_IN.read(declare(tmp_path, CSV + "level: syntactic\n")).level == "syntactic"
    sliced = declare(tmp_path, "name: part\nbase: udpos\n", "part.yaml")
    assert BUILT_IN.read(sliced).level == "syntactic", "a slice is of its task's level"


def test_an_unknown_level_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has the level 'lexical'; expected syntactic or semantic"):
        BUILT_IN.read(declare(tmp_path, CSV + "level: lexical\n"))


def test_every_task_file_of_the_page_on_tasks_declares_a_task(tmp_path: Path) -> None:
    page = (PROJECT / "docs/add_a_task.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in page.split("```yaml\n")[1:]]
    (tmp_path / "tags.txt").write_text("N\nV\n")
    found = {task.name: task for block in blocks for task in [BUILT_IN.read(declare(tmp_path, block))]}
    assert {"jaquad", "ocnli", "ntrex", "flores", "tatoeba-export"} <= set(found)
    assert found["ocnli"].trains_on == "mnli" and found["ocnli"].labels == get_task("xnli").labels


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("hub: ''", "`hub` is ''; expected the id of a dataset on the hub, ORG/NAME"),
        ("hub: ../../etc", "`hub` is '../../etc'; expected the id"),
        ("hub: a/{lang}", "`hub` is 'a/{lang}'; expected the id"),
        ("hub: a/b\nsplits: {train: train, dev: null}", "`splits` gives None; expected the name of a dataset's split"),
        ("hub: a/b\nsplits: {train: train, dev: []}", r"`splits` gives \[\]; expected"),
        ("hub: a/b\nsplits: {train: train, dev: {a: b}}", "`splits` gives {'a': 'b'}; expected"),
        ("files: {train: x.csv, dev: null}", "`files: dev` is None; expected a path"),
        ("files: {train: x.csv, dev: ''}", "`files: dev` is ''; expected a path"),
        ("files: {train: x.csv, dev: [y.csv]}", r"`files: dev` is \['y.csv'\]; expected a path"),
        ("files: {train: x.csv, dev: y.csv}\nshare_seed: -1", "`share_seed` is -1; expected a whole number, 0 or more"),
        ("files: {train: x.csv, dev: y.csv}\nshare_seed: null", "`share_seed` is None; expected a whole number"),
        ("files: {train: x.csv, dev: y.csv}\nnames: {en: [a]}", r"`names` gives \['a'\] for 'en'; expected text"),
        ("files: {train: x.csv, dev: y.csv}\nlabel_map: {a: {b: c}}", "`label_map` gives {'b': 'c'} for 'a'; expected text"),
        (f"files: {{train: x.csv, dev: y.csv}}\nbase: {'y' * 3000}", "`base` names no task"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_a_sentence_wherever_it_is(said: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=fault):
        BUILT_IN.read(declare(tmp_path, f"{PAIR}columns: {{first: a, second: b, label: gold}}\n{said}\n"))


def test_a_link_in_a_circle_and_a_user_who_does_not_exist_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    with pytest.raises(ConfigError, match=r"loop\.yaml is a link that leads to itself; expected a YAML file"):
        BUILT_IN.read(tmp_path / "loop.yaml")
    task = BUILT_IN.read(declare(tmp_path, CSV.replace("train.csv", "'~nobody-of-this-name/train.csv'")))
    with pytest.raises(SourceError, match=r"~nobody-of-this-name/train\.csv is not there"):
        task.rows("train")


ONE_TEXT = "name: mine\nkind: pair\nlabels: [travel, sports]\nfiles: {dev: 'dev-{code}.csv'}\ncolumns: {first: text, label: topic}\n"


def test_any_language_in_any_spelling_is_declared_and_its_files_are_found_by_either(folder: Path) -> None:
    csv(folder, "dev-gn.csv", "text,topic\nOho,travel\nOha,sports\n")
    csv(folder, "dev-quy.csv", "text,topic\nRin,travel\nRi,sports\n")
    csv(folder, "dev-deu.csv", "text,topic\nReise,travel\nSpiel,sports\n")
    task = toolkit.load_task(declare(folder, ONE_TEXT + "languages: [grn, quy, deu]\n"))
    assert task.languages == ("gn", "quy", "de")
    assert [task.rows("score", code)[0].first for code in ("gn", "quy_Latn", "de-DE")] == ["Oho", "Rin", "Reise"]


@pytest.mark.parametrize(
    ("languages", "sentence"),
    [
        ("[xx]", "No language named 'xx'"),
        ("[bjq]", "'bjq'.*is retired since 2011; write one of 'bzc', 'tkg'"),
        ("[German]", "Write the code 'de' for German"),
        ("[de, deu]", "'de' and 'deu' are one language"),
        ("[zh, zh-CN]", "'zh' and 'zh-CN' are one language"),
    ],
)
def test_a_language_that_is_none_or_named_twice_is_one_sentence(folder: Path, languages: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        toolkit.load_task(declare(folder, ONE_TEXT + f"languages: {languages}\n"))


def test_a_pair_of_one_text_trains_scores_and_is_perturbed(folder: Path) -> None:
    for name in ("train.csv", "dev.csv"):
        csv(folder, name, "text,topic\n" + "A trip by train.,travel\nA game of chess.,sports\n" * 8)
    text = ONE_TEXT.replace("{dev: 'dev-{code}.csv'}", "{train: train.csv, dev: dev.csv}")
    config = tiny_config(folder, f"task_files={declare(folder, text)}")
    (card,) = toolkit.train("mine", config)
    assert card.heads["mine"].labels == ("travel", "sports")
    assert toolkit.evaluate("mine", config, task="mine").scores[0].n == SCORED
    changed = perturb(toolkit.load_task(folder / "mine.yaml").rows("dev"), "swap", strength=1.0, seed=0)
    assert changed[0].second is None and changed[0].first != "A trip by train."


def test_several_columns_of_a_text_are_joined(folder: Path) -> None:
    csv(folder, "dev.csv", "s1,s2,e1,e2,right\nHe woke.,He ate.,He left.,It rains.,1\nIt fell.,It broke.,Up.,Gone.,2\n")
    task = toolkit.load_task(
        declare(
            folder,
            "name: mine\nkind: choice\nfiles: {dev: dev.csv}\nlabel_map: {1: 0, 2: 1}\n"
            "columns: {context: [s1, s2], choices: [e1, e2], label: right}\n",
        )
    )
    assert [(row.context, row.label) for row in task.rows("dev")] == [
        ("He woke. He ate.", 0),
        ("It fell. It broke.", 1),
    ]


def test_machine_translated_rows_are_marked_on_cards_and_scores(folder: Path) -> None:
    for name in ("train.csv", "dev.csv"):
        csv(folder, name, "a,b,gold\n" + "It rains.,It is wet.,same\nHe sings.,He is mute.,different\n" * 8)
    config = tiny_config(folder, f"task_files={declare(folder, CSV + 'translated: [train, score]')}")
    (card,) = toolkit.train("mine", config)
    assert card.data_seen[0].is_translated
    (kept,) = (folder / "zoo").rglob("card.yaml")
    assert "is_translated: true" in kept.read_text(encoding="utf-8")
    said: list[str] = []
    scores = toolkit.evaluate("mine", config, task="mine", say=said.append).scores
    assert "machine-translated" in scores[0].protocol
    assert any("'mine' has learnt from machine-translated rows: mine in en" in line for line in said)
    with pytest.raises(ConfigError, match="`translated` names 'tset'"):
        toolkit.load_task(declare(folder, CSV + "translated: [tset]"))
