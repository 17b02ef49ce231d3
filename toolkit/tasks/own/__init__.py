"""Rows of one's own: from records without gold labels to the rows of a task, to be answered."""
