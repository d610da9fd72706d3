"""Operators, tokens, secrets and links."""
