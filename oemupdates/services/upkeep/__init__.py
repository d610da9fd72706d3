"""What the clock and operators do so that hosted files stay whole, wanted and taken."""
