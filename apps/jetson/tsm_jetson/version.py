"""The version, that of all of this project's distributions."""

__version__ = "0.1.0"
