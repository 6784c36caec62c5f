"""Three distributions, one version, one set of ranges; scripts that exist."""

import importlib
import re
import sys

import pytest

from testing import checkout
from tsm_jetson.version import __version__ as jetson_version
from tsm_keras.version import __version__ as keras_version
from tsm_live.version import __version__ as live_version

# Python 3.10 has none; pytest brings its ancestor there.
tomllib = importlib.import_module(
    "tomllib" if sys.version_info >= (3, 11) else "tomli"
)

_LIVE = checkout.ROOT / "apps/live"
_JETSON = checkout.ROOT / "apps/jetson"


def _project(folder):
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]


def test_one_version():
    assert keras_version == live_version == jetson_version
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", keras_version)


def test_one_range_a_dependency():
    ours = _project(checkout.ROOT)
    extra = set(ours["optional-dependencies"]["onnx"])
    for folder in (_LIVE, _JETSON):
        device = _project(folder)
        assert set(device["dependencies"]) <= set(ours["dependencies"])
        assert set(device["optional-dependencies"].get("onnx", ())) <= extra
    assert extra <= set(ours["optional-dependencies"]["dev"])


def test_every_dependency_is_explained():
    project = _project(checkout.ROOT)
    requirements = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
    ]
    names = {re.match(r"[\w-]+", each).group() for each in requirements}
    text = (checkout.ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    explained = set(
        re.findall(r"^\| `([\w-]+)`(?: \*)? \|", text, re.MULTILINE)
    )
    assert explained == names


def test_one_license():
    ours = (checkout.ROOT / "LICENSE").read_text(encoding="utf-8")
    for folder in (_LIVE, _JETSON):
        assert (folder / "LICENSE").read_text(encoding="utf-8") == ours
        license = _project(folder)["license"]
        assert license == _project(checkout.ROOT)["license"]


def _scripts():
    for folder in (checkout.ROOT, _LIVE, _JETSON):
        project = _project(folder)
        for name, target in project["scripts"].items():
            yield pytest.param(target, id=f"{project['name']}:{name}")


@pytest.mark.parametrize("target", _scripts())
def test_console_scripts_point_to_functions(target):
    module, _, function = target.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
