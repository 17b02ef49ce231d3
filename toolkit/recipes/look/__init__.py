"""Journeys `doctor` and `demo`."""
