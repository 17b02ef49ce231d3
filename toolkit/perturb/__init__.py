"""Perturbations: pure functions of rows and a seed, with labels and answers kept right."""

from toolkit.perturb.apply import FIELDS, perturb
from toolkit.perturb.lexicon import Lexicon, make_lexicon, read_lexicon
from toolkit.perturb.perturbation import LEVELS, PERTURBATIONS, Perturbation, check_strength, get_perturbation

__all__ = [
    "FIELDS",
    "LEVELS",
    "PERTURBATIONS",
    "Lexicon",
    "Perturbation",
    "check_strength",
    "get_perturbation",
    "make_lexicon",
    "perturb",
    "read_lexicon",
]
