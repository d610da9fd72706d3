"""Payload bytes: put in place, judged, kept in a bucket as well, and counted as they go."""
