"""Tasks whose answer is a span of the context."""

from toolkit.languages import codes
from toolkit.tasks.sources.hub import Alternative, HubSource
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
        overlaps=("xquad:score", "squad2:dev"),
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
        overlaps=("squad:dev", "squad2:dev"),
        citation="Artetxe, Ruder and Yogatama 2020, arXiv 1910.11856",
        licence="CC BY-SA 4.0",
        parallel=True,
    ),
    Task(
        name="squad2",
        kind="span",
        description="English question answering on Wikipedia paragraphs, version 2.0: some questions have no answer",
        languages=("en",),
        metric="squad2",
        source=HubSource(
            path="rajpurkar/squad_v2",
            config="squad_v2",
            splits={"train": ("train",), "dev": ("validation",), "score": ("validation",)},
            columns=SQUAD_COLUMNS,
        ),
        size=(130_319, 11_873),
        overlaps=("squad:dev", "xquad:score"),
        citation="Rajpurkar, Jia and Liang 2018, arXiv 1806.03822",
        licence="CC BY-SA 4.0",
        may_be_unanswerable=True,
    ),
    Task(
        name="mlqa",
        kind="span",
        description="questions on Wikipedia in 7 languages, zero-shot from squad; context and question may differ (`de.en`)",
        languages=codes("en de es ar zh vi hi"),
        metric="mlqa",
        trains_on="squad",
        source=HubSource(
            path="facebook/mlqa",
            config="mlqa.{code}.{question}",
            splits={"dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns=SQUAD_COLUMNS,
            alternatives=(
                Alternative(
                    path="google/xtreme",
                    config="MLQA.{code}.{question}",
                    evidence="made from the same archive, MLQA_V1.zip (huggingface/datasets, datasets/xtreme/xtreme.py @ 02bb18c7)",
                ),
            ),
        ),
        size=(None, 1_148),
        citation="Lewis et al. 2020, arXiv 1910.07475",
        licence="CC BY-SA 3.0",
        parallel=True,
        crosses_languages=True,
    ),
    Task(
        name="tydiqa",
        kind="span",
        description="questions by native speakers in 9 languages, the passage given (TyDi QA GoldP)",
        languages=codes("en ar bn fi id ko ru sw te"),
        metric="squad",
        source=HubSource(
            path="google-research-datasets/tydiqa",
            config="secondary_task",
            splits={"train": ("train",), "dev": ("validation",), "score": ("validation",)},
            columns=SQUAD_COLUMNS,
            where={"id": ("{ud_lower}-*",)},  # all languages in one file
        ),
        size=(3_696, 440),
        citation="Clark et al. 2020, arXiv 2003.05002",
        licence="Apache-2.0",
    ),
)
