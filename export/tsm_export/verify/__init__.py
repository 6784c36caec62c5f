"""Trials of artifacts on this machine: agreement and speed."""
