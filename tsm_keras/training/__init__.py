"""Training: one set of defaults around `model.fit`."""
