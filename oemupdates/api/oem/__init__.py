"""OEMs, their drift, and known holes in what they bring."""
