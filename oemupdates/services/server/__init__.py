"""The server itself: its clock, its health, and what it lets go with time."""
