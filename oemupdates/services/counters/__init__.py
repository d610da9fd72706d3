"""The counters that pages read instead of counting nodes, and their samples by the hour."""
