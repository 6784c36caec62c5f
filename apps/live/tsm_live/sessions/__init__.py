"""Sessions: they give frames to an artifact and keep its caches."""
