"""No page was published before it was finished."""

import re

import pytest

from testing.checkout import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_figure_is_still_to_be_filled_in(path):
    """While a page is written, `@NAME@` stands for what is not yet measured."""
    assert not re.findall("@[A-Z]+@", path.read_text("utf-8"))
