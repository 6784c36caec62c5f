"""Test vectors: the numbers that every runtime must reproduce."""
