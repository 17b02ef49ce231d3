"""Plain text, which is learnt by masked language modelling."""

from toolkit.languages import codes
from toolkit.tasks.sources.first import FirstSource
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.share import ShareSource
from toolkit.tasks.task import Task

# Languages with a Wikipedia of 1,000 articles or more: those of the suites, and further ones of Africa and the Americas.
LANGUAGES = codes(
    "en af am ar ay az be bg bm bn ca ceb cs cy da de ee el eo es et eu fa ff fi fon fr fy ga gd gl gn gu ha he hi hr ht hu hy id ig "
    "is it ja jv ka kab kk km kn ko ku ky la lb lg ln lo lt lv mg mk ml mn mr ms mt my ne nl nn no nso ny om or pa pcm pl ps pt "
    "qu rn ro ru rw sa sd si sk sl sn so sq sr ss st su sv sw ta te tg th ti tk tl tn tr ts tt tw ug uk ur uz vi wo xh yi yo zh zu"
)
# What a mirror of monolingual text calls the languages.
NAMES = {code: code for code in LANGUAGES} | {"ay": "aym", "ha": "hau", "ig": "ibo", "sw": "swa", "yo": "yor"}
WIKIPEDIA = ShareSource(
    source=HubSource(
        path="wikimedia/wikipedia",
        config="20231101.{code}",
        splits={"train": ("train",)},
        columns={"id": "id", "text": "text"},
    ),
    shares={"dev": 0.02, "test": 0.02},
    scored="test",
)

TASKS = (
    Task(
        name="text",
        kind="text",
        description="plain text by language: a mirror's local/text, else Wikipedia; learnt by masked language modelling",
        languages=LANGUAGES,
        metric="masked",
        source=FirstSource(
            sources={
                "mirror": ShareSource(
                    source=HubSource(
                        path="local/text",
                        config="{name}",
                        splits={"train": ("train",), "test": ("test", "validation"), "score": ("test", "validation")},
                        columns={"text": "text"},
                        names=NAMES,
                    ),
                    shares={"dev": 0.02},  # so that what is scored chose no weights
                ),
                "wikipedia": WIKIPEDIA,
            }
        ),
        citation="Conneau et al. 2020, arXiv 1911.02116, for how it is learnt",
        licence="that of the text: Wikipedia CC BY-SA 4.0, local/text as its README says",
    ),
    Task(
        name="wikipedia",
        kind="text",
        description="articles of Wikipedia by language (November 2023), learnt by masked language modelling",
        languages=LANGUAGES,
        metric="masked",
        source=WIKIPEDIA,
        citation="Wikimedia Foundation, wikimedia/wikipedia on the hub",
        licence="CC BY-SA 4.0",
    ),
)
