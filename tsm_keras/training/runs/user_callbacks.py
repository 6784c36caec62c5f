"""find_callbacks: imports the callbacks that a user names.

A callback is a program. A name without a path is imported like any installed
package, never from the current folder; a file must be named by its path.
"""

import contextlib
import functools
import importlib
import importlib.util
import pathlib
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from tensorflow import keras

from tsm_keras.keras_version import KERAS_3, KERAS_VERSION

_FORM = "MODULE:NAME for an installed module, or PATH/FILE.py:NAME for a file"


def find_callbacks(names: Sequence[str]) -> list[Callable[[], Any]]:
    """Imports what makes the callbacks of a training.

    Args:
        names: For each callback, `"module:NAME"` or `"path/file.py:NAME"`. NAME
            is a subclass of `keras.callbacks.Callback`, or a function that
            returns a callback; `make_callbacks` calls it without arguments.

    Returns:
        The classes and functions.

    Raises:
        ValueError: If a name has another form, or is not in its module.
        FileNotFoundError: If a file does not exist.
        ImportError: If a module cannot be imported.
    """
    modules: dict[str, Any] = {}
    found: list[Callable[[], Any]] = []
    for name in names:
        place, _, attribute = name.rpartition(":")
        if not place or not attribute.isidentifier():
            raise ValueError(
                f"`callbacks` must be {_FORM}. Received: callbacks={name!r}"
            )
        if place not in modules:
            modules[place] = _import(place)
        maker = getattr(modules[place], attribute, None)
        if not callable(maker):
            raise ValueError(
                f"`callbacks` must name a class or a function of {place}. "
                f"Received: callbacks={name!r}"
            )
        if isinstance(maker, type):
            _expect_callback(issubclass, maker, name)
        found.append(functools.partial(_make, maker, name))
    return found


def make_callbacks(
    makers: Sequence[Callable[[], Any]],
) -> list[keras.callbacks.Callback]:
    """Makes the callbacks that `find_callbacks` found.

    Raises:
        ValueError: If one cannot be made, or is not a callback of this Keras.
            Its methods, too, raise a ValueError for any error in them; it says
            in which file and line.
    """
    return [maker() for maker in makers]


def _make(maker, name):
    with _blamed(f"making the callback {name}"):
        callback = maker()
    _expect_callback(isinstance, callback, name)
    for method in dir(callback):
        if method.startswith("on_"):
            guard = _blamed(f"the callback {name} failed in {method}")
            setattr(callback, method, guard(getattr(callback, method)))
    return callback


@contextlib.contextmanager
def _blamed(what):
    """Turns any error of a user's code into one that names its place."""
    try:
        yield
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ValueError(
            f"{what}: {type(error).__name__}: {error} ({place.filename}, line "
            f"{place.lineno}; TSM_VERBOSE=1 shows the full traceback)"
        ) from error


def _expect_callback(check, found, name):
    if not check(found, keras.callbacks.Callback):
        raise ValueError(
            "`callbacks` must name a subclass of keras.callbacks.Callback, or "
            "a function that returns such a callback. This training runs in "
            f"{'Keras ' if KERAS_3 else ''}{KERAS_VERSION}, which "
            "`from tensorflow import keras` imports. "
            f"Received: callbacks={name!r}, which is {found!r}"
        )


def _import(place):
    if place.endswith(".py"):
        return _import_file(pathlib.Path(place))
    if not re.fullmatch(r"\w+(\.\w+)*", place):
        raise ValueError(
            f"`callbacks` must be {_FORM}. Received: callbacks={place!r}"
        )
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and place.startswith(error.name):
            raise ImportError(
                f"`callbacks` names the module {place}, which is not "
                "installed. A file of your own needs its path: "
                f"./{place.replace('.', '/')}.py:NAME. "
                f"Received: callbacks={place!r}"
            ) from error
        raise _import_error(place, error) from error
    except Exception as error:
        raise _import_error(place, error) from error


def _import_file(path):
    if not path.is_file():
        raise FileNotFoundError(
            "`callbacks` must name a file that exists. "
            f"Received: {path}, which does not exist"
        )
    # A name that no package has, so that no other module is replaced.
    name = f"_callbacks_of_{path.stem}_{len(sys.modules)}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _import_error(path, error) from error
    return module


def _import_error(place, error):
    return ImportError(
        f"`callbacks` must name a module that can be imported. "
        f"Received: {place}, which raises {type(error).__name__}: {error}"
    )
