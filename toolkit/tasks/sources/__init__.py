"""Sources of rows: hub, mirror, local files, corpora, and converters of their layouts."""
