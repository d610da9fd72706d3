"""What pages share: the frame around them, their parts and words, and how they act."""
