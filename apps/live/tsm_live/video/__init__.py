"""Reads and writes video files, for training and for live runs."""
