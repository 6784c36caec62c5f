"""The commands of the page about detection are understood as they stand."""

import importlib
import re
import shlex

import pytest

from testing.checkout import ROOT
from tsm_cli.main import _COMMANDS
from tsm_keras.command_flags import parse

PAGE = (ROOT / "docs/detection.md").read_text("utf-8")
_LINES = re.findall(r"^(tsm [^\n]*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", sorted({*_LINES}))
def test_commands_are_understood(line):
    _, name, *arguments = shlex.split(line)
    module = importlib.import_module(_COMMANDS[name][0])
    rest = parse(module.FLAGS, f"tsm {name}", arguments)
    assert all(not word.startswith("-") for word in rest)


def test_the_page_goes_all_the_way():
    names = {line.split()[1] for line in _LINES}
    assert names >= {"prepare", "train", "evaluate", "export"}


def test_links_and_pictures_are_there():
    for link in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
