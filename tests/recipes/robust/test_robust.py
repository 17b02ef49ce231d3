from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import toolkit
from tests.recipes.failing import FailingTracker
from tests.recipes.small import FUSED, SCORED, tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.perturb import PERTURBATIONS
from toolkit.perturb.attacked import AttackSettings
from toolkit.progress import Say, say_nothing
from toolkit.recipes.robust import answers as room
from toolkit.recipes.robust.plan import Stress
from toolkit.recipes.robust.run import RobustResult
from toolkit.recipes.robust.run import robust as journey
from toolkit.recipes.session.session import Session
from toolkit.results.predictions import read_predictions
from toolkit.results.score import read_json
from toolkit.tasks import get_task

pytestmark = pytest.mark.journey


def robust(names: Sequence[str], config: Config, *, say: Say = say_nothing, **options: Any) -> RobustResult:
    """Run the journey with the options of the command line."""
    asked = {key: options.pop(key) for key in ("perturb", "strengths", "attacks") if key in options}
    return journey(names, Session.open(config, say=say), stress=Stress(**asked), **options)


def _here(trained: Config, folder: Path, *sets: str) -> Config:
    return replace(tiny_config(folder, *sets), zoo=trained.zoo)


def _run(config: Config, *names: str, **options) -> RobustResult:
    return robust(
        names or ("micro-nli",),
        config,
        **{"task": "micro-nli", "languages": "en,de", "perturb": "swap,case", "strengths": (0.5, 1.0), **options},
    )


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A zoo with two compositions that answer micro-nli."""
    config = tiny_config(tmp_path_factory.mktemp("nli"))
    toolkit.train("micro-nli", config)
    toolkit.train("micro-qa/micro-nli", config)
    return config


def test_every_condition_is_scored_and_everything_is_written(nli: Config, tmp_path: Path) -> None:
    result = _run(_here(nli, tmp_path), "micro-nli", "micro-qa/micro-nli")
    assert len(result.scores) == 2 * 2 * (1 + 2 * 2)
    assert {path.name for path in result.folder.iterdir()} == {
        "predictions", "robust.md", "robust.csv", "scores.json", "scores.csv", "attacks.json", "curves.png",
    }  # fmt: skip
    assert len(result.falls) == 2 * 2 * 2
    assert "generated" in result.text and "swap" in result.text
    with open(result.folder / "robust.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 and float(rows[0]["clean"]) == pytest.approx(result.falls[0].clean)
    assert read_json(result.folder / "scores.json") == list(result.scores)


def test_a_noisy_score_says_what_was_done_and_on_which_rows(nli: Config, tmp_path: Path) -> None:
    scores = _run(_here(nli, tmp_path), perturb="swap").scores
    said = [s.protocol.split()[-4:] for s in scores if s.language == "de"][1]
    assert said == ["noise=swap:0.5", "noise_seed=0", f"limit={SCORED}", "limit_seed=0"]
    assert len({s.fingerprint for s in scores if s.language == "de"}) == 3


def test_all_compositions_are_scored_on_the_same_perturbed_rows(nli: Config, tmp_path: Path) -> None:
    scores = _run(_here(nli, tmp_path), "micro-nli", "micro-qa/micro-nli").scores
    for name in ("micro-nli", "micro-qa/micro-nli"):
        own = [(s.language, s.protocol, s.fingerprint) for s in scores if s.composition == name]
        assert own == [(s.language, s.protocol, s.fingerprint) for s in scores if s.composition == "micro-nli"]


def test_an_evaluation_with_noise_gives_the_same_score(nli: Config, tmp_path: Path) -> None:
    found = next(
        s for s in _run(_here(nli, tmp_path), perturb="swap", strengths=(0.5,)).scores if "swap:0.5" in s.protocol
    )
    noisy = _here(nli, tmp_path, "noise.apply=swap:0.5")
    assert found in toolkit.evaluate("micro-nli", noisy, task="micro-nli", languages="en").scores


def test_what_was_answered_is_not_answered_again(nli: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = _here(nli, tmp_path)
    first = _run(config)
    asked = []
    real = room.answer
    monkeypatch.setattr(room, "answer", lambda *args, **kw: asked.append(args[1].origin) or real(*args, **kw))
    assert _run(config).scores == first.scores and not asked
    assert len(_run(config, strengths=(0.25, 0.5, 1.0)).scores) == len(first.scores) + 4
    assert len(asked) == 4 and all("0.25" in origin for origin in asked)


def test_answers_whose_key_is_missing_or_another_are_made_again(nli: Config, tmp_path: Path) -> None:
    config = _here(nli, tmp_path)
    first = _run(config, perturb="swap")
    kept = first.folder / "predictions" / "micro-nli" / "swap~0.5" / "micro-nli.en.jsonl"
    kept.write_text("", encoding="utf-8")
    kept.with_suffix(".json").write_text('{"key": "other"}', encoding="utf-8")
    assert _run(config, perturb="swap").scores == first.scores
    assert len(read_predictions(kept)) == SCORED


def test_what_a_script_does_not_allow_is_left_out_and_said(nli: Config, tmp_path: Path) -> None:
    said: list[str] = []
    result = _run(_here(nli, tmp_path), languages="en,zh", perturb="case", say=said.append)
    assert [fall.languages for fall in result.falls] == [("en",), ("en",)]
    assert any("Chinese is written in Han" in sentence for sentence in said)


def test_all_means_all_that_the_kind_and_the_settings_allow(nli: Config, tmp_path: Path) -> None:
    said: list[str] = []
    found = _run(_here(nli, tmp_path, "eval.limit=4"), perturb="all", strengths=(1.0,), languages="en", say=said.append)
    names = {fall.perturbation for fall in found.falls}
    assert names == {
        n for n, p in PERTURBATIONS.items() if p.why_not("pair", "en") is None and not p.needs
    }  # fmt: skip
    assert any("code-switch needs --set noise.lexicons" in sentence for sentence in said)
    given = _here(nli, tmp_path, "eval.limit=4", "noise.lexicons=micro", "noise.mix_with=de")
    more = _run(given, perturb="word,sentence", strengths=(1.0,), languages="en")
    assert {"code-switch", "language-mix"} <= {fall.perturbation for fall in more.falls}


def test_an_attack_keeps_every_row_and_its_measures(nli: Config, tmp_path: Path) -> None:
    config = _here(nli, tmp_path, "noise.lexicons=micro")
    searches = [AttackSettings(name=name, budget=20) for name in ("characters", "code-switch")]
    result = _run(config, perturb="none", attacks=searches)
    lines = (result.folder / "attacks" / "characters" / "micro-nli" / "micro-nli.de.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    measures = result.attacks["characters"]["micro-nli"]["de"]
    assert len(rows) == SCORED and all(row["n_queries"] <= 20 for row in rows)
    assert measures["clean_accuracy"] == sum(row["is_right"] for row in rows) / SCORED
    assert measures["robust_accuracy"] == sum(row["is_right"] and not row["is_turned"] for row in rows) / SCORED
    written = (result.folder / "robust.md").read_text()
    assert f"| de | {100 * measures['clean_accuracy']:.1f} | {100 * measures['robust_accuracy']:.1f} |" in written
    assert written.count("Attacked one by one") == 4 and "Same noise" not in written
    from sacrebleu.metrics import CHRF

    pairs = [[f"{row[k]['first']} {row[k]['second']}" for k in ("row", "original")] for row in rows if row["is_right"]]
    chrf = sum(CHRF().sentence_score(now, [was]).score for now, was in pairs) / len(pairs) / 100
    assert measures.get("chrf", chrf) == pytest.approx(chrf)
    assert "Attacked one by one" in result.text and set(result.attacks) == {"characters", "code-switch"}


def test_training_on_noise_sees_noisy_rows_and_says_so(folder: Path) -> None:
    config = tiny_config(folder, "train.augment=code-switch:0.5", "train.augment_rate=0.25", "noise.lexicons=micro")
    card = toolkit.train("micro-nli", config)[-1]
    assert "code-switch 0.5" in card.data_seen[0].origin and "0.25 of the rows" in card.data_seen[0].origin
    plain = get_task("micro-nli").rows("train", "en", limit=48)
    assert card.data_seen[0].fingerprint != plain.fingerprint


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"perturb": "none"}, "no perturbation and no attack"),
        ({"perturb": "swop"}, "Did you mean 'swap'?"),
        ({"strengths": (1.5,)}, "outside [0, 1]"),
        ({"strengths": (0.0,)}, "Strength 0 leaves the rows as they are"),
        ({"baseline": "micro-pos"}, "The baseline 'micro-pos' is not among the compositions"),
        ({"task": "micro-mining"}, "xstilts retrieve micro-nli --task micro-mining --backbone tiny"),
        ({"perturb": "code-switch"}, "name their folder with --set noise.lexicons=DIR"),
        ({"perturb": "language-mix"}, "--set noise.mix_with=de"),
        ({"perturb": "none", "attacks": [AttackSettings(name="code-switch")]}, "noise.lexicons=DIR"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(
    nli: Config, tmp_path: Path, options: dict, sentence: str
) -> None:
    with pytest.raises(ToolkitError) as raised:
        _run(_here(nli, tmp_path), **options)
    assert sentence in str(raised.value)


def test_what_no_language_that_is_asked_for_allows_is_refused_before_a_model_is_loaded(
    nli: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "trained_circuit", lambda *args, **kw: pytest.fail("a model was loaded"))
    _lexicon(tmp_path, "en-de.txt", "cat Katze\n")
    config = _here(nli, tmp_path, f"noise.lexicons={tmp_path}", "noise.mix_with=de")
    for options, sentence in (
        ({"languages": "zh", "perturb": "case"}, "Chinese is written in Han"),
        ({"languages": "zh,hi", "perturb": "code-switch"}, "'code-switch' in zh needs a lexicon that"),
        ({"languages": "de", "perturb": "language-mix"}, "'language-mix' with de leaves rows in de as they are"),
        ({"perturb": "distractor"}, "defined for span tasks"),
        ({"fields": "third"}, "has no text field 'third' that can be perturbed; it has first, second"),
        (
            {"languages": "zh", "perturb": "none", "attacks": [AttackSettings(name="code-switch")]},
            "'code-switch' in zh needs a lexicon",
        ),
        ({"task": "micro-qa", "attacks": [AttackSettings(name="characters")]}, "span rows have none; attack a pair or"),
        (
            {"task": "micro-bitext", "languages": "de", "attacks": [AttackSettings(name="characters")]},
            "bitext rows have none",
        ),
    ):
        fields = options.pop("fields", None)
        with pytest.raises(ToolkitError) as raised:
            _run(replace(config, noise=replace(config.noise, fields=fields)), **options)
        assert sentence in str(raised.value)


def test_a_composition_without_a_head_cannot_be_attacked(nli: Config, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="'backbone' has no head, so it gives vectors for retrieval and no answers"):
        _run(_here(nli, tmp_path), "backbone", perturb="none", attacks=[AttackSettings(name="characters")])


def test_a_language_without_a_lexicon_is_left_out_and_named(nli: Config, tmp_path: Path) -> None:
    said: list[str] = []
    _lexicon(tmp_path, "en-de.txt", "coffee Kaffee\nthe der\n")
    config = _here(nli, tmp_path, f"noise.lexicons={tmp_path}", "noise.mix_with=de")
    searches = [AttackSettings(name="code-switch", budget=10)]
    found = _run(config, languages="en,de,hi", perturb="word,sentence", strengths=(1.0,), attacks=searches, say=said.append)  # fmt: skip
    assert {f.perturbation: f.languages for f in found.falls if f.perturbation in ("code-switch", "language-mix")} == {
        "code-switch": ("en", "de"), "language-mix": ("en", "hi"),
    }  # fmt: skip
    assert set(found.attacks["code-switch"]["micro-nli"]) == {"en", "de"}
    assert any("'code-switch' in hi needs a lexicon" in sentence for sentence in said)
    assert any("leaves rows in de as they are" in sentence for sentence in said)


def _lexicon(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_an_attack_that_was_killed_goes_on_where_it_was(
    nli: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BLOCK", 2)
    search = {"perturb": "none", "languages": "en", "attacks": [AttackSettings(name="characters", budget=8)]}
    whole = _run(_here(nli, tmp_path / "whole"), **search)
    config, real, asked = _here(nli, tmp_path / "killed"), room.attack, []

    def dying(rows, *args, **options):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append([row.id for row in rows])
        return real(rows, *args, **options)

    monkeypatch.setattr(room, "attack", dying)
    with pytest.raises(KeyboardInterrupt):
        _run(config, **search)
    kept = tmp_path / "killed" / "runs" / "robust" / "micro-nli" / "attacks" / "characters" / "micro-nli"
    assert len((kept / "micro-nli.en.jsonl").read_text().splitlines()) == 4
    monkeypatch.setattr(room, "attack", lambda rows, *args, **kw: asked.append([r.id for r in rows]) or real(rows, *args, **kw))  # fmt: skip
    assert _run(config, **search).attacks == whole.attacks
    assert [row_id for block in asked for row_id in block] == [
        row.id for row in get_task("micro-nli").rows("score", "en", limit=SCORED)
    ]
    _run(config, **search)
    assert len(asked) == 4
    _run(config, **{**search, "attacks": [AttackSettings(name="characters", budget=9)]})
    assert len(asked) == 8


def test_retrieval_of_translations_is_scored_under_noise_with_significance(trained: Config, tmp_path: Path) -> None:
    config = _here(trained, tmp_path, "retrieve.limit=60")
    options = {"task": "micro-bitext", "languages": "de,zh", "perturb": "delete,code-switch+swap", "strengths": (1.0,)}
    given = _here(trained, tmp_path, "retrieve.limit=60", "noise.lexicons=micro")
    result = robust(["backbone", "micro-nli"], given, **options)
    assert [(f.composition, f.perturbation, f.languages) for f in result.falls] == [
        (name, noise, ("de", "zh")) for name in ("backbone", "micro-nli") for noise in ("delete", "code-switch+swap")
    ]
    clean = toolkit.retrieve("backbone", config, task="micro-bitext", languages="de,zh").scores
    assert result.falls[0].clean == pytest.approx(sum(score.value for score in clean) / 2)
    assert [s for s in result.scores if s.composition == "backbone" and "noise" not in s.protocol] == list(clean)
    noisy = _here(trained, tmp_path, "retrieve.limit=60", "noise.apply=delete:1.0")
    (alone,) = toolkit.retrieve("backbone", noisy, task="micro-bitext", languages="de").scores
    assert alone in result.scores
    assert all(fall.drop.low <= fall.drop.value <= fall.drop.high for fall in result.falls)
    assert robust(["backbone", "micro-nli"], given, **options).scores == result.scores


def test_retrieval_is_scored_by_one_protocol(trained: Config, tmp_path: Path) -> None:
    config = _here(trained, tmp_path, "retrieve.limit=60", "retrieve.protocol=all")
    with pytest.raises(ToolkitError, match="one retrieval protocol"):
        robust(["backbone"], config, task="micro-bitext", languages="de", perturb="swap")


def test_a_composition_named_twice_is_refused(nli: Config, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="are one composition, .micro-nli."):
        _run(_here(nli, tmp_path), "micro-nli", "micro-nli@micro-nli")


def test_a_task_without_labels_cannot_be_attacked(trained: Config, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="span rows have none"):
        robust(["micro-qa"], _here(trained, tmp_path), task="micro-qa", languages="en", perturb="none", attacks=[AttackSettings(name="characters")])  # fmt: skip


def test_spans_and_tags_are_scored_under_noise_too(trained: Config, tmp_path: Path) -> None:
    config = _here(trained, tmp_path)
    for name, task in (("micro-qa", "micro-qa"), ("micro-nli/micro-pos", "micro-pos"), (FUSED, "micro-choice")):
        result = robust([name], config, task=task, languages="en", perturb="swap,word-drop", strengths=(1.0,))
        assert len(result.falls) == 2
        clean = [s for s in result.scores if "noise" not in s.protocol and s.metric in ("f1", "accuracy")]
        assert clean[0].value == pytest.approx(result.falls[0].clean)


@pytest.mark.parametrize("task", ["micro-bitext", "micro-mining", "micro-answers"])
def test_retrieval_is_scored_under_noise_on_one_side(trained: Config, tmp_path: Path, task: str) -> None:
    clean, noisy = (
        toolkit.retrieve("backbone", _here(trained, tmp_path, "retrieve.limit=200", *sets), task=task, languages="de")
        for sets in ((), ("noise.apply=delete:1",))
    )
    assert [s.fingerprint for s in clean.scores] != [s.fingerprint for s in noisy.scores]
    assert all("noise=delete:1 noise_seed=0" in s.protocol for s in noisy.scores)
    assert not any("noise" in s.protocol for s in clean.scores)
    assert [s.value for s in noisy.scores] != [s.value for s in clean.scores]


def test_a_threshold_for_mining_is_chosen_on_rows_with_the_same_noise(
    trained: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.recipes.score import mining

    origins, real = [], mining.corpora_of
    monkeypatch.setattr(mining, "corpora_of", lambda rows, *args: origins.append(rows.origin) or real(rows, *args))
    config = _here(trained, tmp_path, "retrieve.limit=200", "noise.apply=delete:1")
    toolkit.retrieve("backbone", config, task="micro-mining", languages="de")
    assert len(origins) == 2 and all("delete 1 of source" in origin for origin in origins)


def test_a_field_that_a_kind_lacks_is_refused(trained: Config, tmp_path: Path) -> None:
    config = _here(trained, tmp_path, "noise.apply=swap:0.5", "noise.fields=first")
    with pytest.raises(
        ToolkitError, match="A bitext row has no text field 'first' that can be perturbed; it has source, target"
    ):
        toolkit.retrieve("backbone", config, task="micro-bitext", languages="de")


def test_a_run_whose_logging_raises_is_failed(nli: Config, tmp_path: Path) -> None:
    tracker = FailingTracker()
    session = Session.open(_here(nli, tmp_path, "eval.limit=4"), tracker=tracker)
    with pytest.raises(OSError, match="no space"):
        journey(["micro-nli"], session, task="micro-nli", languages="en", stress=Stress("swap", (0.5,)))
    assert tracker.status == {"robust micro-nli on micro-nli": "FAILED"}
