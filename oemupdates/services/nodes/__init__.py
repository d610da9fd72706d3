"""What operators do to nodes, one by one and in bulk, and what those ran at a moment."""
