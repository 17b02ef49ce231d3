"""Lists in which something is named twice: each is refused in one sentence, wherever a list is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
import toolkit
from tests.recipes.small import tiny_config
from tests.recipes.sweeping import GRID, write_grid
from toolkit.config import Config, load
from toolkit.errors import ToolkitError
from toolkit.perturb.attacked import AttackSettings
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.facts import Facts
from toolkit.recipes.sweep.run import Asked, plan_sweep
from toolkit.tasks import BUILT_IN, load_task

Call = Callable[[Config], object]


def attack() -> AttackSettings:
    return AttackSettings(name="characters")


LISTS: dict[str, tuple[Call, str]] = {
    "languages of eval": (
        lambda config: toolkit.evaluate("micro-nli", config, task="micro-nli", languages="en,de,en"),
        "'en' is named twice; name each language once",
    ),
    "two codes of one language": (
        lambda config: toolkit.evaluate("micro-nli", config, task="micro-nli", languages=["de", "en", "deu"]),
        "'de' and 'deu' are one language, 'de'; name each language once",
    ),
    "pairs of languages": (
        lambda config: toolkit.evaluate("squad", config, task="mlqa", languages="de,de.en,de.de"),
        "'de' and 'de.de' are one language",
    ),
    "languages of retrieve": (
        lambda config: toolkit.retrieve("backbone", config, task="micro-bitext", languages="de, de"),
        "'de' is named twice",
    ),
    "languages of attention": (
        lambda config: toolkit.attention("micro-nli", config, task="micro-nli", languages="en,en"),
        "'en' is named twice",
    ),
    "languages of fetch": (
        lambda config: toolkit.tasks_fetch(["xnli"], config, out=Path(config.run_dir), languages="en,eng"),
        "'en' and 'eng' are one language",
    ),
    "tasks of fetch": (
        lambda config: toolkit.tasks_fetch(["xnli", "xnli"], config, out=Path(config.run_dir)),
        "'xnli' is named twice; name each task once",
    ),
    "compositions of compare": (
        lambda config: toolkit.compare(["micro-nli", "micro-qa/micro-nli", "micro-nli"], config, task="micro-nli"),
        "'micro-nli' is named twice; name each composition once",
    ),
    "compositions of robust": (
        lambda config: toolkit.robust(["micro-nli", "micro-nli"], config, task="micro-nli"),
        "'micro-nli' is named twice",
    ),
    "perturbations": (
        lambda config: toolkit.robust(["micro-nli"], config, task="micro-nli", perturb="swap,drop,swap"),
        "'swap' is named twice; name each perturbation once",
    ),
    "strengths": (
        lambda config: toolkit.robust(["micro-nli"], config, task="micro-nli", perturb="swap", strengths=(0.1, 0.1)),
        "'0.1' is named twice; name each strength once",
    ),
    "attacks": (
        lambda config: toolkit.robust(["micro-nli"], config, task="micro-nli", perturb="none", attacks=[attack(), attack()]),
        "'characters' is named twice; name each attack once",
    ),
    "tasks of similarity": (
        lambda config: toolkit.compare_tasks(["micro-nli", "micro-qa", "micro-nli"], config),
        "'micro-nli' is named twice; name each task once",
    ),
    "predictors": (
        lambda config: toolkit.compare_tasks(["micro-nli", "micro-qa"], config, by="text,text"),
        "'text' is named twice; name each predictor once",
    ),
    "sources": (
        lambda config: toolkit.rank("micro-nli", config, sources=["micro-qa", "micro-qa"]),
        "'micro-qa' is named twice; name each source once",
    ),
    "layers": (
        lambda config: toolkit.retrieve("backbone", config, task="micro-bitext", languages="de", layers="1,1"),
        "'1' is named twice; name each layer once",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_what_is_named_twice_is_refused(tmp_path: Path, name: str) -> None:
    call, said = LISTS[name]
    with pytest.raises(ToolkitError, match=said):
        call(tiny_config(tmp_path))


def test_the_command_says_so_in_one_sentence(tmp_path: Path) -> None:
    words = ["eval", "micro-nli", "--task", "micro-nli", "--languages", "en,de,en", "--zoo", str(tmp_path)]
    shown = CliRunner().invoke(cli.main, words)
    assert shown.exit_code == 2 and "'en' is named twice; name each language once." in shown.stderr


def test_two_codes_of_one_language_in_a_sweep_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    file = write_grid(tmp_path, GRID.replace("languages: [en, de]", "languages: [en, eng]"))
    with pytest.raises(ToolkitError, match="'en' and 'eng' are one language"):
        plan_sweep(Asked(file), Facts(), BUILT_IN)


def test_a_language_named_twice_in_a_task_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nbase: xnli\nlanguages: [de, en, deu]\n")
    with pytest.raises(ToolkitError, match="'de' and 'deu' are one language"):
        load_task(tmp_path / "mine.yaml")


def test_a_baseline_may_be_among_the_compositions(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="Only 'micro-nli' was named"):
        toolkit.compare(["micro-nli"], tiny_config(tmp_path), task="micro-nli", baseline="micro-nli")


# -- lines of lexicons that are left out ---------------------------------------------------------------------------------


def test_damaged_lines_of_a_lexicon_are_said_once(tmp_path: Path) -> None:
    from toolkit.recipes.session.noise import augmented, scored_rows

    (tmp_path / "en-de.txt").write_text("cat Katze\nlonely\ndog Hund\nand three words more\n", encoding="utf-8")
    settings = [f"noise.lexicons={tmp_path}", "noise.apply=code-switch:0.5", "train.augment=code-switch:0.5"]
    said: list[str] = []
    session = Session.open(load(sets=[*settings, "tracking.enabled=no", "eval.limit=4"]), say=said.append)
    task = session.catalogue.get("micro-nli")
    for _ in range(2):
        assert "without 2 damaged lines" in scored_rows(task, "en", session).origin
        augmented(task.rows("train", "en")[:4], session.with_config(session.config))
    [sentence] = said
    assert sentence.startswith("2 damaged lines of a lexicon left out; the first: ") and "en-de.txt, line 2" in sentence
