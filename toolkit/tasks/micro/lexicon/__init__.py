"""The micro-world's lexicon and sentence frames: one module of tables per language, no logic."""
