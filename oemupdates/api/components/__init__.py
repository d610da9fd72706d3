"""Components, their images, and the groups that want them."""
