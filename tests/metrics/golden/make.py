"""Make the golden files: adversarial texts and tags of our own, and what the official scripts say of them.

    python -m tests.metrics.golden.make SCRIPTS

SCRIPTS is a folder with the scripts, which are no part of this project (docs/decisions/0012-official-scoring.md says where
they are from): `evaluate_squad.py`, `squad_v2.py`, `mlqa_evaluation_v1.py`, `seqeval_0_0_12.py`, `xtreme_evaluate.py`.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import unicodedata
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

# By language: words, with inner punctuation, marks and digits where the language has them; and its articles.
WORDS: dict[str, tuple[str, str]] = {
    "en": (
        "Tower U.S. co-op o'clock theatre 1,066 e.g. naïve A.D. the-end Ångström state-of-the-art",
        "the a an The AN",
    ),
    "es": ("¿Quién? año España niño «Lope» elegante 2.010 última unidad ¡Olé! losa", "el la los las un una unos unas"),
    "de": (
        "Straße Derby König Österreich-Ungarn „Haus“ Dessau STRASSE 3,5 Eine-Welt größer",
        "der die das dem des ein eine",
    ),
    "ar": ("كتاب الكتاب القَاهِرَة جمال، أهلاً؟ والبيت ٢٠١٠ إلى الجزائر ـ مدرسة", "ال الـ"),
    "hi": ("घर। हिन्दी क्षत्रिय 'दिल्ली' २०१० ज़िला रा॰ विश्व-विद्यालय श्री॥ कौन?", ""),
    "vi": ("Hà Nội Việt-Nam người chiếc lá sông Hồng, cái gì? những năm 1975 Đà-Nẵng", "của là cái chiếc những"),
    "zh": ("北京 《红楼梦》 2010年 Expo 上海市， 「中」 𠮷野家 一二三 Ａ股 ㈱ U盘。", "的"),
    "ru": ("Москва «Война ёж 1941—1945 СССР, А.С.Пушкин а э́то № 5", "а"),
    "el": ("Αθήνα Ελλάδα; «Ὀδύσσεια» ΣΊΣΥΦΟΣ ο ημέρα· 1821", "ο η το"),
    "tr": ("İstanbul ILIK Iğdır'da ağaç 'an' Türkiye'nin 1923", "an"),
    "th": ("กรุงเทพฯ ประเทศไทย น้ำ ๒๕๖๐ ที่ ๆ ก็", ""),
    "bn": ("ঢাকা। বাংলা 'কে' ১৯৭১ শ্রী ক্ষ", ""),
    "te": ("తెలుగు హైదరాబాద్, 1956 శ్రీ", ""),
    "ko": ("서울특별시 한국(韓國) '한글' 1945년 각 가", ""),
    "fi": ("Helsinki järvi An-sana 1917 yö: A!", "an a"),
    "sw": ("Dar es Salaam, a ng'ombe M'Bala 1964 an", "a an"),
    "id": ("Jakarta ke-2 rumah-rumah a.n. 17-8-1945 the", ""),
    "he": ('ירושלים ב־1948 צה"ל \u200fשָׁלוֹם ה', "ה"),
    "ja": ("東京、 「日本」 ｶﾞ が か\u3099 2020年 ・", ""),
}
LOOSE = [".", ",", "!", "?", "…", "—", "“", "”", "«", "»", "(", ")", "'", '"', "¿", "¡", "。", "、", "，", "「", "」", "·", "؟", "।", "%", "$", "~", "^", "`", "|", "€", "+", "=", "_", "-", "－", "＿", "﹏", "⁇", "\xa0", "\u3000", "\u200b", "\u200d", "\u200e", "\u200f", "\u2028", "́", "़", "️", "😀", "𝟘", "½", "Ⅳ", "ﬁ", "ŉ", "ß", "İ", "ǅ"]  # fmt: skip
MLQA_LANGUAGES = ("en", "es", "hi", "vi", "de", "ar", "zh")
UPOS = [
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
]
SPANS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def text_of(dice: random.Random, language: str) -> str:
    """Return a short answer in a language, with articles and loose punctuation strewn in."""
    words, articles = (each.split() for each in WORDS[language])
    found = dice.choices(words, k=dice.randint(1, 4))
    if articles and dice.random() < 0.5:
        found.insert(dice.randrange(len(found) + 1), dice.choice(articles))
    if dice.random() < 0.3:
        found.insert(dice.randrange(len(found) + 1), dice.choice(LOOSE))
    return dice.choice((" ", " ", " ", "  ", "", "\u00a0")).join(found)


def mutated(dice: random.Random, text: str, language: str) -> str:
    """Return what a model might have answered in place of a text."""
    words = text.split() or [""]
    word = dice.randrange(len(words))
    letter = dice.randrange(len(text) + 1)
    changes = [
        lambda: text,
        lambda: "",
        lambda: text.upper(),
        lambda: text.lower(),
        lambda: text.title(),
        lambda: " ".join([*words, words[word]]),
        lambda: " ".join([words[word]] * 3),
        lambda: " ".join(words[::-1]),
        lambda: " ".join(words[:word] + words[word + 1 :]),
        lambda: words[word],
        lambda: text[:letter],
        lambda: text[letter:],
        lambda: text[:letter] + dice.choice(LOOSE) + text[letter:],
        lambda: f"  {text}\n",
        lambda: f"“{text}”.",
        lambda: dice.choice(LOOSE),
        lambda: " ".join([*WORDS[language][1].split()[:1], text]),
        lambda: WORDS[language][1],
        lambda: unicodedata.normalize("NFD", text),
        lambda: unicodedata.normalize("NFKC", text),
        lambda: f"{text} {text_of(dice, language)}",
        lambda: text_of(dice, language),
    ]
    return dice.choice(changes)()


def questions(dice: random.Random, languages: tuple[str, ...], each: int, *, unanswerable: float = 0.0) -> list[dict]:
    found = []
    for language in languages:
        for _ in range(each):
            answers = [text_of(dice, language) for _ in range(dice.randint(1, 3))]
            predicted = mutated(dice, dice.choice(answers), language)
            if dice.random() < unanswerable:
                answers = []
            elif unanswerable and dice.random() < 0.1:
                answers.insert(0, dice.choice(("the", "!", " ", "a an")))  # normalises to nothing
            found.append({"language": language, "answers": answers, "predicted": predicted})
    return found


def sentences(dice: random.Random, tags: list[str], n: int) -> list[dict[str, list[str]]]:
    """Return sentences of gold and predicted tags: runs, broken spans, spans that begin inside, single tags."""
    found = []
    for _ in range(n):
        gold: list[str] = []
        while len(gold) < dice.randint(1, 14):
            gold += [dice.choice(tags)] * dice.choice((1, 1, 1, 2, 3))
        noise = dice.choice((0.0, 0.1, 0.3, 1.0))
        found.append({"gold": gold, "predicted": [dice.choice(tags) if dice.random() < noise else tag for tag in gold]})
    return found


def squad_data(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    qas = [{"id": str(i), "answers": [{"text": t} for t in row["answers"]]} for i, row in enumerate(rows)]
    return [{"paragraphs": [{"qas": qas}]}]


def write(name: str, held: dict[str, Any]) -> None:
    text = json.dumps(held, ensure_ascii=False, indent=0)
    (HERE / name).write_text(text + "\n", encoding="utf-8")


def make(scripts: Path) -> None:
    """Write the four golden files."""
    sys.path.insert(0, str(scripts))
    squad1, squad2, mlqa, seqeval = map(
        importlib.import_module, ("evaluate_squad", "squad_v2", "mlqa_evaluation_v1", "seqeval_0_0_12")
    )

    rows = questions(random.Random(1), tuple(WORDS), 30)
    predicted = {str(i): row["predicted"] for i, row in enumerate(rows)}
    for i, row in enumerate(rows):
        one = squad1.evaluate(squad_data([row]), {"0": predicted[str(i)]})
        row.update(em=one["exact_match"] / 100, f1=one["f1"] / 100)
    whole = squad1.evaluate(squad_data(rows), predicted)
    write("squad.json", {"em": whole["exact_match"] / 100, "f1": whole["f1"] / 100, "questions": rows})

    rows = questions(random.Random(2), MLQA_LANGUAGES, 60)
    figures = {}
    for language in MLQA_LANGUAGES:
        own = [row for row in rows if row["language"] == language]
        for row in own:
            one = mlqa.evaluate(squad_data([row]), {"0": row["predicted"]}, language)
            row.update(em=one["exact_match"] / 100, f1=one["f1"] / 100)
        whole = mlqa.evaluate(squad_data(own), {str(i): row["predicted"] for i, row in enumerate(own)}, language)
        figures[language] = {"em": whole["exact_match"] / 100, "f1": whole["f1"] / 100}
    write("mlqa.json", {"by_language": figures, "questions": rows})

    dice = random.Random(3)
    rows = questions(dice, ("en", "de", "zh", "ar"), 100, unanswerable=0.4)
    for row in rows:
        row["no_answer"] = round(dice.gauss(-1.0 if row["answers"] else 0.5, 2.0), dice.choice((0, 1, 3)))  # ties too
    data = squad_data(rows)
    held = {str(i): row["predicted"] for i, row in enumerate(rows)}
    odds = {str(i): row["no_answer"] for i, row in enumerate(rows)}
    has_answer = {str(i): bool(row["answers"]) for i, row in enumerate(rows)}
    # The script of `evaluate` takes the answers of a question as lists side by side.
    for article in data:
        for qa in article["paragraphs"][0]["qas"]:
            qa["answers"] = {"text": [answer["text"] for answer in qa["answers"]]}
    exact, f1 = squad2.get_raw_scores(data, held)
    by_threshold = []
    for threshold in (-2.0, 0.0, 0.5, 99.0):
        cut = [squad2.apply_no_ans_threshold(each, odds, has_answer, threshold) for each in (exact, f1)]
        found = squad2.make_eval_dict(*cut)
        for prefix, wanted in (("HasAns", True), ("NoAns", False)):
            ids = [key for key, has in has_answer.items() if has is wanted]
            squad2.merge_eval(found, squad2.make_eval_dict(*cut, qid_list=ids), prefix)
        squad2.find_all_best_thresh(found, held, exact, f1, odds, has_answer)
        by_threshold.append({"threshold": threshold, **found})
    write("squad2.json", {"by_threshold": by_threshold, "questions": rows})

    import seqeval.metrics as installed

    held_tags: dict[str, Any] = {}
    for name, tags, seed in (("panx", SPANS, 4), ("udpos", UPOS, 5)):
        both = sentences(random.Random(seed), tags, 250)
        gold, found_tags = ([row[side] for row in both] for side in ("gold", "predicted"))
        figures = {}
        for release, module in (("0.0.12", seqeval), ("1.2.2", installed)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                figures[release] = {
                    measure: float(getattr(module, f"{measure}_score")(gold, found_tags))
                    for measure in ("f1", "precision", "recall", "accuracy")
                }
        packed = [{side: " ".join(row[side]) for side in row} for row in both]
        held_tags[name] = {"figures": figures, "sentences": packed}
    write("tags.json", held_tags)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
