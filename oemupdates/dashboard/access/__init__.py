"""Ways in, and who may what."""
