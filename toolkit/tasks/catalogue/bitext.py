"""Tasks on sentences and their translations: nothing is trained, the encoder is asked as it is."""

from toolkit.languages import codes
from toolkit.tasks.sources import HubSource
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
)
