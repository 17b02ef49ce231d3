"""Mirrors of hub data sets on disk: finding, manifests, pins."""
