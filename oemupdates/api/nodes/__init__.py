"""Nodes: found, shown, changed, one by one and in bulk."""
