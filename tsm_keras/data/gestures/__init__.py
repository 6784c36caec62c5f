"""Generated videos of hand gestures, to try the package without data."""
