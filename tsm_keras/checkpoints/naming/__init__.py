"""What PyTorch projects call the layers of our networks."""
