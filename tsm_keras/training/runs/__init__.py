"""The folder of a training: what it holds, and how training goes on from it."""
