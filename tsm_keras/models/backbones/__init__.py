"""2-D networks, one per file."""
