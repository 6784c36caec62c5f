"""What is in an artifact: one model file that says itself how to run it."""
