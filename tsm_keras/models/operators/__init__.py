"""Temporal operators, one per file, and the marks that call them."""
