"""Tasks on pairs of sentences."""

from toolkit.languages import codes
from toolkit.tasks.sources import HubSource
from toolkit.tasks.task import Task

NLI = ("entailment", "neutral", "contradiction")
NLI_COLUMNS = {"first": "premise", "second": "hypothesis", "label": "label"}

TASKS = (
    Task(
        name="mnli",
        kind="pair",
        description="English natural language inference over ten genres",
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        source=HubSource(
            path="nyu-mll/glue",
            config="mnli",
            splits={"train": ("train",), "dev": ("validation_matched",), "score": ("validation_matched",)},
            columns=NLI_COLUMNS,
        ),
        size=(392_702, 9_815),
        citation="Williams, Nangia and Bowman 2018, arXiv 1704.05426",
        licence="mostly OANC terms; fiction under several free licences",
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
)
