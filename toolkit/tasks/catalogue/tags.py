"""Tasks that give each token a tag."""

from toolkit.languages import codes
from toolkit.tasks.release.pmb import PMB
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.release import ReleaseSource
from toolkit.tasks.tagsets import CCG_TAGS, UPOS
from toolkit.tasks.task import Task

PANX_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
# Treebanks of Universal NER: one a language, those that are trained on before PUD, which is only scored.
TREEBANKS = {
    "en": "en_ewt", "ceb": "ceb_gja", "da": "da_ddt", "de": "de_pud", "hr": "hr_set", "pt": "pt_bosque", "ru": "ru_pud",
    "sk": "sk_snk", "sr": "sr_set", "sv": "sv_talbanken", "tl": "tl_trg", "zh": "zh_gsdsimp",
}  # fmt: skip

TASKS = (
    Task(
        name="udpos",
        kind="tags",
        description="universal part-of-speech tags in 33 languages, trained on English",
        languages=codes(
            "en af ar bg de el es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh"
        ),
        level="syntactic",
        metric="seqeval",
        labels=UPOS,
        source=HubSource(
            path="google/xtreme",
            config="udpos.{ud}",
            splits={
                "train": ("train",),
                "dev": ("validation",),
                "test": ("test",),
                "score": ("test", "validation"),
            },
            columns={"tokens": "tokens", "tags": "pos_tags"},
        ),
        size=(21_253, 3_974),
        citation="Nivre et al. 2020, arXiv 2004.10643; Hu et al. 2020 (XTREME), arXiv 2003.11080",
        licence="each treebank its own, mostly CC BY-SA or CC BY-NC-SA",
    ),
    Task(
        name="panx",
        kind="tags",
        description="persons, places and organisations in 40 languages (WikiAnn), trained on English",
        languages=codes(
            "en af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr "
            "ur vi yo zh"
        ),
        metric="seqeval",
        labels=PANX_TAGS,
        source=HubSource(
            path="google/xtreme",
            config="PAN-X.{code}",
            splits={"train": ("train",), "dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns={"tokens": "tokens", "tags": "ner_tags"},
        ),
        size=(20_000, 10_000),
        citation="Pan et al. 2017; Rahimi, Li and Cohn 2019, arXiv 1902.00193; Hu et al. 2020 (XTREME), arXiv 2003.11080",
        licence="not stated (made from Wikipedia text, CC BY-SA)",
    ),
    Task(
        name="ccg",
        kind="tags",
        description="CCG categories of the Parallel Meaning Bank in 4 languages, trained on English",
        languages=codes("en de it nl"),
        level="syntactic",
        metric="accuracy",
        labels=CCG_TAGS,
        source=ReleaseSource(
            release=PMB,
            path=PMB.path,
            config="{code}",
            splits={"train": ("train",), "dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns={"tokens": "tokens", "tags": "tags"},
        ),
        size=(7_745, 1_163),
        citation="Abzianidze et al. 2017, arXiv 1702.03964 (Parallel Meaning Bank 4.0.0, gold)",
        licence="research use; texts have licences of their own",
        may_have_other_tags=True,
    ),
    Task(
        name="uner",
        kind="tags",
        description="persons, places and organisations in 12 languages of Universal Dependencies, trained on English (Universal NER)",
        languages=tuple(TREEBANKS),
        metric="seqeval",
        labels=PANX_TAGS,
        source=HubSource(
            path="universalner/universal_ner",
            config="{name}",
            splits={"train": ("train",), "dev": ("dev", "validation"), "test": ("test",), "score": ("test",)},
            columns={"tokens": "tokens", "tags": "ner_tags"},
            names=TREEBANKS,
        ),
        size=(12_543, 2_001),
        citation="Mayhew et al. 2024, arXiv 2311.09122",
        licence="CC BY-SA 4.0",
    ),
)
