"""Tasks whose answer is a span of the context."""

from toolkit.languages import codes
from toolkit.tasks.sources import HubSource
from toolkit.tasks.task import Task

SQUAD_COLUMNS = {
    "id": "id",
    "question": "question",
    "context": "context",
    "texts": "answers.text",
    "starts": "answers.answer_start",
}

TASKS = (
    Task(
        name="squad",
        kind="span",
        description="English question answering on Wikipedia paragraphs, version 1.1",
        languages=("en",),
        metric="squad",
        source=HubSource(
            path="rajpurkar/squad",
            config="plain_text",
            splits={"train": ("train",), "dev": ("validation",), "score": ("validation",)},
            columns=SQUAD_COLUMNS,
        ),
        size=(87_599, 10_570),
        overlaps=("xquad:score",),
        citation="Rajpurkar et al. 2016, arXiv 1606.05250",
        licence="CC BY-SA 4.0",
    ),
    Task(
        name="xquad",
        kind="span",
        description="1,190 SQuAD questions in 11 languages, zero-shot from squad",
        languages=codes("en ar de el es hi ru th tr vi zh ro"),
        metric="squad",
        trains_on="squad",
        source=HubSource(
            path="google/xquad",
            config="xquad.{code}",
            splits={"score": ("validation",)},
            columns=SQUAD_COLUMNS,
        ),
        size=(None, 1_190),
        overlaps=("squad:dev",),
        citation="Artetxe, Ruder and Yogatama 2020, arXiv 1910.11856",
        licence="CC BY-SA 4.0",
        parallel=True,
    ),
)
