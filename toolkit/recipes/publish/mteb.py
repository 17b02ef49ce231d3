"""Scores of bitexts, mining and retrieval in the results format of `mteb`.

A task has mteb's name where its rows and its protocol are mteb's (`retrieve --protocol mteb`); otherwise it keeps its own name, so
that numbers of another protocol are never shown next to those of mteb. Source: `mteb` 2.26.24, `results/task_result.py`;
docs/export.md says what was read by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.languages import Language, get_language
from toolkit.metrics import MAIN
from toolkit.recipes.publish.plan import Held
from toolkit.results.score import Score
from toolkit.tasks.kinds import RETRIEVED

PROTOCOL = "protocol=mteb "


@dataclass(frozen=True)
class Name:
    """A task as mteb names it.

    Attributes:
        task: its name there.
        split: of the rows there.
        subset: of a pair with English, from `{code}`, `{iso3}` and `{written}` of the language.
        other: languages that are written otherwise there than by their ISO 639-3 code and script, by their code here.
    """

    task: str
    split: str
    subset: str
    other: Mapping[str, str] = field(default_factory=dict)


_BOTH = {"ar": "arb_Arab", "no": "nob_Latn", "zh": "zho_Hans", "zh-Hant": "zho_Hant"}
_NTREX = {
    **_BOTH,
    "fa": "fas_Arab",
    "mg": "mlg_Latn",
    "mn-Mong": "mon_Mong",
    "ne": "nep_Deva",
    "ps": "pus_Arab",
    "sq": "sqi_Latn",
    "sw": "swa_Latn",
    "tl": "fil_Latn",
    "uz": "uzb_Latn",
}
_FLORES = {**_BOTH, "ar-Latn": "arb_Latn", "az": "azj_Latn", "lv": "lvs_Latn", "ms": "zsm_Latn"}
NAMES: Mapping[str, Name] = {
    "tatoeba": Name("Tatoeba", "test", "{iso3}-eng"),
    "bucc": Name("BUCC", "test", "{code}-en"),
    "ntrex128": Name("NTREXBitextMining", "test", "{written}-eng_Latn", _NTREX),
    "flores-plus": Name("FloresBitextMining", "devtest", "{written}-eng_Latn", _FLORES),
}
"""By the name of a task here."""


def results_of(held: Held) -> dict[str, dict[str, Any]]:
    """Return the files of one task's scores, by their names without an ending; none of a task that a head answers.

    Scores by protocols of mteb and by others go into files of their own.
    """
    if held.task.kind not in RETRIEVED:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for is_theirs in (True, False):
        scores = [score for score in held.scores if score.protocol.startswith(PROTOCOL) is is_theirs]
        protocols = list(dict.fromkeys(score.protocol.split(" ")[0] for score in scores))
        for protocol in protocols:
            own = [score for score in scores if score.protocol.split(" ")[0] == protocol]
            name = NAMES.get(held.task.name) if is_theirs else None
            stem = name.task if name else held.task.name + ("" if len(protocols) == 1 else f"-{protocol[9:]}")
            found[stem] = _file(stem, name, held, own)
    return found


def _file(stem: str, name: Name | None, held: Held, scores: Iterable[Score]) -> dict[str, Any]:
    by_language: dict[tuple[str, str], dict[str, Score]] = {}
    for score in scores:
        by_language.setdefault((score.split, score.language), {})[score.metric] = score
    splits: dict[str, list[dict[str, Any]]] = {}
    for (split, code), measures in by_language.items():
        language = get_language(code)
        # What the protocol's own measure is called: mteb's F1 of a bitext is weighted.
        main = next((metric for metric in (MAIN[held.task.metric], "f1", "weighted_f1") if metric in measures), "")
        main = main or next(iter(measures))
        values = {"f1" if metric == "weighted_f1" else metric: score.value for metric, score in measures.items()}
        first = measures[main]
        splits.setdefault(name.split if name else split, []).append(
            {
                **values,
                "main_score": first.value,
                "hf_subset": _subset(name, language) if name else code,
                "languages": [_tag(language, name), *([] if held.task.kind == RETRIEVED[-1] else ["eng-Latn"])],
                "n": first.n,
                "protocol": first.protocol,
            }
        )
    any_score = next(iter(next(iter(by_language.values())).values()))
    return {
        "dataset_revision": any_score.revision.rpartition("@")[2] or any_score.fingerprint or "unknown",
        "task_name": stem,
        "mteb_version": None,  # its code computed nothing of this
        "scores": splits,
        "evaluation_time": None,
        "kg_co2_emissions": None,
    }


def _tag(language: Language, name: Name | None) -> str:
    return _written(language, name).replace("_", "-")


def _subset(name: Name, language: Language) -> str:
    return name.subset.format(code=language.code, iso3=language.iso3, written=_written(language, name))


def _written(language: Language, name: Name | None) -> str:
    written = f"{language.iso3}_{language.script_code}"
    return name.other.get(language.code, written) if name else written


def model_meta(expression: str, backbone: str, weights: str) -> dict[str, Any]:
    """Return `model_meta.json`: what was scored, by name and digest."""
    return {
        "name": f"xstilts/{backbone}",
        "revision": weights,
        "release_date": None,
        "languages": None,
        "loader": None,
        "n_parameters": None,
        "memory_usage_mb": None,
        "max_tokens": None,
        "embed_dim": None,
        "license": None,
        "open_weights": None,
        "public_training_code": None,
        "public_training_data": None,
        "framework": ["PyTorch"],
        "similarity_fn_name": "cosine",
        "use_instructions": False,
        "training_datasets": None,
        "composition": expression,
    }
