"""The version of both distributions (`tsm-keras` and `tsm-live`)."""

__version__ = "0.1.0"
