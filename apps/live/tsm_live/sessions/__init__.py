"""Sessions: an artifact that takes frames and keeps its caches."""
