"""A fleet to look around with, by the same check-ins."""
