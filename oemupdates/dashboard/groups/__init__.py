"""Groups and channels, their policies, and the ways to what they want."""
