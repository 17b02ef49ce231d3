"""Tasks with a handful of choices, one of them right."""

from toolkit.languages import codes
from toolkit.tasks.sources.checks import Column
from toolkit.tasks.sources.hub import Alternative, HubSource
from toolkit.tasks.task import Task

DEV_SCORES = {"train": ("train",), "dev": ("validation",), "score": ("validation",)}
COPA_COLUMNS: dict[str, Column] = {
    "id": "idx",
    "context": "premise",
    "question": "question",
    "choices": ("choice1", "choice2"),
    "label": "label",
}

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
            splits=DEV_SCORES,
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
    Task(
        name="hellaswag",
        kind="choice",
        description="which of four endings follows an English scene",
        languages=("en",),
        metric="accuracy",
        source=HubSource(
            path="Rowan/hellaswag",
            config="default",
            splits=DEV_SCORES,
            columns={"context": "ctx", "choices": "endings", "label": "label"},
        ),
        size=(39_905, 10_042),
        citation="Zellers et al. 2019, arXiv 1905.07830",
        licence="MIT",
    ),
    Task(
        name="cosmosqa",
        kind="choice",
        description="English questions on what a blog passage leaves unsaid, with four choices",
        languages=("en",),
        metric="accuracy",
        source=HubSource(
            path="allenai/cosmos_qa",
            config="default",
            splits=DEV_SCORES,
            columns={
                "id": "id",
                "context": "context",
                "question": "question",
                "choices": ("answer0", "answer1", "answer2", "answer3"),
                "label": "label",
            },
        ),
        size=(25_262, 2_985),
        citation="Huang et al. 2019, arXiv 1909.00277",
        licence="CC BY 4.0",
    ),
    Task(
        name="siqa",
        kind="choice",
        description="English questions on social situations with three choices",
        languages=("en",),
        metric="accuracy",
        labels=("1", "2", "3"),
        source=HubSource(
            path="allenai/social_i_qa",
            config="default",
            splits=DEV_SCORES,
            columns={
                "context": "context",
                "question": "question",
                "choices": ("answerA", "answerB", "answerC"),
                "label": "label",
            },
            alternatives=(
                Alternative(
                    path="lighteval/siqa",
                    evidence="equal in all used columns of all 33,410 and 1,954 rows (lm-evaluation-harness, pull request 3943)",
                ),
            ),
        ),
        size=(33_410, 1_954),
        citation="Sap et al. 2019, arXiv 1904.09728",
        licence="CC BY 4.0",
    ),
    Task(
        name="copa",
        kind="choice",
        description="which of two English sentences is the cause or the effect of a premise (SuperGLUE)",
        languages=("en",),
        metric="accuracy",
        source=HubSource(path="aps/super_glue", config="copa", splits=DEV_SCORES, columns=COPA_COLUMNS),
        size=(400, 100),
        overlaps=("xcopa:dev",),
        citation="Roemmele, Bejan and Gordon 2011; Wang et al. 2019 (SuperGLUE), arXiv 1905.00537",
        licence="BSD 2-clause",
    ),
    Task(
        name="xcopa",
        kind="choice",
        description="COPA in 11 languages, zero-shot from copa (XTREME-R: siqa first, `siqa/xcopa` or `seq[siqa,xcopa]`)",
        languages=codes("et ht id it qu sw ta th tr vi zh"),
        metric="accuracy",
        trains_on="copa",
        source=HubSource(
            path="cambridgeltl/xcopa",
            config="{code}",
            splits={"dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns=COPA_COLUMNS,
        ),
        size=(None, 100),
        overlaps=("copa:dev",),
        citation="Ponti et al. 2020, arXiv 2005.00333",
        licence="CC BY 4.0",
        parallel=True,
    ),
    Task(
        name="xstorycloze",
        kind="choice",
        description="which of two sentences ends a story of four sentences, in 11 languages (XStoryCloze)",
        languages=codes("en ar es eu hi id my ru sw te zh"),
        metric="accuracy",
        source=HubSource(
            path="juletxara/xstory_cloze",
            config="{code}",
            splits={"train": ("train",), "dev": ("eval",), "score": ("eval",)},
            columns={
                "id": "story_id",
                "context": ("input_sentence_1", "input_sentence_2", "input_sentence_3", "input_sentence_4"),
                "choices": ("sentence_quiz1", "sentence_quiz2"),
                "label": "answer_right_ending",
            },
            label_map={"1": "0", "2": "1"},
        ),
        size=(360, 1_511),
        citation="Lin et al. 2022, arXiv 2112.10668",
        licence="CC BY-SA 4.0",
        parallel=True,
    ),
)
