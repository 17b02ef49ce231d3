"""Tasks on queries and a pool of candidates in many languages: the right ones should rank first."""

from toolkit.languages import codes
from toolkit.tasks.catalogue import span
from toolkit.tasks.sources.answer_sentences import AnswerSentences
from toolkit.tasks.sources.lareqa import LareqaSource
from toolkit.tasks.sources.mewsli import MewsliSource
from toolkit.tasks.task import Task

SQUAD = next(task for task in span.TASKS if task.name == "squad")

TASKS = (
    Task(
        name="squad-r",
        kind="retrieval",
        description="questions find the sentences that answer them (SQuAD v1.1)",
        languages=codes("en"),
        metric="map_at_20",
        source=AnswerSentences(task=SQUAD),
        query_tokens=96,
        passage_tokens=256,
        size=SQUAD.size,
        overlaps=("squad:dev",),
        citation="Rajpurkar et al. 2016, arXiv 1606.05250; Ahmad et al. 2019 (ReQA), arXiv 1907.04780",
        licence=SQUAD.licence,
    ),
    Task(
        name="lareqa",
        kind="retrieval",
        description="questions find the sentences that answer them, in all languages at once (XQuAD-R)",
        languages=codes("ar de el en es hi ru th tr vi zh"),
        metric="map_at_20",
        source=LareqaSource(),
        query_tokens=96,
        passage_tokens=256,
        size=(None, 1_190),
        trains_on="squad-r",
        overlaps=("squad:dev", "squad-r:dev"),  # XQuAD's paragraphs come from SQuAD's dev set
        parallel=True,
        citation="Roy et al. 2020, arXiv 2004.05484; Ruder et al. 2021 (XTREME-R), arXiv 2104.07412",
        licence="CC BY-SA 4.0",
    ),
    Task(
        name="mewslix",
        kind="retrieval",
        description="mentions in news find the descriptions of their entities, among a million in 50 languages",
        languages=codes("ar de en es fa ja pl ro ta tr uk"),
        metric="map_at_20",
        source=MewsliSource(),
        query_tokens=64,
        passage_tokens=64,
        size=(167_719, 14_051),
        citation="Ruder et al. 2021 (XTREME-R), arXiv 2104.07412",
        licence="not stated (text of Wikipedia and WikiNews)",
    ),
)
