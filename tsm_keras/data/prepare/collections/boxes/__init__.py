"""Formats of videos whose objects have boxes."""
