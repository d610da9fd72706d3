"""Components: extensions with versions of their own, and the lists that nodes are shown."""
