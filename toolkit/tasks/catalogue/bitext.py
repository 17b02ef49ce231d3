"""Tasks on sentences and their translations: nothing is trained, the encoder is used as it is."""

from toolkit.languages import codes
from toolkit.tasks.sources.corpora import CorpusSource
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.task import Task

TASKS = (
    Task(
        name="tatoeba",
        kind="bitext",
        description="English sentences find their translations in 36 languages",
        languages=codes(
            "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te th tl tr ur vi zh"
        ),
        metric="accuracy",
        source=HubSource(
            path="google/xtreme",
            config="tatoeba.{iso3}",
            splits={"score": ("validation",)},
            columns={"source": "source_sentence", "target": "target_sentence"},
        ),
        size=(None, 1_000),
        citation="Artetxe and Schwenk 2019, arXiv 1812.10464; Hu et al. 2020 (XTREME), arXiv 2003.11080",
        licence="CC BY 2.0 FR",
    ),
    Task(
        name="bucc",
        kind="mining",
        description="pairs of translations are mined from two corpora in 4 languages and English",
        languages=codes("de fr ru zh"),
        metric="f1",
        source=CorpusSource(folder="bucc2018", gold_only="google/xtreme", gold_only_config="bucc18.{code}"),
        citation="Zweigenbaum, Sharoff and Rapp 2018, BUCC shared task; Hu et al. 2020 (XTREME), arXiv 2003.11080",
        licence="not stated",
    ),
)
