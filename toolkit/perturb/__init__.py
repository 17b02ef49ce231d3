"""Perturbations: pure functions of rows and a seed, with labels and answers kept right."""

from toolkit.perturb.apply import perturb
from toolkit.perturb.fields import ATTACKED, FIELDS, fields_of
from toolkit.perturb.lexicon import Lexicon, lexicon_languages, make_lexicon, read_lexicon, read_lexicons
from toolkit.perturb.noise import Noise, augment, parse_noise
from toolkit.perturb.perturbation import LEVELS, PERTURBATIONS, Perturbation, check_strength, get_perturbation

__all__ = [
    "ATTACKED",
    "FIELDS",
    "LEVELS",
    "PERTURBATIONS",
    "Lexicon",
    "Noise",
    "Perturbation",
    "augment",
    "check_strength",
    "fields_of",
    "get_perturbation",
    "lexicon_languages",
    "make_lexicon",
    "parse_noise",
    "perturb",
    "read_lexicon",
    "read_lexicons",
]
