"""Upstreams, and the runs that bring releases from there."""
