"""Groups and channels: what nodes should run, and what changing that would do."""
