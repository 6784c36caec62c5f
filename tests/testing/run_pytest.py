"""Runs pytest without the `pytest` command; tests in BUILD files use it."""

import sys

import pytest

if __name__ == "__main__":
    # Bazel's tree is read-only, so nothing is written next to the tests.
    sys.exit(pytest.main(["-p", "no:cacheprovider", *sys.argv[1:]]))
