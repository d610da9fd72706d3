"""A check-in: a batch of them in memory, and how it is written."""
