"""Evaluation of circuits: outputs of their heads, answers and scores."""
