"""Known holes, held against what nodes run."""
