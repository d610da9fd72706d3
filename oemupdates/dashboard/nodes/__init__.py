"""Nodes: the list and what is done with it, and one node."""
