from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import ToolkitError
from toolkit.retrieval import Index, exact_search


def unit(rng, n, width):
    vectors = rng.normal(size=(n, width)).astype("f4")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def filled(corpus, factory="Flat"):
    index = Index(corpus.shape[1], factory=factory)
    index.add(corpus)
    return index


@pytest.mark.parametrize(("n", "width", "k"), [(50, 8, 1), (500, 16, 5), (2000, 384, 4), (300, 32, 300)])
def test_faiss_finds_what_the_exact_oracle_finds(n, width, k):
    rng = np.random.default_rng(n)
    corpus, queries = unit(rng, n, width), unit(rng, 60, width)
    scores, rows = filled(corpus).search(queries, k)
    expected_scores, _ = exact_search(queries, corpus, k)
    assert np.allclose(scores, expected_scores, atol=1e-6)
    # Two rows whose scores differ in rounding alone may change places.
    products = queries.astype("f8") @ corpus.T.astype("f8")
    assert np.allclose(np.take_along_axis(products, rows, axis=1), expected_scores, atol=1e-6)
    assert all(len(set(found)) == k for found in rows.tolist())


@pytest.mark.parametrize(("n", "width", "k"), [(50, 8, 1), (50, 8, 5), (1000, 16, 1), (1000, 16, 7), (3000, 64, 4)])
def test_repeated_vectors_come_in_the_order_of_their_rows(n, width, k):
    rng = np.random.default_rng(n + k)
    base = unit(rng, n // 6, width)
    drawn = rng.integers(0, len(base), n)
    corpus = base[drawn]
    queries = base[rng.integers(0, len(base), 100)]
    scores, rows = filled(corpus).search(queries, k)
    expected_scores, _ = exact_search(queries, corpus, k)
    assert np.allclose(scores, expected_scores, atol=1e-6)
    for found in rows:
        for vector in set(drawn[found]):
            repeats = found[drawn[found] == vector]
            assert np.array_equal(repeats, np.flatnonzero(drawn == vector)[: len(repeats)])


def test_the_first_of_equal_rows_is_the_nearest_wherever_they_stand():
    rng = np.random.default_rng(0)
    corpus = unit(rng, 2000, 48)
    for low, high in ((0, 1999), (7, 8), (1023, 1024), (100, 1500)):
        held = corpus.copy()
        held[high] = held[low]
        assert filled(held).search(held[[high]], 2)[1].tolist() == [[low, high]]


def test_rows_added_in_several_calls_are_numbered_through_and_repeats_are_recognised():
    eye = np.eye(4, dtype="f4")
    index = Index(4)
    for piece in (eye[:2], eye[1:3], eye[:1]):
        index.add(piece)
    assert len(index) == 5
    scores, rows = index.search(eye[:3], 2)
    assert rows[:2].tolist() == [[0, 4], [1, 2]]
    assert rows[2, 0] == 3
    assert scores[:2].tolist() == [[1, 1], [1, 1]]


def test_as_many_neighbours_as_rows_gives_every_row_once():
    rng = np.random.default_rng(1)
    corpus = np.repeat(unit(rng, 5, 8), [3, 1, 2, 1, 4], axis=0)
    _, rows = filled(corpus).search(unit(rng, 10, 8), len(corpus))
    assert np.array_equal(np.sort(rows, axis=1), np.tile(np.arange(len(corpus)), (10, 1)))


def test_positive_and_negative_zero_are_the_same_number():
    index = Index(2)
    index.add(np.array([[0.0, 1.0], [-0.0, 1.0]], "f4"))
    assert index.search(np.array([[0, 1]], "f4"), 1)[1].tolist() == [[0]]


def test_scores_fall_from_left_to_right():
    rng = np.random.default_rng(2)
    scores, _ = filled(unit(rng, 400, 16)).search(unit(rng, 20, 16), 30)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_an_approximate_index_that_finds_too_few_never_names_a_row_that_is_none():
    rng = np.random.default_rng(3)
    corpus = unit(rng, 400, 8)
    scores, rows = filled(corpus, "IVF40,Flat").search(unit(rng, 20, 8), 60)
    assert (rows == -1).any()  # one of forty cells is looked at, which holds about ten rows
    assert np.isneginf(scores[rows == -1]).all()
    assert (rows[np.isfinite(scores)] >= 0).all()
    assert not np.isnan(scores).any()


def test_an_approximate_index_finds_nearly_what_the_exact_one_finds():
    rng = np.random.default_rng(4)
    corpus = unit(rng, 1000, 16)
    queries = corpus[::10] + 0.05 * unit(rng, 100, 16)
    found = filled(corpus, "HNSW32").search(queries, 1)[1]
    assert (found == exact_search(queries, corpus, 1)[1]).mean() > 0.9


def test_an_index_that_faiss_does_not_know_is_refused_with_two_that_it_does():
    with pytest.raises(
        ToolkitError, match=r"FAISS has no index 'Flatt' for vectors of 8 numbers; write Flat \(exact\)"
    ):
        Index(8, factory="Flatt")


def test_too_few_vectors_for_an_index_that_learns_its_cells_are_refused():
    index = Index(8, factory="IVF40,Flat")
    with pytest.raises(ToolkitError, match="An index 'IVF40,Flat' cannot learn .40 cells. from 3 vectors"):
        index.add(np.eye(8, dtype="f4")[:3])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_vector_with_nan_or_infinity_is_named_and_nothing_is_added(bad):
    vectors = np.eye(4, dtype="f4")
    vectors[2, 1] = bad
    index = Index(4)
    with pytest.raises(ToolkitError, match="Vector 2 holds NaN or infinite"):
        index.add(vectors)
    assert len(index) == 0


@pytest.mark.parametrize("shape", [(3, 5), (4,), (1, 3, 4)])
def test_vectors_of_another_width_are_refused_by_add_and_search(shape):
    index = filled(np.eye(4, dtype="f4"))
    for method in (index.add, lambda vectors: index.search(vectors, 1)):
        with pytest.raises(ToolkitError, match=r"this index takes \[N, 4\]"):
            method(np.zeros(shape, "f4"))


@pytest.mark.parametrize("k", [0, -1, 5])
def test_more_neighbours_than_rows_or_none_at_all_are_refused(k):
    with pytest.raises(ToolkitError, match=f"{k} neighbours were asked of an index of 4 rows; ask for 1 to 4"):
        filled(np.eye(4, dtype="f4")).search(np.eye(4, dtype="f4"), k)


def test_double_precision_vectors_are_taken():
    assert filled(np.eye(3)).search(np.eye(3), 1)[1].ravel().tolist() == [0, 1, 2]


@pytest.mark.parametrize("factory", ["Nonsense", "PQ7", "IVF,Flat", "HNSWx", "", "IVF4,PQ5", "LSH,PQ"])
def test_what_faiss_cannot_build_is_said_without_its_own_text(factory):
    with pytest.raises(ToolkitError) as refused:
        Index(16, factory=factory)
    assert_without_cpp(str(refused.value))


@pytest.mark.parametrize("factory", ["IVF64,Flat", "PQ4", "IVF4,PQ4", "PQ4x6", "PCA999,Flat"])
def test_too_few_vectors_are_said_without_its_own_text(factory, capfd):
    vectors = np.random.default_rng(0).normal(size=(8, 16)).astype("f4")
    with pytest.raises(ToolkitError) as refused:
        Index(16, factory=factory).add(vectors)
    assert_without_cpp(str(refused.value))
    assert "from 8 vectors of 16 numbers" in str(refused.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("factory", ["IVF4,Flat", "IVF4,PQ4x4", "PQ4x4", "IVF4,SQ8"])
def test_learning_from_few_vectors_prints_nothing(factory, capfd):
    vectors = np.random.default_rng(0).normal(size=(40, 16)).astype("f4")
    Index(16, factory=factory).add(vectors)
    assert capfd.readouterr() == ("", "")


def assert_without_cpp(sentence):
    for word in ("faiss::", "Error in", "/root", ".cpp", "Exception", "failed:"):
        assert word not in sentence, sentence
