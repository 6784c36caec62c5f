"""check_model_file: says what is wrong if a path is not that of a file."""

import os
import pathlib

# By these files, one of them for the weights, a folder of `tsm train` is
# recognized. Older versions wrote the second one.
_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "model.weights.h5")


def check_model_file(path: str | os.PathLike) -> None:
    """Raises an error unless there is a file at the path.

    Raises:
        FileNotFoundError: If there is nothing.
        IsADirectoryError: If it is a folder.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return
    if not path.is_dir():
        raise FileNotFoundError(f"There is no model file at {path}.")
    has_weights = any((path / name).is_file() for name in _WEIGHTS)
    if has_weights and (path / _CONFIG).is_file():
        raise IsADirectoryError(
            f"{path} is a folder, a preset: `tsm export {path} "
            "--to=FILE.tflite` (or .onnx) makes a model file of it."
        )
    raise IsADirectoryError(
        f"{path} is a folder, not a model file of `tsm export`."
    )
