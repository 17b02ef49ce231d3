"""The journeys: train, evaluate, retrieve. Each reads like a methods section."""
