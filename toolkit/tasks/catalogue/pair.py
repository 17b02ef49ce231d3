"""Tasks on pairs of sentences."""

from toolkit.languages import codes
from toolkit.tasks.sources.counterfactual import CounterfactualSource
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.joined import JoinedSource
from toolkit.tasks.task import Task

NLI = ("entailment", "neutral", "contradiction")
NLI_COLUMNS = {"first": "premise", "second": "hypothesis", "label": "label"}
SENTENCES = {"first": "sentence1", "second": "sentence2", "label": "label"}
LABELLED = {"label": (0, 1, 2)}  # SNLI keeps rows without a gold label as -1

MNLI = HubSource(
    path="nyu-mll/glue",
    config="mnli",
    splits={"train": ("train",), "dev": ("validation_matched",), "score": ("validation_matched",)},
    columns=NLI_COLUMNS,
)
SNLI = HubSource(
    path="stanfordnlp/snli",
    config="plain_text",
    splits={"train": ("train",), "dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
    columns=NLI_COLUMNS,
    where=LABELLED,
)
ANLI = HubSource(
    path="facebook/anli",
    config="plain_text",
    splits={
        "train": ("train_r1+train_r2+train_r3",),
        "dev": ("dev_r1+dev_r2+dev_r3",),
        "score": ("dev_r1+dev_r2+dev_r3",),
    },
    columns=NLI_COLUMNS,
)


def _anli_round(number: int, n_train: int, n_dev: int) -> Task:
    return Task(
        name=f"anli-r{number}",
        kind="pair",
        description=f"ANLI, round {number}: written by people so that a model fails ({'BERT' if number == 1 else 'RoBERTa'})",
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        source=HubSource(
            path=ANLI.path,
            config=ANLI.config,
            splits={
                "train": (f"train_r{number}",),
                "dev": (f"dev_r{number}",),
                "test": (f"test_r{number}",),
                "score": (f"test_r{number}", f"dev_r{number}"),
            },
            columns=NLI_COLUMNS,
        ),
        size=(n_train, n_dev),
        overlaps=("anli-plus:dev",),
        citation="Nie et al. 2020, arXiv 1910.14599",
        licence="CC BY-NC 4.0",
    )


def _counterfactual(name: str, part: str, description: str, n_train: int, n_dev: int) -> Task:
    return Task(
        name=name,
        kind="pair",
        description=description,
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        source=CounterfactualSource(part=part),
        size=(n_train, n_dev),
        overlaps=("snli:test",),  # its test pairs, or one sentence of them
        citation="Kaushik, Hovy and Lipton 2020, arXiv 1909.12434",
        licence="not stated (SNLI: CC BY-SA 4.0)",
    )


TASKS = (
    Task(
        name="mnli",
        kind="pair",
        description="English natural language inference over ten genres",
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        source=MNLI,
        size=(392_702, 9_815),
        overlaps=("anli-plus:dev",),
        citation="Williams, Nangia and Bowman 2018, arXiv 1704.05426",
        licence="mostly OANC terms; fiction under several free licences",
    ),
    Task(
        name="snli",
        kind="pair",
        description="English natural language inference on image captions",
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        source=SNLI,
        size=(549_367, 9_842),
        citation="Bowman et al. 2015, arXiv 1508.05326",
        licence="CC BY-SA 4.0",
    ),
    Task(
        name="anli-plus",
        kind="pair",
        description="ANLI rounds 1 to 3, SNLI and MNLI joined under one head, in proportion to their sizes",
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        source=JoinedSource(
            sources={
                "anli": ANLI,
                "snli": HubSource(
                    path=SNLI.path,
                    config=SNLI.config,
                    splits={"train": ("train",), "dev": ("validation",), "score": ("validation",)},
                    columns=NLI_COLUMNS,
                    where=LABELLED,
                ),
                "mnli": MNLI,
            }
        ),
        size=(1_104_934, 22_857),
        overlaps=("mnli:dev", "snli:dev"),
        citation="Nie et al. 2020, arXiv 1910.14599; Bowman et al. 2015; Williams, Nangia and Bowman 2018",
        licence="CC BY-NC 4.0 (ANLI), CC BY-SA 4.0 (SNLI), mostly OANC terms (MNLI)",
    ),
    _anli_round(1, 16_946, 1_000),
    _anli_round(2, 45_460, 1_000),
    _anli_round(3, 100_459, 1_200),
    _counterfactual(
        "snli-counterfactual",
        "revised_combined",
        "SNLI pairs of which one sentence was revised so that another label is right",
        6_664,
        800,
    ),
    _counterfactual("snli-unrevised", "original", "the SNLI pairs that snli-counterfactual revises", 1_666, 200),
    Task(
        name="rte",
        kind="pair",
        description="English textual entailment with two labels (GLUE)",
        languages=("en",),
        metric="accuracy",
        labels=("entailment", "not_entailment"),
        source=HubSource(
            path="nyu-mll/glue",
            config="rte",
            splits={"train": ("train",), "dev": ("validation",), "score": ("validation",)},
            columns=SENTENCES,
        ),
        size=(2_490, 277),
        citation="Dagan et al. 2005 and the later RTE challenges; Wang et al. 2019 (GLUE), arXiv 1804.07461",
        licence="not stated",
    ),
    Task(
        name="qqp",
        kind="pair",
        description="do two English questions of Quora ask the same (GLUE)",
        languages=("en",),
        metric="accuracy-f1",
        labels=("not_duplicate", "duplicate"),
        source=HubSource(
            path="nyu-mll/glue",
            config="qqp",
            splits={"train": ("train",), "dev": ("validation",), "score": ("validation",)},
            columns={"first": "question1", "second": "question2", "label": "label"},
        ),
        size=(363_846, 40_430),
        citation="Iyer, Dandekar and Csernai 2017; Wang et al. 2019 (GLUE), arXiv 1804.07461",
        licence="Quora's terms; non-commercial use",
    ),
    Task(
        name="xnli",
        kind="pair",
        description="natural language inference in 15 languages, zero-shot from mnli",
        languages=codes("en ar bg de el es fr hi ru sw th tr ur vi zh"),
        metric="accuracy",
        labels=NLI,
        trains_on="mnli",
        source=HubSource(
            path="facebook/xnli",
            config="{code}",
            splits={"dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns=NLI_COLUMNS,
        ),
        size=(None, 2_490),
        citation="Conneau et al. 2018, arXiv 1809.05053",
        licence="CC BY-NC 4.0",
        parallel=True,
    ),
    Task(
        name="pawsx",
        kind="pair",
        description="are two sentences with the same words paraphrases, in 7 languages",
        languages=codes("en de es fr ja ko zh"),
        metric="accuracy",
        labels=("different", "paraphrase"),
        source=HubSource(
            path="google-research-datasets/paws-x",
            config="{code}",
            splits={"train": ("train",), "dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns={"id": "id", **SENTENCES},  # rows that were not translated are left out; the rest share ids
        ),
        size=(49_401, 2_000),
        citation="Yang et al. 2019, arXiv 1908.11828",
        licence="free for any purpose, acknowledgement of Google LLC appreciated",
        parallel=True,
    ),
    Task(
        name="americasnli",
        kind="pair",
        description="natural language inference in 10 indigenous languages of the Americas, zero-shot from mnli (AmericasNLI)",
        languages=codes("ay bzd cni gn hch nah oto quy shp tar"),
        metric="accuracy",
        labels=NLI,
        trains_on="mnli",
        source=HubSource(
            path="nala-cub/americas_nli",
            config="{name}",
            splits={"dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns=NLI_COLUMNS,
            names={"ay": "aym", "gn": "gn"},
        ),
        size=(None, 743),
        overlaps=("xnli:dev", "xnli:test"),  # its rows are translations of the Spanish ones
        citation="Ebrahimi et al. 2022, arXiv 2104.08726",
        licence="CC BY-SA 4.0",
        parallel=True,
    ),
)
