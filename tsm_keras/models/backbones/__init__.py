"""2-D networks, one per file, and the table of them."""
