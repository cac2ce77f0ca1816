"""One file for each source of contributions; all have the same face."""
