"""The first look: the overview, its inbox, and the wallboard."""
