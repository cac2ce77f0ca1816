"""The open HTTP contract: other people's software issues credentials here and sets their status (STANDARDS h)."""
