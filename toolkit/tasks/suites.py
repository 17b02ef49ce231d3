"""Suites: benchmarks of several tasks with one average, as data. To add one, add a `Suite(...)` to `SUITES`.

Source of languages, measures, groups and averages: `evaluate.py` of google-research/xtreme at 838c13b, and for the groups of
XTREME-R its paper (docs/decisions/0013-suites.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from toolkit.errors import ConfigError
from toolkit.languages import codes, low_resource
from toolkit.registry import unknown
from toolkit.tasks.catalogue import BUILT_IN
from toolkit.tasks.catalogue.generated import LANGUAGES as MICRO_LANGUAGES


@dataclass(frozen=True)
class Entry:
    """A task as a benchmark counts it.

    Attributes:
        task: the task's name; the catalogue may lack it, and then it is named as missing.
        languages: those that the benchmark averages over.
        measures: their means over the languages are averaged into the task's mean.
        split: the data set's own split that the benchmark scores.
        trains_as: what is trained for the task where that is not simply its own or its lender's rows, the best first.
    """

    task: str
    languages: tuple[str, ...]
    measures: tuple[str, ...]
    split: str
    trains_as: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suite:
    """A benchmark: a task's mean is over its languages, each counting once; the average is over tasks, each counting once.

    Attributes:
        name: as in `--suite NAME`.
        description: one line.
        entries: its tasks.
        groups: name of a group of tasks -> the tasks; a group's average is theirs.
        citation: where it was published.
        is_generated: whether its rows come from a generator; then no number from it is a benchmark result.
    """

    name: str
    description: str
    entries: tuple[Entry, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    citation: str = ""
    is_generated: bool = False

    def __post_init__(self) -> None:
        names = [entry.task for entry in self.entries]
        grouped = [task for tasks in self.groups.values() for task in tasks]
        if len(set(names)) < len(names) or set(grouped) - set(names):
            raise ConfigError(f"Suite '{self.name}' names a task twice, or groups a task that it lacks.")

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of its tasks."""
        return tuple(entry.task for entry in self.entries)


ACCURACY, F1, QA, RANKED = ("accuracy",), ("f1",), ("em", "f1"), ("map_at_20",)

_XNLI = Entry("xnli", codes("ar bg de el en es fr hi ru sw th tr ur vi zh"), ACCURACY, "test")
_UDPOS = codes("af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh")
_PANX = codes(
    "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw yo my zh kk tr et fi hu"
)
_TATOEBA = codes(
    "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr et fi hu"
)
_XQUAD = codes("en es de el ru tr ar vi th zh hi")
_MLQA = Entry("mlqa", codes("en es de ar hi vi zh"), QA, "test")
_TYDIQA = Entry("tydiqa", codes("en ar bn fi id ko ru sw te"), QA, "validation")

# Languages of Africa and of indigenous America among those of SIB-200 and Belebele (XTREME-R's successors: decision 40).
_AFRICA = codes(
    "aeb ak am ary arz bem bm cjk dik dyu ee fon fuv ha ig kab kam kbp kea kg ki kmb knc ln lua lug luo mg mos nso nus ny om rn rw "
    "sg sn so ss st sw taq ti tn ts tum tw tzm-Tfng umb wo xh yo zu"
)
_AFRIXNLI = Entry("afrixnli", codes("am ee ha ig lg ln om rw sn st sw tw wo xh yo zu"), ACCURACY, "test")
_MASAKHANE = codes("bm bbj ee fon ha ig lg luo mos ny pcm rw sn sw tn tw wo xh yo zu")
_AMERICASNLI = Entry("americasnli", codes("ay bzd cni gn hch nah oto quy shp tar"), ACCURACY, "test")


def _of(task: str, languages: Iterable[str], measures: tuple[str, ...], split: str, **rest: tuple[str, ...]) -> Entry:
    """Return a task in those of the languages that it has."""
    return Entry(
        task, tuple(code for code in languages if code in BUILT_IN.get(task).languages), measures, split, **rest
    )


def _low(task: str, measures: tuple[str, ...], split: str, **rest: tuple[str, ...]) -> Entry:
    """Return a task in those of its languages that XLM-R has hardly read."""
    return _of(task, low_resource(BUILT_IN.get(task).languages), measures, split, **rest)


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(
            name="xtreme",
            description="9 tasks in 40 languages",
            entries=(
                _XNLI,
                Entry("pawsx", codes("de en es fr ja ko zh"), ACCURACY, "test"),
                Entry("udpos", _UDPOS, F1, "test"),
                Entry("panx", _PANX, F1, "test"),
                Entry("xquad", _XQUAD, QA, "validation"),
                _MLQA,
                _TYDIQA,
                Entry("bucc", codes("de fr ru zh"), F1, "test"),
                Entry("tatoeba", _TATOEBA, ACCURACY, "validation"),
            ),
            groups={
                "classification": ("xnli", "pawsx"),
                "tagging": ("udpos", "panx"),
                "qa": ("xquad", "mlqa", "tydiqa"),
                "retrieval": ("bucc", "tatoeba"),
            },
            citation="Hu et al. 2020, arXiv 2003.11080",
        ),
        Suite(
            name="xtreme-r",
            description="10 tasks in 50 languages",
            entries=(
                _XNLI,
                Entry(
                    "xcopa",
                    codes("et ht id it qu sw ta th tr vi zh"),
                    ACCURACY,
                    "test",
                    trains_as=("seq[siqa,copa]", "copa"),
                ),
                Entry("udpos", _UDPOS + codes("lt pl uk wo ro"), F1, "test"),
                Entry("panx", _PANX + codes("qu pl uk az lt pa gu ro"), F1, "test"),
                Entry("xquad", _XQUAD + codes("ro"), QA, "validation"),
                _MLQA,
                _TYDIQA,
                Entry("tatoeba", _TATOEBA + codes("az lt pl uk ro"), ACCURACY, "validation"),
                Entry("mewslix", codes("ar de en es fa ja pl ro ta tr uk"), RANKED, "test"),
                Entry("lareqa", codes("ar de el en es hi ru th tr vi zh"), RANKED, "validation"),
            ),
            groups={
                "classification": ("xnli", "xcopa"),
                "tagging": ("udpos", "panx"),
                "qa": ("xquad", "mlqa", "tydiqa"),
                "retrieval": ("mewslix", "lareqa", "tatoeba"),
            },
            citation="Ruder et al. 2021, arXiv 2104.07412",
        ),
        Suite(
            name="africa",
            description="6 tasks in 55 languages of Africa",
            entries=(
                _AFRIXNLI,
                _of("sib200", _AFRICA, ACCURACY, "test"),
                Entry("masakhaner2", _MASAKHANE, F1, "test"),
                Entry("masakhapos", _MASAKHANE, ACCURACY, "test", trains_as=("udpos", "masakhapos")),
                Entry("afriqa", codes("bem fon ha ig rw sw tw wo yo zu"), QA, "test", trains_as=("squad", "afriqa")),
                _of("belebele", _AFRICA, ACCURACY, "test"),
            ),
            groups={
                "classification": ("afrixnli", "sib200"),
                "tagging": ("masakhaner2", "masakhapos"),
                "qa": ("afriqa", "belebele"),
            },
            citation="AfroBench's tasks that an encoder can answer: Ojo et al. 2023, arXiv 2311.07978",
        ),
        Suite(
            name="americas",
            description="5 tasks in 13 languages of the Americas",
            entries=(
                _AMERICASNLI,
                Entry("sib200", codes("ayr gn ht quy"), ACCURACY, "test"),
                Entry("xcopa", codes("ht qu"), ACCURACY, "test", trains_as=("seq[siqa,copa]", "copa")),
                Entry("belebele", codes("gn ht"), ACCURACY, "test"),
                Entry("flores-plus", codes("ayr gn ht quy"), ACCURACY, "devtest"),
            ),
            groups={
                "classification": ("americasnli", "sib200", "xcopa"),
                "qa": ("belebele",),
                "retrieval": ("flores-plus",),
            },
            citation="Ebrahimi et al. 2022, arXiv 2104.08726, and its languages in later benchmarks",
        ),
        Suite(
            name="low-resource",
            description="10 tasks in their languages with less than 3 GiB in CC-100",
            entries=(
                _low("xnli", ACCURACY, "test"),
                _AMERICASNLI,
                _AFRIXNLI,
                _low("sib200", ACCURACY, "test"),
                _low("xcopa", ACCURACY, "test", trains_as=("seq[siqa,copa]", "copa")),
                _low("belebele", ACCURACY, "test"),
                _low("udpos", F1, "test"),
                _low("panx", F1, "test"),
                _low("masakhaner2", F1, "test"),
                _low("tatoeba", ACCURACY, "validation"),
            ),
            groups={
                "classification": ("xnli", "americasnli", "afrixnli", "sib200", "xcopa"),
                "tagging": ("udpos", "panx", "masakhaner2"),
                "qa": ("belebele",),
                "retrieval": ("tatoeba",),
            },
        ),
        Suite(
            name="micro",
            description="generated: 5 tasks of the built-in micro-world in 11 languages",
            entries=(
                Entry("micro-nli", MICRO_LANGUAGES, ACCURACY, "score"),
                Entry("micro-choice", MICRO_LANGUAGES, ACCURACY, "score"),
                Entry("micro-pos", MICRO_LANGUAGES, F1, "score"),
                Entry("micro-qa", MICRO_LANGUAGES, QA, "score"),
                Entry("micro-bitext", tuple(code for code in MICRO_LANGUAGES if code != "en"), ACCURACY, "score"),
            ),
            groups={"classification": ("micro-nli", "micro-choice"), "retrieval": ("micro-bitext",)},
            is_generated=True,
        ),
    )
}


def get_suite(name: str) -> Suite:
    """Return the suite with this name.

    Raises:
        ToolkitError: no such suite.

    Example:
        >>> len(get_suite("xtreme").entries), len(get_suite("xtreme-r").entries)
        (9, 10)
    """
    if name not in SUITES:
        raise unknown("suite", name, SUITES)
    return SUITES[name]
