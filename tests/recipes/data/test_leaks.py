"""What an adapter saw of the rows that are scored: by texts, by ids, and as translations, on small files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import toolkit
from tests.recipes.small import tiny_config
from tests.tasks.sources.test_layouts import write
from toolkit.recipes.data.check import check
from toolkit.recipes.data.leaks import Held, Leak, find_leaks
from toolkit.recipes.session.session import Session
from toolkit.tasks import BUILT_IN, Task


def hold(task: Task | str, split: str, language: str, root: Path) -> Held:
    found = BUILT_IN.get(task) if isinstance(task, str) else task
    rows = found.rows(split, language, data_root=root)
    return Held(found, (split, rows.split), language, list(rows))


def questions(language: str, ids: list[str]) -> dict[str, list[Any]]:
    return {
        "id": ids,
        "context": [f"{language}: context {i // 2}." for i in range(len(ids))],
        "question": [f"{language}: question {i}?" for i in range(len(ids))],
        "answers": [{"text": [language], "answer_start": [0]} for _ in ids],
    }


def pairs(language: str, n: int) -> dict[str, list[Any]]:
    return {
        "premise": [f"{language} {i}" for i in range(n)],
        "hypothesis": [f"{language} h{i}" for i in range(n)],
        "label": [i % 3 for i in range(n)],
    }


IDS = [f"5725{i:020x}" for i in range(6)]


def squad(root: Path, ids: list[str]) -> None:
    """SQuAD's dev rows: the questions of XQuAD under `ids`, and one more on the first context."""
    rows = questions("en", ids)
    more = {"id": ["f" * 24], "context": ["en: context 0."], "question": ["Another?"], "answers": [rows["answers"][0]]}
    write(root, "rajpurkar/squad", "plain_text", "validation", {key: rows[key] + more[key] for key in rows})
    for language in ("en", "de", "zh"):
        write(root, "google/xquad", f"xquad.{language}", "validation", questions(language, IDS))


def test_squads_dev_rows_are_xquads_in_english_by_text_and_elsewhere_by_id(tmp_path: Path) -> None:
    squad(tmp_path, IDS)
    scored = {code: hold("xquad", "score", code, tmp_path) for code in ("en", "de", "zh")}
    found = find_leaks(hold("squad", "dev", "en", tmp_path), scored)
    assert found == [
        Leak("en", 6, same=6, n_contexts=3, contexts=3, parallel=0),
        Leak("de", 6, same=0, n_contexts=3, contexts=0, parallel=6),
        Leak("zh", 6, same=0, n_contexts=3, contexts=0, parallel=6),
    ]


def test_without_shared_ids_the_english_texts_still_give_away_the_translations(tmp_path: Path) -> None:
    squad(tmp_path, [f"other {i}" for i in range(4)])  # four of the six questions, under ids of their own
    scored = {code: hold("xquad", "score", code, tmp_path) for code in ("en", "de")}
    found = find_leaks(hold("squad", "dev", "en", tmp_path), scored)
    assert [(leak.language, leak.same, leak.contexts, leak.parallel) for leak in found] == [
        ("en", 4, 2, 0),
        ("de", 0, 0, 4),
    ]


def xnli(root: Path, **sizes: int) -> None:
    for language, n in sizes.items():
        write(root, "facebook/xnli", language, "validation", pairs(language, n))


def slice_of_dev(folder: Path, base: str = "xnli") -> Task:
    file = folder / "seen.yaml"
    file.write_text(f"name: seen\nbase: {base}\nsplits: {{train: validation, dev: validation}}\n")
    return BUILT_IN.read(file)


def test_dev_rows_of_one_language_are_those_of_every_other(tmp_path: Path) -> None:
    xnli(tmp_path, en=6, de=6, sw=6)
    scored = {code: hold("xnli", "score", code, tmp_path) for code in ("en", "de", "sw")}
    seen = slice_of_dev(tmp_path)
    rows = seen.rows("train", "de", data_root=tmp_path)[:4]
    found = find_leaks(Held(seen, ("train", rows.split), "de", list(rows)), scored)
    assert {leak.language: (leak.same, leak.parallel) for leak in found} == {"de": (4, 0), "en": (0, 4), "sw": (0, 4)}


def test_rows_copied_into_a_file_of_ones_own_give_away_the_other_languages_too(tmp_path: Path) -> None:
    xnli(tmp_path, en=6, de=6)
    (tmp_path / "own.csv").write_text("p,h,l\nDe  2,DE h2,0\nneu,neu,1\nde 5,de h5,2\n")
    (tmp_path / "own.yaml").write_text(
        "name: own\nkind: pair\nlabels: [entailment, neutral, contradiction]\nfiles: {train: own.csv, dev: own.csv}\n"
        "columns: {first: p, second: h, label: l}\n"
    )
    own = BUILT_IN.read(tmp_path / "own.yaml")
    scored = {code: hold("xnli", "score", code, tmp_path) for code in ("en", "de")}
    found = find_leaks(hold(own, "train", "en", tmp_path), scored)
    assert {leak.language: (leak.same, leak.parallel) for leak in found} == {"de": (2, 0), "en": (0, 2)}


def test_languages_of_unequal_length_without_ids_are_not_aligned(tmp_path: Path) -> None:
    xnli(tmp_path, en=6, de=5)
    scored = {code: hold("xnli", "score", code, tmp_path) for code in ("en", "de")}
    found = find_leaks(hold(slice_of_dev(tmp_path), "train", "de", tmp_path), scored)
    assert [(leak.language, leak.same, leak.parallel) for leak in found] == [("de", 5, 0)]


def test_paws_x_is_aligned_by_its_ids_where_languages_leave_rows_out(tmp_path: Path) -> None:
    for language, ids in (("en", [1, 2, 3, 4]), ("de", [1, 3, 4])):
        columns = {
            "id": ids,
            "sentence1": [f"{language} {i}" for i in ids],
            "sentence2": ["x"] * len(ids),
            "label": ids,
        }
        columns["label"] = [i % 2 for i in ids]
        write(tmp_path, "google-research-datasets/paws-x", language, "validation", columns)
    scored = {code: hold("pawsx", "score", code, tmp_path) for code in ("en", "de")}
    found = find_leaks(hold(slice_of_dev(tmp_path, "pawsx"), "train", "de", tmp_path), scored)
    assert {leak.language: (leak.same, leak.parallel) for leak in found} == {"de": (3, 0), "en": (0, 3)}


def test_another_split_another_data_set_and_other_texts_share_nothing(tmp_path: Path) -> None:
    xnli(tmp_path, en=6)
    write(tmp_path, "facebook/xnli", "en", "test", pairs("test", 6))
    write(tmp_path, "nyu-mll/glue", "mnli", "train", pairs("mnli", 6))
    scored = {"en": hold("xnli", "score", "en", tmp_path)}
    assert scored["en"].split == ("score", "test")
    assert find_leaks(hold(slice_of_dev(tmp_path), "train", "en", tmp_path), scored) == []
    assert find_leaks(hold("mnli", "train", "en", tmp_path), scored) == []


def test_ids_that_only_count_rows_are_no_sign_of_shared_rows(tmp_path: Path) -> None:
    squad(tmp_path, [str(i) for i in range(6)])
    write(tmp_path, "google/xquad", "xquad.de", "validation", questions("de", [str(i) for i in range(6)]))
    tydi = questions("tydi", [f"english-{i}" for i in range(6)])
    write(tmp_path, "google-research-datasets/tydiqa", "secondary_task", "train", tydi)
    scored = {"de": hold("xquad", "score", "de", tmp_path)}
    assert find_leaks(hold("tydiqa", "train", "en", tmp_path), scored) == []


def test_the_check_says_who_saw_what_with_counts_and_equal_counts_together(folder: Path) -> None:
    xnli(folder, en=8, de=8, sw=8)
    slice_of_dev(folder)
    config = tiny_config(folder, f"data_root={folder}", f"task_files={folder / 'seen.yaml'}", "train.limit=4")
    toolkit.train("seen.de", config)
    sentences = check("xnli", Session.open(config)).sentences
    assert "'seen.de' saw seen de (train): 4 of the 8 rows scored in de are among them." in sentences
    assert (
        "'seen.de' saw seen de (train): 4 of the 8 rows scored in each of en, sw are the same examples in another "
        "language or wording." in sentences
    )
