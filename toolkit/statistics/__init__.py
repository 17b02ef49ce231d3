"""Significance tests and robustness measures: arrays in, numbers out."""
