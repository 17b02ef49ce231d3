"""Slow: every task of the mirror, trained for a few steps, scored and perturbed in every language (`pytest --run-slow`)."""
