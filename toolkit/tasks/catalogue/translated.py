"""Training rows that a machine translated from English: the second way to a language without training rows of its own.

`xnli-translated.de` is trained on in German, before a target or as one. What is scored was translated by people, but for IndicXNLI.
Source of ids, configs and columns: docs/decisions/0040-benchmarks-since-xtreme-r.md.
"""

from toolkit.languages import codes
from toolkit.tasks.catalogue.pair import NLI, NLI_COLUMNS, SENTENCES
from toolkit.tasks.catalogue.span import SQUAD_COLUMNS
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.task import Task

SPLITS = {"train": ("train",), "dev": ("validation",), "test": ("test",), "score": ("test", "validation")}

TASKS = (
    Task(
        name="xnli-translated",
        kind="pair",
        description="MNLI's training rows in 14 languages, by machine translation; dev and test are XNLI's",
        languages=codes("ar bg de el es fr hi ru sw th tr ur vi zh"),
        train_language="de",
        metric="accuracy",
        labels=NLI,
        source=HubSource(path="facebook/xnli", config="{code}", splits=SPLITS, columns=NLI_COLUMNS),
        size=(392_702, 2_490),
        overlaps=("mnli:train", "xnli:dev", "xnli:test"),
        citation="Conneau et al. 2018, arXiv 1809.05053",
        licence="CC BY-NC 4.0",
        translated=("train",),
        parallel=True,
    ),
    Task(
        name="pawsx-translated",
        kind="pair",
        description="PAWS's training rows in 6 languages, by machine translation; dev and test are PAWS-X's",
        languages=codes("de es fr ja ko zh"),
        train_language="de",
        metric="accuracy",
        labels=("different", "paraphrase"),
        source=HubSource(
            path="google-research-datasets/paws-x", config="{code}", splits=SPLITS, columns={"id": "id", **SENTENCES}
        ),
        size=(49_401, 2_000),
        overlaps=("pawsx:train", "pawsx:dev", "pawsx:test"),
        citation="Yang et al. 2019, arXiv 1908.11828",
        licence="free for any purpose, acknowledgement of Google LLC appreciated",
        translated=("train",),
        parallel=True,
    ),
    Task(
        name="mlqa-translated",
        kind="span",
        description="SQuAD's training and dev rows in 6 languages, by machine translation (MLQA's translate-train)",
        languages=codes("ar de es hi vi zh"),
        train_language="de",
        metric="mlqa",
        source=HubSource(
            path="facebook/mlqa",
            config="mlqa-translate-train.{code}",
            splits={"train": ("train",), "dev": ("validation",), "score": ("validation",)},
            columns=SQUAD_COLUMNS,
        ),
        size=(80_069, 9_927),
        overlaps=("squad:train", "squad:dev"),
        citation="Lewis et al. 2020, arXiv 1910.07475",
        licence="CC BY-SA 3.0",
        translated=("train", "dev", "score"),
        parallel=True,
    ),
    Task(
        name="indicxnli",
        kind="pair",
        description="XNLI in 11 languages of India, all of it by machine translation (IndicXNLI)",
        languages=codes("as bn gu hi kn ml mr or pa ta te"),
        train_language="hi",
        metric="accuracy",
        labels=NLI,
        source=HubSource(path="Divyanshu/indicxnli", config="{code}", splits=SPLITS, columns=NLI_COLUMNS),
        size=(392_702, 2_490),
        overlaps=("mnli:train", "xnli:dev", "xnli:test"),
        citation="Aggarwal, Gupta and Kunchukuttan 2022, arXiv 2204.08776",
        licence="CC BY 4.0 (as mteb states it)",
        translated=("train", "dev", "test", "score"),
        parallel=True,
    ),
)
