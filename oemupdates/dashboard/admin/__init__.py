"""The parts of this server, and what it refused, keeps and sends."""
