"""Tasks on queries and a pool of candidates in many languages: what is right for a query shall rank first."""

from toolkit.languages import codes
from toolkit.tasks.lareqa import LareqaSource
from toolkit.tasks.mewsli import MewsliSource
from toolkit.tasks.task import Task

TASKS = (
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
        overlaps=("squad:dev",),  # XQuAD's paragraphs come from SQuAD's dev set
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
