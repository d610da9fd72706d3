"""Components and their images."""
