"""Generated videos of hand gestures."""
