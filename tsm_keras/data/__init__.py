"""Clips from video files: decoding, sampling, pipelines, gestures."""
