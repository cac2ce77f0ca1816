"""A made community in which it is known who deserves what, and how the office does by it."""
