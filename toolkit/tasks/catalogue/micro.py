"""The micro-world's tasks: generated rows, for the demo and the tests. No number from them is a benchmark result."""

from toolkit.tasks.catalogue.pair import NLI
from toolkit.tasks.catalogue.tags import UPOS
from toolkit.tasks.sources import SampleSource
from toolkit.tasks.task import Task

LANGUAGES = ("en", "ar", "de", "el", "es", "fr", "hi", "ru", "sw", "tr", "zh")
SIZES = {"train": 6_000, "dev": 300, "score": 300}

TASKS = (
    Task(
        name="micro-nli",
        kind="pair",
        description="generated: a scene and a claim about it",
        languages=LANGUAGES,
        metric="accuracy",
        labels=NLI,
        source=SampleSource(maker="nli", sizes=SIZES),
        size=(6_000, 300),
        licence="Apache-2.0",
        is_generated=True,
        parallel=True,
    ),
    Task(
        name="micro-qa",
        kind="span",
        description="generated: questions about a few people",
        languages=LANGUAGES,
        metric="squad",
        source=SampleSource(maker="qa", sizes=SIZES),
        size=(6_000, 300),
        licence="Apache-2.0",
        is_generated=True,
        parallel=True,
    ),
    Task(
        name="micro-choice",
        kind="choice",
        description="generated: the same questions with four choices",
        languages=LANGUAGES,
        metric="accuracy",
        source=SampleSource(maker="choice", sizes=SIZES),
        size=(6_000, 300),
        licence="Apache-2.0",
        is_generated=True,
        parallel=True,
    ),
    Task(
        name="micro-pos",
        kind="tags",
        description="generated: sentences with their part-of-speech tags",
        languages=LANGUAGES,
        metric="seqeval",
        labels=UPOS,
        source=SampleSource(maker="pos", sizes=SIZES),
        size=(6_000, 300),
        licence="Apache-2.0",
        is_generated=True,
        parallel=True,
    ),
    Task(
        name="micro-bitext",
        kind="bitext",
        description="generated: sentences and their English translations",
        languages=LANGUAGES[1:],
        metric="accuracy",
        source=SampleSource(maker="bitext", sizes={"dev": 200, "score": 500}),
        size=(None, 200),
        licence="Apache-2.0",
        is_generated=True,
        parallel=True,
    ),
    Task(
        name="micro-mining",
        kind="mining",
        description="generated: two corpora of which half are translations",
        languages=LANGUAGES[1:],
        metric="f1",
        source=SampleSource(maker="mining", sizes={"dev": 200, "score": 400}),
        size=(None, 200),
        licence="Apache-2.0",
        is_generated=True,
    ),
    Task(
        name="micro-answers",
        kind="retrieval",
        description="generated: questions find the sentences that answer them, in all languages at once",
        languages=LANGUAGES,
        metric="map_at_20",
        source=SampleSource(maker="answers", sizes={"train": 3_000, "dev": 60, "score": 60}),
        query_tokens=32,
        passage_tokens=64,
        size=(3_000, 60),
        licence="Apache-2.0",
        is_generated=True,
        parallel=True,
    ),
)
