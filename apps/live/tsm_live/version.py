"""The version, which all distributions of this project share."""

__version__ = "0.1.0"
