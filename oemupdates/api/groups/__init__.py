"""Groups and channels, and the ways to their targets."""
