"""What every verb shares: activity and its chain, the configuration's lock, rates, files."""
