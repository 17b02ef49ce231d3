"""Journeys `train` and `fuse`."""
