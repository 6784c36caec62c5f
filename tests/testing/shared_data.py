"""Finds real videos in a folder beside the checkout, if there is one."""

import pytest

from testing.checkout import ROOT

FIXTURES = ROOT.parent / "shared" / "data" / "fixtures"
CASES = ROOT.parent / "shared" / "cases"
ACTIONS = ROOT.parent / "shared" / "data" / "actions"


def fixture(name):
    """Returns the path of a real video, or skips the test."""
    if not FIXTURES.is_dir():
        pytest.skip("the real videos are not beside this checkout")
    return FIXTURES / name
