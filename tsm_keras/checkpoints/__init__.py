"""PyTorch checkpoints: files, namings, import and export."""
