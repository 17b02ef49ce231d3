"""The micro-world: a seeded generator of small, true-to-grammar rows of every task kind in eleven languages.

One lexicon and a few sentence frames per language state the same facts everywhere, so all rows are parallel across
languages and the translations are exact. Rows are made one by one when they are asked for. They serve the demo and
the tests; no number from them is a benchmark result.
"""

from toolkit.tasks.micro.grammar import LANGUAGES
from toolkit.tasks.micro.samples import MAKERS, open_sample
from toolkit.tasks.micro.source import SampleSource

__all__ = ["LANGUAGES", "MAKERS", "SampleSource", "open_sample"]
