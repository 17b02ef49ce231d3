"""Journeys into a fusion: attention over its members, pruning, collapsing into one adapter."""
