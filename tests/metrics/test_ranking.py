import numpy as np
import pytest

from toolkit.metrics import ranking, retrieval_accuracy, weighted_f1


def test_the_share_of_right_rows_is_the_accuracy():
    assert retrieval_accuracy(np.array([0, 1, 5, 3]), np.arange(4)) == {"accuracy": 0.75}


def test_nothing_found_is_a_miss_and_not_the_last_row():
    assert retrieval_accuracy([-1, 1], [1, 1]) == {"accuracy": 0.5}


@pytest.mark.parametrize(
    ("predicted", "gold", "sentence"),
    [
        ([], [], "No rows"),
        ([1], [1, 2], "1 predictions for 2"),
        ([[1]], [1], r"shape \[1, 1\]"),
        ([1.0], [1], "float64"),
        ([1], [-1], "-1 is negative"),
    ],
)
def test_rows_that_do_not_fit_are_refused(predicted, gold, sentence):
    with pytest.raises(ValueError, match=sentence):
        retrieval_accuracy(predicted, gold)


@pytest.mark.parametrize("seed", range(5))
def test_weighted_f1_is_that_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    predicted, gold = rng.integers(0, 9, 40), rng.integers(0, 12, 40)
    assert weighted_f1(predicted, gold)["weighted_f1"] == pytest.approx(
        metrics.f1_score(gold, predicted, average="weighted", zero_division=0)
    )
    assert weighted_f1(np.full(40, -1), gold)["weighted_f1"] == 0.0


# -- mean average precision and mean reciprocal rank ------------------------------------------------------------------


def plain_ranking(found: list[list[int]], right: dict[int, set[int]], k: int) -> tuple[float, float]:
    """Both measures in loops, by their definitions."""
    averages, reciprocals = [], []
    for query, rows in enumerate(found):
        hits, total, first = 0, 0.0, 0.0
        seen: set[int] = set()
        for rank, row in enumerate(rows[:k], 1):
            if row in right[query] and row not in seen:
                hits += 1
                total += hits / rank
                first = first or 1 / rank
            seen.add(row)
        averages.append(total / min(len(right[query]), k))
        reciprocals.append(first)
    return sum(averages) / len(averages), sum(reciprocals) / len(reciprocals)


@pytest.mark.parametrize("seed", range(20))
def test_ranking_is_that_of_a_plain_implementation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_queries, n_rows, width, k = int(rng.integers(1, 30)), int(rng.integers(5, 60)), 25, int(rng.integers(1, 25))
    # With -1 (nothing found) and, as no index gives them but a file may, rows that come twice.
    found = rng.integers(-1, n_rows, (n_queries, width))
    right = {query: set(rng.integers(0, n_rows, int(rng.integers(1, 30))).tolist()) for query in range(n_queries)}
    pairs = [(query, row) for query, rows in right.items() for row in rows]
    rng.shuffle(pairs)
    queries, rows = np.array(pairs + pairs[:3]).T
    expected = plain_ranking(found.tolist(), right, k)
    assert list(ranking(found, queries, rows, k=k).values()) == pytest.approx(list(expected), abs=1e-12)


def test_more_right_rows_than_are_looked_at_still_allow_a_perfect_score() -> None:
    found = np.arange(20)[None]
    assert ranking(found, [0] * 50, np.arange(50)) == {"map_at_20": 1.0, "mrr_at_20": 1.0}


def test_with_one_right_row_both_measures_are_equal() -> None:
    found = np.array([[4, 2, 9], [1, 0, 3], [7, 8, 6]])
    values = ranking(found, [0, 1, 2], [9, 1, 5])
    assert values["map_at_20"] == values["mrr_at_20"] == pytest.approx((1 / 3 + 1 + 0) / 3)


def test_ranks_beyond_k_do_not_count() -> None:
    assert ranking([[5, 6, 7]], [0], [7], k=2) == {"map_at_2": 0.0, "mrr_at_2": 0.0}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([1, 2], [0], [1]), r"shape \[2\]"),
        (([[1]], [0, 0], [1]), r"right pairs \[2\] and \[1\]"),
        (([[1.5]], [0], [1]), "found rows are float64"),
        (([[1]], [0], [-1]), "below 0"),
        (([[1]], [1], [1]), "beyond the 1"),
        (([[1], [2]], [1], [2]), "Query 0 has no right row"),
        (([[]], [0], [1]), r"shape \[1, 0\]"),
    ],
)
def test_found_rows_and_right_pairs_that_do_not_fit_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        ranking(*arguments)


def test_ranking_gives_the_official_scripts_numbers() -> None:
    """The numbers are what google-research/xtreme's `utils_lareqa.py` and `utils_mewslix.py` answer on these predictions."""
    found = [[(7 * rank + 11 * query * query) % 40 for rank in range(25)] for query in range(8)]
    right = [sorted({(3 * j + 5 * query) % 40 for j in range(1 + 4 * query)}) for query in range(8)]
    queries = [query for query, rows in enumerate(right) for _ in rows]
    rows = [row for each in right for row in each]
    assert ranking(found, queries, rows)["map_at_20"] == pytest.approx(0.39004466478295813, abs=1e-12)
    assert ranking(found, queries, rows, k=5)["map_at_5"] == pytest.approx(0.3995833333333333, abs=1e-12)
    each = [ranking(found[q : q + 1], [0] * len(right[q]), right[q])["map_at_20"] for q in range(8)]
    assert each == pytest.approx(
        [1.0, 0.26491228070, 0.14472798157, 0.14093945270, 0.36280595909, 0.27392036069, 0.40341697046, 0.52963431306]
    )
    gold = [(13 * query + 4) % 40 for query in range(8)]
    assert ranking(found, list(range(8)), gold)["mrr_at_20"] == pytest.approx(0.1477732793522267, abs=1e-12)
