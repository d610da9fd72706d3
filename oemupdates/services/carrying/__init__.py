"""What is carried by hand: to a node, and over an air gap in bundles."""
