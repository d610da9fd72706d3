"""What happened, for those who watch and for webhooks."""
