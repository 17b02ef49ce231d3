"""Tasks: what is learnt or measured, and the rows it is learnt from or measured on."""

from toolkit.tasks.catalogue import (
    BUILT_IN,
    Catalogue,
    catalogue_of,
    get_task,
    load_task,
)
from toolkit.tasks.micro import SampleSource
from toolkit.tasks.pool import Pool
from toolkit.tasks.rows import (
    Answer,
    BitextRow,
    CandidateRow,
    ChoiceRow,
    HeldRows,
    PairRow,
    QueryRow,
    Row,
    SentenceRow,
    SpanRow,
    TagsRow,
    TextRow,
)
from toolkit.tasks.sources.corpora import CorpusSource
from toolkit.tasks.sources.counterfactual import CounterfactualSource
from toolkit.tasks.sources.file_source import FileSource
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.joined import JoinedSource
from toolkit.tasks.sources.lareqa import LareqaSource
from toolkit.tasks.sources.mewsli import MewsliSource
from toolkit.tasks.task import Rows, Task

__all__ = [
    "BUILT_IN",
    "Answer",
    "BitextRow",
    "CandidateRow",
    "Catalogue",
    "ChoiceRow",
    "CorpusSource",
    "CounterfactualSource",
    "FileSource",
    "HeldRows",
    "HubSource",
    "JoinedSource",
    "LareqaSource",
    "MewsliSource",
    "PairRow",
    "Pool",
    "QueryRow",
    "Row",
    "Rows",
    "SampleSource",
    "SentenceRow",
    "SpanRow",
    "TagsRow",
    "Task",
    "TextRow",
    "catalogue_of",
    "get_task",
    "load_task",
]
