"""Journeys `sweep`, `status` and `report`."""
