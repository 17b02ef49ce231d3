"""Tasks: what is learnt or measured, and the rows it is learnt from or measured on."""

from toolkit.tasks.catalogue import TASKS, get_task, load_own, load_task, training_task
from toolkit.tasks.corpora import CorpusSource
from toolkit.tasks.file_source import FileSource
from toolkit.tasks.joined import JoinedSource
from toolkit.tasks.rows import Answer, BitextRow, ChoiceRow, PairRow, Row, Rows, SentenceRow, SpanRow, TagsRow
from toolkit.tasks.sources import HubSource, SampleSource
from toolkit.tasks.task import Task

__all__ = [
    "TASKS",
    "Answer",
    "BitextRow",
    "ChoiceRow",
    "CorpusSource",
    "FileSource",
    "HubSource",
    "JoinedSource",
    "PairRow",
    "Row",
    "Rows",
    "SampleSource",
    "SentenceRow",
    "SpanRow",
    "TagsRow",
    "Task",
    "get_task",
    "load_own",
    "load_task",
    "training_task",
]
