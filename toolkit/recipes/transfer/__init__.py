"""Journeys `similarity`, `predict` and `fuse --suggest`."""
