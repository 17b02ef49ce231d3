"""Journey `results`: scores and predictions in the formats of others."""
