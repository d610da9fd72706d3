"""What this server did, refused, keeps and sends."""
