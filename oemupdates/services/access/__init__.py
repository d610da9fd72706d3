"""Who may what: operators and their ways in, roles, tokens, secrets and links."""
