"""Imports run one way, so that each package can be read without the next."""

import graphlib

import pytest

from testing import checkout

# What a package may import beside itself.
_PACKAGES = {
    "tsm_keras": ("tsm_keras",),
    "tsm_live": (),
    "tsm_jetson": ("tsm_live",),
    "tsm_export": ("tsm_keras", "tsm_live"),
    "tsm_cli": ("tsm_export", "tsm_keras", "tsm_live"),
}

# The rooms that see part of a package which their own package does not: so
# training and live runs decode and colour video in the same way, and what is
# evaluated are the boxes that a device finds.
_SHARED = {
    "tsm_keras.data.video": ("tsm_keras", "tsm_live.video"),
    "tsm_keras.evaluation": ("tsm_keras", "tsm_live.detection.boxes"),
}

# What a room of tsm_keras may import beside itself. The package's own modules,
# what users meet first, see all rooms, and no room sees them; but some of
# them are for all.
_BASE = (
    "tsm_keras.atomic_file",
    "tsm_keras.child_code",
    "tsm_keras.file_hash",
    "tsm_keras.keras_version",
    "tsm_keras.progress",
    "tsm_keras.command_flags",
    "tsm_keras.tf_keras_process",
    "tsm_keras.version",
)
_MODELS = (*_BASE, "tsm_keras.layers", "tsm_keras.models")
_ROOMS = {
    **{module: _BASE for module in _BASE},
    "tsm_keras": ("tsm_keras",),
    "tsm_keras.layers": _BASE,
    "tsm_keras.models": _MODELS,
    "tsm_keras.data": (*_BASE, "tsm_keras.models.config"),
    "tsm_keras.training": (
        *_MODELS,
        "tsm_keras.data",
        "tsm_keras.checkpoints",  # Training may start from PyTorch weights.
    ),
    "tsm_keras.evaluation": (*_MODELS, "tsm_keras.data"),
    "tsm_keras.checkpoints": (*_MODELS, "tsm_keras.data"),
}

# The rooms inside a room, from the first to the last: each may import those
# above it. What is not named here is for all of them.
_ORDERS = {
    "tsm_keras.data": (
        "augment",
        "video",
        "gestures",
        "moving_objects",
        "storage",
        "readers",
        "pipeline",
        "prepare",
    ),
    "tsm_live": (
        "video",
        "artifact",
        "detection",
        "runtimes",
        "sessions",
        "sources",
        "decision",
        "live",
        "views",
        "cli",
    ),
    "tsm_keras.training": ("objectives", "optimization", "runs", "expansion"),
    "tsm_export": ("tflite", "onnx", "verify"),
    "tsm_cli": ("evaluate", "expand", "predict", "vectors"),
}

# What would make a device install what it cannot hold.
_NEVER_ON_A_DEVICE = {"keras", "tensorflow", "tf_keras"}

_MODULES = checkout.package_modules()


def _breaches(rules):
    """Lists imports from a key of `rules` to another that it may not see."""
    for module, path in _MODULES.items():
        home = checkout.owner(module, rules)
        if home is None:
            continue
        for found in checkout.imports(path):
            target = checkout.owner(found.module, _MODULES)
            room = target and checkout.owner(target, rules)
            if room in (None, home):
                continue
            if not checkout.owner(target, rules[home]):
                yield f"{path}:{found.line}: {module} imports {target}"


def _ordered(home, rooms):
    """Returns the rule by which each room may import those before it."""
    names = [f"{home}.{room}" for room in rooms]
    return {name: tuple(names[:index]) for index, name in enumerate(names)}


@pytest.mark.parametrize(
    "rules",
    [
        _PACKAGES | _SHARED,
        _ROOMS,
        *(_ordered(*order) for order in _ORDERS.items()),
    ],
    ids=["packages", "rooms", *_ORDERS],
)
def test_imports_run_one_way(rules):
    breaches = list(_breaches(rules))
    assert not breaches, "\n".join(breaches)


def test_every_package_and_room_has_a_rule():
    assert set(_PACKAGES) == set(checkout.PACKAGE_ROOTS)
    root = checkout.ROOT / "tsm_keras"
    rooms = {
        f"tsm_keras.{path.relative_to(root).parts[0]}"
        for path in checkout.files(root, "*/*.py")
    }
    assert rooms <= set(_ROOMS)


@pytest.mark.parametrize("home", _ORDERS)
def test_every_inner_room_has_its_place(home):
    root = checkout.PACKAGE_ROOTS[home.split(".")[0]] / home.replace(".", "/")
    rooms = {path.parent.name for path in root.glob("*/__init__.py")}
    assert rooms == set(_ORDERS[home])


def test_the_device_runtime_knows_no_tensorflow():
    breaches = [
        f"{path}:{found.line}: {module} imports {found.module}"
        for module, path in _MODULES.items()
        if module.split(".")[0] in ("tsm_live", "tsm_jetson")
        for found in checkout.imports(path)
        if found.module.split(".")[0] in _NEVER_ON_A_DEVICE
    ]
    assert not breaches, "\n".join(breaches)


def test_no_circles():
    graph = {
        module: {
            checkout.owner(found.module, _MODULES)
            for found in checkout.imports(path)
            if found.on_load
        }
        - {None}
        for module, path in _MODULES.items()
    }
    graphlib.TopologicalSorter(graph).prepare()  # Raises with the circle.


def test_imports_of_a_file(tmp_path):
    path = tmp_path / "example.py"
    path.write_text(
        "import a.b\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    import c\n"
        "def later():\n"
        "    from d.e import f, g\n"
        "try:\n"
        "    import h\n"
        "except ImportError:\n"
        "    h = None\n"
    )
    found = checkout.imports(path)
    assert [(i.module, i.line, i.on_load) for i in found] == [
        ("a.b", 1, True),
        ("typing.TYPE_CHECKING", 2, True),
        ("c", 4, False),
        ("d.e.f", 6, False),
        ("d.e.g", 6, False),
        ("h", 8, True),
    ]


def test_relative_imports_are_refused(tmp_path):
    path = tmp_path / "example.py"
    path.write_text("from . import sibling\n")
    with pytest.raises(ValueError, match="line 1: imports here are absolute"):
        checkout.imports(path)


def test_owner_is_the_longest_module_of_a_name():
    modules = {"a", "a.b"}
    assert checkout.owner("a.b.c", modules) == "a.b"
    assert checkout.owner("a.bc", modules) == "a"
    assert checkout.owner("b.a", modules) is None
