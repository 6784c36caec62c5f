"""wait_for: waits for something that another process or thread does."""

import time


def wait_for(condition, seconds=120.0):
    """Calls a function until it returns a true value; returns this value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return value
