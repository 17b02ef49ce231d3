import random
import warnings

import pytest

from toolkit.metrics import tagging_f1

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


def spans_of_bare_tags(sentences):
    """The spans of bare tags in seqeval 0.0.12: runs of one tag; a tag that begins with B or S always starts anew.

    In its rules the first letter plays the part of B/I/E/S/O, and the whole tag is the type. Of the 17 UPOS tags
    only SCONJ and SYM begin with one of the letters that cut (S); none begins with B or E, and I (INTJ) only joins.
    """
    found = set()
    for number, tags in enumerate(sentences):
        start = 0
        for end in range(1, len(tags) + 1):
            if end == len(tags) or tags[end] != tags[start] or tags[start][0] == "S":
                found.add((number, start, end, tags[start]))
                start = end
    return found


def f1_by_hand(predicted, gold):
    found, expected = spans_of_bare_tags(predicted), spans_of_bare_tags(gold)
    right = len(found & expected)
    precision, recall = right / len(found), right / len(expected)
    return (2 * precision * recall / (precision + recall) if right else 0.0), precision, recall


def test_spans_need_both_ends_and_the_type():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG"]]
    predicted = [["B-PER", "I-PER", "O", "B-ORG"], ["O", "B-ORG"]]
    found = tagging_f1(predicted, gold)
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found["accuracy"] == pytest.approx(5 / 6)


def test_half_a_span_is_no_span():
    found = tagging_f1([["B-PER", "O"]], [["B-PER", "I-PER"]])
    assert (found["f1"], found["accuracy"]) == (0.0, 0.5)


def test_a_run_of_one_bare_tag_is_one_span_as_in_xtreme():
    # Gold: [DET] [NOUN NOUN] [VERB]; found: [DET] [NOUN] [VERB VERB]. One of three is right on both sides.
    found = tagging_f1([["DET", "NOUN", "VERB", "VERB"]], [["DET", "NOUN", "NOUN", "VERB"]])
    assert (found["precision"], found["recall"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert found["accuracy"] == 0.75


def test_cconj_is_not_sconj():
    assert tagging_f1([["CCONJ"]], [["SCONJ"]])["f1"] == 0.0


def test_seqeval_itself_still_takes_cconj_for_sconj():
    """Upstream pin (seqeval 1.2.2): when this fails, the prefix that `tagging_f1` puts before bare tags may go."""
    from seqeval.metrics import f1_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert f1_score([["SCONJ"]], [["CCONJ"]]) == 1.0


def test_random_upos_sentences_score_as_with_the_release_that_xtreme_used():
    draw = random.Random(0)
    for _ in range(20):
        lengths = [draw.randint(1, 12) for _ in range(8)]
        gold = [[draw.choice(UPOS) for _ in range(n)] for n in lengths]
        predicted = [[tag if draw.random() < 0.7 else draw.choice(UPOS) for tag in sentence] for sentence in gold]
        found = tagging_f1(predicted, gold)
        assert (found["f1"], found["precision"], found["recall"]) == pytest.approx(f1_by_hand(predicted, gold))


def test_perfect_tags_score_one_and_no_spans_score_zero():
    assert set(tagging_f1([UPOS], [UPOS]).values()) == {1.0}
    assert tagging_f1([["O", "O"]], [["O", "O"]]) == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "accuracy": 1.0}


def test_nothing_is_warned_about():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tagging_f1([["NOUN", "O"]], [["O", "O"]])


@pytest.mark.parametrize(
    ("predicted", "gold"),
    [([], []), ([[]], [[]]), ([["X"]], [["X"], ["X"]]), ([["X", "X"]], [["X"]]), ([[""]], [["X"]])],
)
def test_sentences_that_do_not_fit_are_refused(predicted, gold):
    with pytest.raises(ValueError, match=r"No rows|1 predictions for 2|Sentence 1 has 2|A tag is empty"):
        tagging_f1(predicted, gold)


@pytest.mark.parametrize(
    ("predicted", "gold", "f1"),
    [
        (["B", "O", "O"], ["B", "I", "O"], 0.0),
        (["B", "I", "O", "O", "B"], ["B", "I", "I", "O", "B"], 0.5),
        (["B", "B"], ["B", "I"], 0.0),
        (["I", "I", "O"], ["I", "I", "O"], 1.0),
        (["B", "E", "S"], ["B", "E", "S"], 1.0),
        (["B", "E", "O"], ["B", "E", "S"], pytest.approx(2 / 3)),
        (["B", "M", "E"], ["B", "M", "E"], 1.0),
        (["U", "U", "B", "L"], ["U", "U", "B", "L"], 1.0),
        (["U", "U", "O", "O"], ["U", "O", "B", "L"], 0.5),
    ],
)
def test_tags_of_scheme_letters_alone_are_chunks_without_a_type(predicted, gold, f1):
    assert tagging_f1([predicted], [gold])["f1"] == f1


def test_a_chunk_of_one_token_in_bilou_is_not_joined_with_the_next():
    gold = [["U-LOC", "U-LOC", "O", "B-PER", "L-PER"]]
    assert tagging_f1(gold, gold) == {"f1": 1.0, "precision": 1.0, "recall": 1.0, "accuracy": 1.0}
    found = tagging_f1([["U-LOC", "O", "O", "B-PER", "L-PER"]], gold)
    assert (found["precision"], found["recall"]) == (1.0, pytest.approx(2 / 3))


def test_the_tag_set_of_the_task_decides_and_not_the_tags_that_occur():
    tags = ["NOUN", "B", "I", "VERB"]  # bare tags, two of which look like letters of a scheme
    assert tagging_f1([["B", "B"]], [["B", "I"]], tag_set=tags)["f1"] == pytest.approx(0.5)
    assert tagging_f1([["B", "O"]], [["B", "O"]], tag_set=["O", "B", "I"])["f1"] == 1.0
