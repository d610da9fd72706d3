"""Releases: registered, completed, compared, and removed."""
