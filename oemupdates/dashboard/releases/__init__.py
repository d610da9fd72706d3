"""Releases, where they come from, and what of them lies here."""
