"""OEMs: the catalogue as operators corrected it, what releases show of them, their tools."""
