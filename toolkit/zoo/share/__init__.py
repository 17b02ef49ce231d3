"""Sharing entries between zoos: places, transfer, arrival."""
