"""The public surface carries type hints (mypy checks that they are right)."""

import inspect

import pytest

import tsm_export
import tsm_jetson
import tsm_keras
import tsm_live

PUBLIC = [
    (package, name)
    for package in (tsm_keras, tsm_export, tsm_live, tsm_jetson)
    for name in package.__all__
    if name != "__version__"
]


@pytest.mark.parametrize(
    ("package", "name"),
    PUBLIC,
    ids=[f"{package.__name__}.{name}" for package, name in PUBLIC],
)
def test_everything_public_is_annotated(package, name):
    thing = getattr(package, name)
    for function in _functions(thing):
        signature = inspect.signature(function)
        for parameter in list(signature.parameters.values()):
            if parameter.name in ("self", "cls"):
                continue
            assert parameter.annotation is not parameter.empty, (
                function,
                parameter,
            )


def _functions(thing):
    """Yields a function, or the public methods that a class itself defines.

    What Keras calls (`build`, `call` and the like) has Keras's signature.
    """
    if not inspect.isclass(thing):
        yield thing
        return
    hooks = ("build", "call", "compute_output_shape", "get_config")
    for name, member in vars(thing).items():
        public = name == "__init__" or not name.startswith("_")
        if inspect.isfunction(member) and public and name not in hooks:
            yield member
