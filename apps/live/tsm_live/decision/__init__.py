"""Turns the logits of a stream into gestures with a start and an end."""
