"""Journey `export`: a composition as files that answer without the toolkit."""
