"""Similarity of tasks, and how well it predicts transfer: arrays and numbers in, numbers out.

Each estimator is independent and knows no task, model or file: `toolkit.recipes` provides the vectors.
"""

from __future__ import annotations

from toolkit.similarity.agreement import MEASURES, measures, ndcg, random_values, regret, relative_regret, spearman
from toolkit.similarity.cka import linear_cka
from toolkit.similarity.languages import FEATURE_SETS, language_family, language_similarity
from toolkit.similarity.logme import logme
from toolkit.similarity.matrix import Matrix, matrix_of_pairs
from toolkit.similarity.overlap import vocabulary_overlap
from toolkit.similarity.transrate import transrate
from toolkit.similarity.validation import BEATS, CANNOT_TELL, DOES_NOT, Interval, Measured, Validation, validate
from toolkit.similarity.vectors import cosine, fisher_similarity, mean_vector

__all__ = [
    "BEATS",
    "CANNOT_TELL",
    "DOES_NOT",
    "FEATURE_SETS",
    "MEASURES",
    "Interval",
    "Matrix",
    "Measured",
    "Validation",
    "cosine",
    "fisher_similarity",
    "language_family",
    "language_similarity",
    "linear_cka",
    "logme",
    "matrix_of_pairs",
    "mean_vector",
    "measures",
    "ndcg",
    "random_values",
    "regret",
    "relative_regret",
    "spearman",
    "transrate",
    "validate",
    "vocabulary_overlap",
]
