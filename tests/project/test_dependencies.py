"""The packages import only what their distributions declare.

The wheel has all files of the packages (see test_distributions.py), so its
imports are those of the checkout. Nothing is installed for this.
"""

import importlib
import re
import sys

import pytest

from testing import checkout
from tsm_cli.main import _COMMANDS

# Python 3.10 has none; pytest brings its ancestor there.
tomllib = importlib.import_module(
    "tomllib" if sys.version_info >= (3, 11) else "tomli"
)

# The distributions of packages that are imported under another name.
_DISTRIBUTIONS = {
    "absl": "absl-py",
    "cuda": "cuda-bindings",
    "cv2": "opencv-python-headless",
    "mlflow": "mlflow-skinny",
    "sklearn": "scikit-learn",
}
# For each distribution: its folder, its packages, the packages that only its
# extras bring, and those that pip does not bring.
_OURS = {
    "tsm-keras": (
        checkout.ROOT,
        {"tsm_keras", "tsm_export", "tsm_live", "tsm_cli"},
        {
            "apache-beam",
            "mlflow-skinny",
            "onnx",
            "onnxruntime",
            "pycocotools",
            "tensorflow-model-optimization",
            "tf2onnx",
            "wandb",
        },
        set(),
    ),
    "tsm-live": (
        checkout.ROOT / "apps/live",
        {"tsm_live"},
        {"onnxruntime"},
        set(),
    ),
    "tsm-jetson": (
        checkout.ROOT / "apps/jetson",
        {"tsm_jetson"},
        {"cuda-bindings"},
        {"tensorrt"},  # JetPack has it.
    ),
}
_MODULES = checkout.package_modules()


def _distribution(module):
    """Returns the distribution of a module; None for Python and for ours."""
    name = module.split(".")[0]
    if name in sys.stdlib_module_names or name in checkout.PACKAGE_ROOTS:
        return None
    return _DISTRIBUTIONS.get(name, name.replace("_", "-"))


def _declared(folder):
    """Returns the dependencies, and what all extras but `dev` bring."""
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    optional = [
        x for name, those in extras.items() if name != "dev" for x in those
    ]
    return [
        {
            re.match(r"[\w-]+", line)[0].lower().replace("_", "-")
            for line in lines
        }
        for lines in (project["dependencies"], optional)
    ]


@pytest.mark.parametrize("name", _OURS)
def test_every_import_is_declared(name):
    folder, packages, of_extras, brought = _OURS[name]
    dependencies, extras = _declared(folder)
    imported = {
        _distribution(found.module)
        for module, path in _MODULES.items()
        if module.split(".")[0] in packages
        for found in checkout.imports(path)
    } - {None}
    assert imported - dependencies - brought == of_extras <= extras


def test_no_command_needs_an_extra_before_it_runs():
    """Packages of an extra are imported only where they are used."""
    dependencies, _ = _declared(checkout.ROOT)
    waiting = [module for module, _ in _COMMANDS.values()]
    waiting += ["tsm_keras", "tsm_export", "tsm_live"]
    loaded = set()
    while waiting:
        module = waiting.pop()
        if module in loaded:
            continue
        loaded.add(module)
        waiting += filter(None, [module.rpartition(".")[0]])
        for found in checkout.imports(_MODULES[module]):
            if not found.on_load:
                continue
            missing = {_distribution(found.module)} - {None} - dependencies
            assert not missing, f"{module}:{found.line} imports {found.module}"
            waiting += filter(None, [checkout.owner(found.module, _MODULES)])
    assert len(loaded) > 200
