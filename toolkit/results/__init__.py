"""Values that a journey leaves: scores and predictions, with their files."""
