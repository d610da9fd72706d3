"""What every operation shares: strict words in, one call, a shape with its ETag out."""
