"""Reads video files: one decoder and one colour conversion for everything."""
