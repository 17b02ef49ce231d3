"""Tasks that give each token a tag."""

from toolkit.languages import codes
from toolkit.tasks.sources import HubSource
from toolkit.tasks.task import Task

UPOS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
    "SYM", "VERB", "X",
)  # fmt: skip

TASKS = (
    Task(
        name="udpos",
        kind="tags",
        description="universal part-of-speech tags in 33 languages, trained on English",
        languages=codes(
            "en af ar bg de el es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh"
        ),
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
)
