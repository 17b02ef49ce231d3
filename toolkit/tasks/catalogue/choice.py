"""Tasks with a handful of choices, one of them right."""

from toolkit.tasks.sources import HubSource
from toolkit.tasks.task import Task

TASKS = (
    Task(
        name="csqa",
        kind="choice",
        description="English commonsense questions with five choices",
        languages=("en",),
        metric="accuracy",
        labels=("A", "B", "C", "D", "E"),
        source=HubSource(
            path="tau/commonsense_qa",
            config="default",
            splits={"train": ("train",), "dev": ("validation",), "score": ("validation",)},
            columns={
                "id": "id",
                "question": "question",
                "choices": "choices.text",
                "keys": "choices.label",
                "label": "answerKey",
            },
        ),
        size=(9_741, 1_221),
        citation="Talmor et al. 2019, arXiv 1811.00937",
        licence="MIT",
    ),
)
