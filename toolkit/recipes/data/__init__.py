"""Journey `tasks check`: counts, warnings and leaks of rows, before anything is trained."""
