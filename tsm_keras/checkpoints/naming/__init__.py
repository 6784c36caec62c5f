"""The names that PyTorch projects give to the layers of our networks."""
