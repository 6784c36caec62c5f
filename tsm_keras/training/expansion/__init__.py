"""Stepwise expansion of a network along its axes (X3D, section 3.2)."""
