"""Tasks on the sentences of FLORES-200 and in the languages that were translated with it: topics, reading, bitexts.

Source of ids, configs and columns: docs/decisions/0040-benchmarks-since-xtreme-r.md.
"""

from toolkit.languages import codes
from toolkit.tasks.sources.hub import Alternative, HubSource
from toolkit.tasks.sources.paired import PairedSource
from toolkit.tasks.task import Task

FLORES_200 = codes(
    """
    ace ace-Arab acm acq aeb af ajp ak am apc ar ar-Latn ars ary arz as ast awa ayr az azb-Arab ba ban be bem bg
    bho bjn bjn-Arab bm bn bo bs bug ca ceb cjk ckb crh-Latn cs cy da de dik dyu dz ee el eo es et eu fa fi fj fo
    fon fr fur fuv ga gd gl gn gu ha he hi hne hr ht hu hy id ig ilo is it ja jv ka kab kac kam kbp kea kg ki kk
    km kmb kn knc knc-Arab ko ks ks-Deva ku ky lb lg li lij lmo ln lo lt ltg lua luo lus lv mag mai mg mi min
    min-Arab mk ml mn mni mos mr ms mt my ne nl nn no nso nus ny oc om or pa pag pap pl prs ps pt quy rn ro ru rw
    sa sat sc scn sd sg shn si sk sl sm sn so sq sr ss st su sv sw szl ta taq taq-Tfng te tg th ti tk tl tn tpi tr
    ts tt tum tw tzm-Tfng ug uk umb ur uz vec vi war wo xh yi yo yue zh zh-Hant zu
    """
)
BELEBELE = codes(
    """
    en acm af am apc ar ar-Latn ars ary arz as az bg bm bn bn-Latn bo ca ceb ckb cs da de el es et eu fa fi fr fuv
    gn gu ha he hi hi-Latn hr ht hu hy id ig ilo is it ja jv ka kac kea kk km kn ko ky lg ln lo lt luo lv mg mi mk
    ml mn mr ms mt my ne ne-Latn nl no nso ny om or pa pl ps pt ro ru rw sd shn si si-Latn sk sl sn so sq sr ss st
    su sv sw ta te tg th ti tl tn tr ts uk ur ur-Latn uz vi war wo xh yo zh zh-Hant zu
    """
)
NTREX_128 = codes(
    """
    af am ar az ba be bem bg bn bo bs ca ckb cs cy da de dv dz ee el es eu fa fi fj fo fr fuc ga gl gu ha he hi
    hmn hr hu hy id ig is it ja ka kk km kn ko ku ky lb lo lt lv mey-Arab mg mi mk ml mn-Mong mr ms mt my nd ne nl
    nn no nso ny pa pl prs ps pt ro ru rw sd shi-Arab si sk sl sm sn so sq sr sr-Latn ss sv sw ta te tg th ti tk
    tl tn to tr tt ty ug uk ur uz ve vi wo xh yo yue zh zh-Hant zu
    """
)
CONFIG = "{iso3}_{script}"
# SIB-200 has N'Ko as well.
SIB_200 = ("en", *FLORES_200, "nqo")
TOPICS = ("science/technology", "travel", "politics", "sports", "health", "entertainment", "geography")


NTREX_EVIDENCE = "made from the same files, newstest2019-ref.*.txt (MicrosoftTranslator/NTREX @ 8561f6a6)"


def _flores(config: str) -> HubSource:
    """Return a side of FLORES+."""
    splits = {"dev": ("dev",), "test": ("devtest",), "score": ("devtest", "dev")}
    columns = {"text": "text", "id": "id"}
    return HubSource(path="openlanguagedata/flores_plus", config=config, splits=splits, columns=columns)


def _ntrex(config: str, in_files: str) -> HubSource:
    """Return a side of NTREX; its publisher's files call a language otherwise than the hub does."""
    return HubSource(
        path="davidstap/NTREX",
        config=config,
        splits={"test": ("test",), "score": ("test",)},
        columns={"text": "text"},
        names={"zh": "zho-CN", "zh-Hant": "zho-TW"},
        alternatives=(Alternative(path="ntrex/ntrex128", config=in_files, evidence=NTREX_EVIDENCE),),
    )


TASKS = (
    Task(
        name="sib200",
        kind="pair",
        description="the topic of a sentence, one of seven, in 205 languages (SIB-200)",
        languages=SIB_200,
        metric="accuracy",
        labels=TOPICS,
        source=HubSource(
            path="Davlan/sib200",
            config=CONFIG,
            splits={"train": ("train",), "dev": ("validation",), "test": ("test",), "score": ("test", "validation")},
            columns={"id": "index_id", "first": "text", "label": "category"},
        ),
        size=(701, 99),
        overlaps=("flores-plus:dev", "flores-plus:test"),
        citation="Adelani et al. 2024, arXiv 2309.07445",
        licence="CC BY-SA 4.0",
        parallel=True,
    ),
    Task(
        name="belebele",
        kind="choice",
        description="questions on passages of FLORES-200 with four choices, in 122 languages and scripts",
        languages=BELEBELE,
        metric="accuracy",
        trains_on="cosmosqa",
        source=HubSource(
            path="facebook/belebele",
            config=CONFIG,
            splits={"test": ("test",), "score": ("test",)},
            columns={
                "context": "flores_passage",
                "question": "question",
                "choices": ("mc_answer1", "mc_answer2", "mc_answer3", "mc_answer4"),
                "label": "correct_answer_num",
            },
            label_map={str(number + 1): str(number) for number in range(4)},
        ),
        overlaps=("flores-plus:dev", "flores-plus:test"),
        citation="Bandarkar et al. 2024, arXiv 2308.16884",
        licence="CC BY-SA 4.0",
        parallel=True,
    ),
    Task(
        name="flores-plus",
        kind="bitext",
        description="sentences of Wikipedia's sister projects find their English originals in 203 languages (FLORES+)",
        languages=FLORES_200,
        metric="accuracy",
        source=PairedSource(
            source=_flores(CONFIG),
            target=_flores("eng_Latn"),
            join="id",
        ),
        size=(None, 997),
        citation="NLLB Team 2022, arXiv 2207.04672; Open Language Data Initiative",
        licence="CC BY-SA 4.0; on the hub after its terms are accepted",
        parallel=True,
    ),
    Task(
        name="ntrex128",
        kind="bitext",
        description="sentences of English news find their translations in 119 languages (NTREX-128)",
        languages=NTREX_128,
        metric="accuracy",
        source=PairedSource(source=_ntrex(CONFIG, "{name}"), target=_ntrex("eng_Latn", "eng")),
        size=(None, None),
        citation="Federmann, Kocmi and Xin 2022, SUMEval",
        licence="CC BY-SA 4.0",
        parallel=True,
    ),
)
