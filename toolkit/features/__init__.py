"""Features: rows as token arrays, one function per kind, and batches under a token budget."""

from toolkit.features.collate import Features
from toolkit.features.sentence import sentence_features
from toolkit.features.tokenise import MAX_LENGTH, TOKENISERS, Tokenising, features_of

__all__ = ["MAX_LENGTH", "TOKENISERS", "Features", "Tokenising", "features_of", "sentence_features"]
