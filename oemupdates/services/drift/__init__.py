"""Drift: measured again by the clock and by what nodes report, counted and told."""
