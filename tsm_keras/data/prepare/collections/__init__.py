"""Readers of collections of clips, one short file per format."""
