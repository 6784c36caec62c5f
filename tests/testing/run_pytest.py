"""Runs pytest where there is no `pytest` command: the main of BUILD's tests."""

import sys

import pytest

if __name__ == "__main__":
    # Nothing is written next to the tests: Bazel's tree is read-only.
    sys.exit(pytest.main(["-p", "no:cacheprovider", *sys.argv[1:]]))
