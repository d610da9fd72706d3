"""Releases that come by themselves, from other servers."""
