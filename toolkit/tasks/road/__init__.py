"""The road to a dataset's rows on the hub: which id and branch holds them in parquet, and in which files."""
