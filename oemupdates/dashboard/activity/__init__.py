"""What was done, found and followed."""
