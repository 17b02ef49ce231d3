"""Journeys `eval`, `retrieve` and `mine`."""
