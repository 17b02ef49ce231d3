"""Journey `compare`: compositions on the same rows, with intervals."""
