"""A live run in a browser."""
