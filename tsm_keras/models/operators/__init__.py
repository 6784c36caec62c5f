"""Temporal operators, one per file, and the marks where they are applied."""
