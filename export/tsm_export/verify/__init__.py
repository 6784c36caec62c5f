"""Checks and benchmarks of artifacts on this machine."""
