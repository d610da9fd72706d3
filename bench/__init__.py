"""Load and scale: how fast check-ins are taken, and at what cost."""
