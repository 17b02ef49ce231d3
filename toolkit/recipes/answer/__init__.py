"""Journey `predict`: answers and vectors for rows and texts of one's own."""
