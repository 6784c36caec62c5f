"""Import and export of PyTorch checkpoints."""
