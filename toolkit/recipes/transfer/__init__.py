"""Journeys `similarity`, `rank` and `fuse --suggest`."""
