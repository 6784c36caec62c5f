"""wait_for: until what another process or thread does has happened."""

import time


def wait_for(condition, seconds=30.0):
    """Calls a function until it returns something true; returns that."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return value
