"""The micro-world: labels that follow from the facts, exact spans and offsets, true translations, disjoint splits."""

from __future__ import annotations

import itertools
import subprocess
import sys
import unicodedata
from collections import Counter
from functools import cache

import pytest

from toolkit.errors import ConfigError
from toolkit.tasks import BUILT_IN, BitextRow, ChoiceRow, PairRow, SpanRow, TagsRow, get_task
from toolkit.tasks.micro import LANGUAGES, open_sample, scenes
from toolkit.tasks.micro.facts import FRUIT, SLOTS, exclude_each_other, facts, fillers, split_of
from toolkit.tasks.micro.grammar import Fact, Sentence, fact, grammar, realise

LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)
SPLITS = ("train", "dev", "score")
LETTERS = {"ar": "ARABIC", "el": "GREEK", "hi": "DEVANAGARI", "ru": "CYRILLIC", "zh": "CJK"}


def _every_fact() -> list[Fact]:
    found = [each for split in SPLITS for frame in SLOTS for each in facts(split, frame)]
    people = fillers("x")
    found += [fact("none", x=x) for x in people]
    found += [fact("have", x=x, a="animal") for x in people] + [fact("eat", x=x, f="fruit") for x in people]
    for name, (slots, _, _) in scenes.QUESTIONS.items():
        keys = itertools.product(*(fillers(slot) for slot in slots))
        found += [fact(name, **dict(zip(slots, each, strict=True))) for each in keys]
    return found


EVERY_FACT = _every_fact()


@cache
def _said(language: str) -> list[Sentence]:
    """Return every fact, said in a language."""
    return [realise(language, each) for each in EVERY_FACT]


def test_at_least_eight_languages_of_four_scripts_are_spoken() -> None:
    assert len(LANGUAGES) >= 8
    assert len(LETTERS) + 1 >= 4


@LANGUAGE
def test_every_language_has_the_same_frames_and_lexemes_as_english(language: str) -> None:
    assert sorted(grammar(language).frames) == sorted(grammar("en").frames)
    for slot in "xpfdantcvwj":
        assert grammar(language).keys(slot) == grammar("en").keys(slot)


@LANGUAGE
def test_every_fact_can_be_said_and_no_two_are_said_alike(language: str) -> None:
    said: dict[str, Fact] = {}
    for each, sentence in zip(EVERY_FACT, _said(language), strict=True):
        text = sentence.text
        # Facts in a habit and facts of the moment may fall together only where they say the same.
        assert text not in said, (said[text], each)
        said[text] = each


@LANGUAGE
def test_sentences_are_clean_text_in_their_script(language: str) -> None:
    script, letters = LETTERS.get(language, "LATIN"), set[str]()
    for sentence in _said(language):
        text = sentence.text
        assert text == unicodedata.normalize("NFC", text) == " ".join(text.split())
        assert not set(text) & set("{}|*/~_[]=")
        assert text[-1] in ".?؟।;。？"
        first = text.lstrip("¿")[0]
        assert first == first.upper()
        letters.update(text)
    assert all(unicodedata.name(letter).startswith(script) for letter in letters if letter.isalpha())


@LANGUAGE
def test_tokens_join_to_the_text_and_spans_lie_on_whole_tokens(language: str) -> None:
    for each, sentence in zip(EVERY_FACT, _said(language), strict=True):
        assert len(sentence.tokens) == len(sentence.tags)
        assert "".join(sentence.tokens) == sentence.text.replace(" ", "")
        assert sentence.tags[-1] == "PUNCT"
        for slot, key in each.slots:
            if not each.frame.startswith("q_"):
                assert sentence.answer(slot).strip(), (slot, key)


def test_chinese_is_written_without_spaces_but_kept_in_tokens() -> None:
    sentence = realise("zh", fact("at", x="anna", p="kitchen"))
    assert sentence.text == "安娜在厨房里。"
    assert sentence.tokens == ("安娜", "在", "厨房", "里", "。")


AGREEMENT = [
    ("de", fact("own", x="anna", c="red", t="bag"), "Anna hat eine rote Tasche."),
    ("de", fact("own", x="tom", c="red", t="chair"), "Tom hat einen roten Stuhl."),
    ("de", fact("job", x="anna", j="doctor"), "Anna ist Ärztin."),
    ("fr", fact("none", x="olga"), "Olga n'a pas d'animaux."),
    ("fr", fact("colour", x="olga", c="white", t="house"), "La maison d'Olga est blanche."),
    ("fr", fact("at", x="tom", p="school"), "Tom est à l'école."),
    ("es", fact("q_count", x="tom", a="cow"), "¿Cuántas vacas tiene Tom?"),
    ("ru", fact("count", x="anna", n="four", a="dog"), "У Анны четыре собаки."),
    ("ru", fact("count", x="tom", n="five", a="dog"), "У Тома пять собак."),
    ("ar", fact("count", x="anna", n="three", a="dog"), "لدى آنا ثلاثة كلاب."),
    ("ar", fact("count", x="anna", n="three", a="cat"), "لدى آنا ثلاث قطط."),
    ("ar", fact("eat", x="tom", f="apple"), "توم يأكل تفاحة."),
    ("hi", fact("eat", x="anna", f="apple"), "अन्ना एक सेब खा रही है।"),
    ("hi", fact("colour", x="tom", c="blue", t="house"), "टॉम का घर नीला है।"),
    ("tr", fact("at", x="ivan", p="garden"), "İvan bahçede."),
    ("tr", fact("q_who_at", p="station"), "İstasyonda kim var?"),
    ("sw", fact("colour", x="anna", c="red", t="chair"), "Kiti cha Anna ni chekundu."),
    ("sw", fact("count", x="anna", n="three", a="cow"), "Anna ana ng'ombe watatu."),
    ("el", fact("colour", x="tom", c="red", t="bag"), "Η τσάντα του Τομ είναι κόκκινη."),
    ("en", fact("colour", x="tom", c="red", t="bag"), "Tom's bag is red."),
]


@pytest.mark.parametrize(("language", "what", "expected"), AGREEMENT)
def test_words_agree_as_their_language_asks(language: str, what: Fact, expected: str) -> None:
    assert realise(language, what).text == expected


def test_no_fact_is_in_two_splits_and_each_split_has_all_frames() -> None:
    for frame in SLOTS:
        pools = [set(facts(split, frame)) for split in SPLITS]
        assert all(pools)
        assert not pools[0] & pools[1] | pools[0] & pools[2] | pools[1] & pools[2]


def test_what_restates_or_excludes_a_fact_stays_in_its_split() -> None:
    one = fact("own", x="anna", c="red", t="bag")
    assert split_of(one) == split_of(one.replace("c", "blue")) == split_of(Fact("colour", one.slots))
    assert split_of(fact("have", x="anna", a="dog")) == split_of(fact("count", x="anna", n="six", a="dog"))


def test_rows_are_the_same_in_another_process() -> None:
    names = [task.name for task in BUILT_IN.held.values() if task.is_generated]
    code = (
        f"from toolkit.tasks import get_task\nfor name in {names}: print(get_task(name).rows('dev', 'ru').fingerprint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert done.stdout.split() == [get_task(name).rows("dev", "ru").fingerprint for name in names]


def test_rows_say_that_they_are_generated_and_by_what() -> None:
    rows = get_task("micro-qa").rows("train", limit=5)
    assert rows.is_generated
    assert rows.origin == "generated: micro-world v1, seed 0"


def test_another_seed_gives_other_rows() -> None:
    assert open_sample("qa", "dev", "en", size=9, seed=0).row(3) != open_sample("qa", "dev", "en", size=9, seed=1).row(
        3
    )


def test_rows_are_parallel_across_languages() -> None:
    for name in ("micro-nli", "micro-choice"):
        labels = {tuple(row.label for row in get_task(name).rows("score", each, limit=60)) for each in LANGUAGES}
        assert len(labels) == 1


# Natural language inference: an oracle that knows the world's rules but not how claims are drawn.


def _relation(premise: tuple[Fact, ...], claim: Fact) -> int:
    x = claim["x"]
    about = [each for each in premise if each["x"] == x]
    if any(_entails(each, claim) for each in about):
        return scenes.ENTAILMENT
    return scenes.CONTRADICTION if any(_denies(each, claim) for each in about) else scenes.NEUTRAL


def _entails(said: Fact, claim: Fact) -> bool:
    got = dict(said.slots)
    match claim.frame:
        case "have":
            return said.frame in ("have", "count") and claim["a"] in ("animal", got["a"])
        case "colour":
            return said.frame in ("own", "colour") and (got["c"], got["t"]) == (claim["c"], claim["t"])
        case "eat":
            eaten = got.get("f")
            return eaten is not None and (eaten == claim["f"] or (claim["f"] == "fruit" and eaten in FRUIT))
        case "do":
            return said.frame in ("do", "do_at") and got["v"] == claim["v"]
        case "at":
            return got.get("p") == claim["p"]
        case "drink":
            return got.get("d") == claim["d"]
    return said == claim


def _denies(said: Fact, claim: Fact) -> bool:
    got = dict(said.slots)
    match claim.frame:
        case "have":
            return said.frame == "none"
        case "none":
            return said.frame in ("have", "count")
        case "colour":
            return said.frame in ("own", "colour") and got["t"] == claim["t"] and got["c"] != claim["c"]
        case "count":
            return said.frame == "count" and got["a"] == claim["a"] and got["n"] != claim["n"]
        case "do":
            return said.frame in ("do", "do_at") and exclude_each_other(got["v"], claim["v"])
    slot = {"at": "p", "eat": "f", "drink": "d"}[claim.frame]
    return slot in got and not _entails(said, claim)


@pytest.mark.parametrize("split", SPLITS)
def test_labels_follow_from_the_facts(split: str) -> None:
    rows = open_sample("nli", split, "en", size=900)
    frames = Counter()
    for block in range(300):
        claim = scenes.claim(rows.rng(block), split)
        assert [_relation(premise, claim.hypothesis) for premise in claim.premises] == [0, 1, 2], claim
        frames[claim.hypothesis.frame] += 1
    assert set(frames) == {"at", "do", "eat", "drink", "have", "none", "count", "colour"}


def test_a_hypothesis_alone_says_nothing_about_its_label() -> None:
    seen: dict[str, list[int]] = {}
    for row in get_task("micro-nli").rows("train")[:3000]:
        assert isinstance(row, PairRow)
        seen.setdefault(row.second, []).append(row.label)
    assert all(Counter(labels)[0] == Counter(labels)[1] == Counter(labels)[2] for labels in seen.values())


def test_a_premise_alone_says_little_about_its_label() -> None:
    """The best guess from the two sentences' kinds must stay near a third, or reading would not be needed."""
    kinds: dict[tuple[str, ...], Counter[int]] = {}
    rows = open_sample("nli", "train", "en", size=0)
    for block in range(1000):
        for label, premise in enumerate(scenes.claim(rows.rng(block), "train").premises):
            kinds.setdefault(tuple(sorted(each.frame for each in premise)), Counter())[label] += 1
    assert sum(max(each.values()) for each in kinds.values()) / 3000 < 0.45


def test_no_premise_of_dev_or_score_is_met_in_training() -> None:
    train = {row.first for row in get_task("micro-nli").rows("train")}
    for split in ("dev", "score"):
        assert not train & {row.first for row in get_task("micro-nli").rows(split)}


# Questions


@LANGUAGE
def test_answers_stand_at_their_offset_and_only_one_sentence_answers(language: str) -> None:
    for split in SPLITS:
        for row in get_task("micro-qa").rows(split, language, limit=100):
            assert isinstance(row, SpanRow)
            (answer,) = row.answers
            assert row.context[answer.start : answer.start + len(answer.text)] == answer.text
            assert 3 <= sum(row.context.count(mark) for mark in ".।。") <= 5
            assert row.question[-1] in "?؟;？"


@pytest.mark.parametrize("split", SPLITS)
def test_exactly_one_fact_of_a_scene_answers_its_question(split: str) -> None:
    rows = open_sample("qa", split, "en", size=0)
    asked: Counter[str] = Counter()
    for index in range(400):
        drawn = scenes.question(rows.rng(index), split)
        slots, _, frames = scenes.QUESTIONS[drawn.question.frame]
        answering = [
            each for each in drawn.scene if each.frame in frames and all(each[s] == drawn.question[s] for s in slots)
        ]
        rivals = [each for each in drawn.scene if each.frame in frames and each not in answering]
        assert answering == [drawn.base]
        assert rivals
        for each in "xpfd":  # each person, place, food and drink is met once
            named = [found for said in drawn.scene if (found := said.get(each))]
            assert len(named) == len(set(named))
        asked[drawn.question.frame] += 1
    assert len(asked) == len(scenes.QUESTIONS)


@LANGUAGE
def test_choices_are_four_different_texts_and_the_right_place_is_balanced(language: str) -> None:
    places: Counter[int] = Counter()
    for row in get_task("micro-choice").rows("train", language, limit=400):
        assert isinstance(row, ChoiceRow)
        assert len(set(row.choices)) == 4
        places[row.label] += 1
    assert all(70 < places[each] < 130 for each in range(4))


def test_the_right_choice_is_not_the_only_one_the_context_names() -> None:
    rows = [row for row in get_task("micro-choice").rows("train", limit=500) if isinstance(row, ChoiceRow)]
    named = [sum(choice in row.context for choice in row.choices) for row in rows]
    assert sum(each >= 2 for each in named) > 0.9 * len(rows)


# Tags and bitext


@LANGUAGE
def test_tagged_sentences_use_known_tags_on_equally_many_tokens(language: str) -> None:
    task = get_task("micro-pos")
    seen: Counter[str] = Counter()
    for row in task.rows("train", language, limit=200):
        assert isinstance(row, TagsRow)
        assert len(row.tokens) == len(row.tags)
        seen.update(task.labels[tag] for tag in row.tags)
    assert {"NOUN", "PROPN", "VERB", "NUM", "PUNCT", "ADJ"} <= set(seen)


def test_no_tagged_sentence_of_score_is_met_in_training() -> None:
    task = get_task("micro-pos")
    assert not {row.tokens for row in task.rows("train")} & {row.tokens for row in task.rows("score")}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_at_least_300_translations_are_all_different_on_both_sides(language: str) -> None:
    rows = [row for row in get_task("micro-bitext").rows("score", language) if isinstance(row, BitextRow)]
    assert len(rows) >= 300
    assert len({row.source for row in rows}) == len({row.target for row in rows}) == len(rows)


def test_english_is_the_target_and_the_same_in_every_language() -> None:
    targets = {tuple(row.target for row in get_task("micro-bitext").rows("score", each)) for each in LANGUAGES[1:]}
    assert len(targets) == 1
    assert "is in the library." in " ".join(next(iter(targets)))


def test_more_translations_than_there_are_facts_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"has \d+ different sentences in 'dev'; 9999 were asked for"):
        open_sample("bitext", "dev", "de", size=9999)


def test_a_language_it_does_not_speak_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not speak 'fi'"):
        open_sample("nli", "dev", "fi", size=9)
