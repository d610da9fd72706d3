"""Releases, their payloads, and what of them lies here."""
