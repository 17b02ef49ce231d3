"""Tasks of the Masakhane community in languages of Africa.

Source of ids, configs and columns: docs/decisions/0040-benchmarks-since-xtreme-r.md.
"""

from toolkit.languages import codes
from toolkit.tasks.catalogue.pair import NLI, NLI_COLUMNS
from toolkit.tasks.catalogue.tags import PANX_TAGS
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.tagsets import UPOS
from toolkit.tasks.task import Task

MASAKHANE = codes("sw bm bbj ee fon ha ig lg luo mos ny pcm rw sn tn tw wo xh yo zu")
CONFIG = "{name}"
NAMES = {"sw": "swa", "om": "orm"}
SPLITS = {"train": ("train",), "dev": ("validation",), "test": ("test",), "score": ("test", "validation")}
# The order of the tags in MasakhaPOS; `_` marks a token without a tag.
_POS = "NOUN PUNCT ADP NUM SYM SCONJ ADJ PART DET CCONJ PROPN PRON X _ ADV INTJ VERB AUX"

TASKS = (
    Task(
        name="afrixnli",
        kind="pair",
        description="natural language inference in 16 languages of Africa, English and French, zero-shot from mnli (IrokoBench)",
        languages=codes("en fr am ee ha ig lg ln om rw sn st sw tw wo xh yo zu"),
        metric="accuracy",
        labels=NLI,
        trains_on="mnli",
        source=HubSource(
            path="masakhane/afrixnli",
            config=CONFIG,
            splits={"dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns=NLI_COLUMNS,
            names=NAMES,
        ),
        size=(None, 450),
        overlaps=("xnli:dev", "xnli:test"),  # translations of some of its rows
        citation="Adelani et al. 2024, arXiv 2406.03368",
        licence="CC BY 4.0 (as mteb states it)",
        parallel=True,
    ),
    Task(
        name="masakhaner2",
        kind="tags",
        description="persons, places, organisations and dates in 20 languages of Africa (MasakhaNER 2.0)",
        languages=MASAKHANE,
        train_language="sw",
        metric="seqeval",
        labels=(*PANX_TAGS[:5], "B-LOC", "I-LOC", "B-DATE", "I-DATE"),
        source=HubSource(
            path="masakhane/masakhaner2",
            config=CONFIG,
            splits=SPLITS,
            columns={"tokens": "tokens", "tags": "ner_tags"},
            names=NAMES,
        ),
        size=(6_593, 942),
        citation="Adelani et al. 2022, arXiv 2210.12391",
        licence="CC BY-NC 4.0",
    ),
    Task(
        name="masakhaner2-panx",
        kind="tags",
        description="MasakhaNER 2.0 without its dates, zero-shot from panx, which has none",
        languages=MASAKHANE,
        metric="seqeval",
        labels=PANX_TAGS,
        trains_on="panx",
        source=HubSource(
            path="masakhane/masakhaner2",
            config=CONFIG,
            splits={split: names for split, names in SPLITS.items() if split != "train"},
            columns={"tokens": "tokens", "tags": "ner_tags"},
            label_map={"B-DATE": "O", "I-DATE": "O", **{str(i): tag for i, tag in enumerate((*PANX_TAGS, "O", "O"))}},
            names=NAMES,
        ),
        size=(None, 942),
        overlaps=("masakhaner2:dev", "masakhaner2:test"),
        citation="Adelani et al. 2022, arXiv 2210.12391",
        licence="CC BY-NC 4.0",
    ),
    Task(
        name="masakhapos",
        kind="tags",
        description="universal part-of-speech tags in 20 languages of Africa (MasakhaPOS); zero-shot: the head of udpos",
        languages=MASAKHANE,
        train_language="sw",
        level="syntactic",
        metric="accuracy",
        labels=UPOS,
        source=HubSource(
            path="masakhane/masakhapos",
            config=CONFIG,
            splits=SPLITS,
            columns={"tokens": "tokens", "tags": "upos"},
            label_map={str(number): tag for number, tag in enumerate(_POS.split()) if tag != "_"},
            names=NAMES,
        ),
        citation="Dione et al. 2023, arXiv 2305.13989",
        licence="AFL 3.0 (as the hub states it)",
        may_have_other_tags=True,
    ),
    Task(
        name="afriqa",
        kind="span",
        description="questions in 10 languages of Africa on English or French passages that answer them (AfriQA); zero-shot: squad",
        languages=codes("sw bem fon ha ig rw tw wo yo zu"),
        train_language="sw",
        metric="squad",
        source=HubSource(
            path="masakhane/afriqa-gold-passages",
            config=CONFIG,
            splits=SPLITS,
            columns={
                "id": "id",
                "question": "question_lang",
                "context": "context",
                "texts": "answer_pivot.text",
                "starts": "answer_pivot.answer_start",
            },
            names=NAMES,
        ),
        citation="Ogundepo et al. 2023, arXiv 2305.06897",
        licence="CC BY-SA 4.0",
    ),
)
