"""The loop of a live run over all its sources, and its state."""
