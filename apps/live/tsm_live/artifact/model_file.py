"""check_model_file: whether there is a file, in the words of who has none."""

import os
import pathlib

# What the folder holds that `tsm train` makes.
_PRESET = ("config.json", "model.weights.h5")


def check_model_file(path: str | os.PathLike) -> None:
    """Refuses what is no file.

    Raises:
        FileNotFoundError: If there is nothing.
        IsADirectoryError: If it is a folder.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return
    if not path.is_dir():
        raise FileNotFoundError(f"There is no model file at {path}.")
    if all((path / name).is_file() for name in _PRESET):
        raise IsADirectoryError(
            f"{path} is a folder, a preset: `tsm export {path} "
            "--to=FILE.tflite` (or .onnx) makes a model file of it."
        )
    raise IsADirectoryError(
        f"{path} is a folder, not a model file of `tsm export`."
    )
