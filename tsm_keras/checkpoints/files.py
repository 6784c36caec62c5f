"""read_checkpoint: a weights file becomes NumPy arrays, and no code is run."""

import dataclasses
import importlib
import os
import pathlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from tsm_keras.checkpoints.errors import CheckpointError

# Under which names training scripts put the weights beside their own state.
_WRAPPERS = ("state_dict", "model")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a weights file holds.

    Attributes:
        tensors: The weights by name, in the file's own layout.
        metadata: The file's own text fields (safetensors), or empty.
        ignored: What else was in the file, by name, with the reason why it is
            left out.
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]
    ignored: dict[str, str]


def read_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Reads `.pth`, `.pt`, `.pth.tar`, `.bin`, `.safetensors` or `.npz`.

    PyTorch's files are pickles, which can hold code; they are read by its
    restricted unpickler, which knows tensors and plain values only.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file is damaged, holds other things than
            tensors, or has another suffix.
        ImportError: If the package that reads the format is missing; the
            message says how to install it.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint file at {path}.")
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise CheckpointError(
            f"A checkpoint must be one of {', '.join(_READERS)} (.pth.tar "
            f"too). Received: {path}"
        )
    return read(path)


def import_extra(module: str, extra: str) -> Any:
    """Imports an optional package.

    Raises:
        ImportError: If it is missing, with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This needs {module.split('.')[0]}, which is not installed: "
            f'pip install "tsm-keras[{extra}]"'
        ) from error


def _read_torch(path):
    torch = import_extra("torch", "torch")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} was not read, and nothing in it was run: it is damaged, "
            "or holds Python objects beside tensors, which could be any code. "
            "If you trust its origin, save the tensors alone where it was "
            "made: torch.save(checkpoint['state_dict'], 'weights.pth'). "
            f"Received: {_reason(error)}"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or no PyTorch file. Received: {_reason(error)}"
        ) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"{path} must hold a state dict. Received: {type(content).__name__}"
        )
    ignored = {}
    for name in _WRAPPERS:
        if isinstance(content.get(name), Mapping):
            ignored = {
                str(other): "the training's own state, not a weight"
                for other in content
                if other != name
            }
            content = content[name]
            break
    tensors = {}
    for key, value in content.items():
        name = str(key)
        if isinstance(value, torch.Tensor):
            # NumPy has no bfloat16; float32 holds all of its values.
            half = value.dtype == torch.bfloat16
            try:
                array = (value.float() if half else value).detach().numpy()
            except (TypeError, RuntimeError) as error:
                raise CheckpointError(
                    f"{path} must hold dense tensors of types that NumPy has. "
                    f"Received: {name}, {value.dtype}, {value.layout}"
                ) from error
            tensors[name] = array
        else:
            ignored[name] = f"not a tensor but {type(value).__name__}"
    return Checkpoint(tensors, {}, ignored)


def _read_safetensors(path):
    try:
        tensors = safetensors.numpy.load_file(path)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or is not a safetensors file: {error}"
        ) from error
    return Checkpoint(tensors, metadata, {})


def _read_npz(path):
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path} is damaged or no .npz of plain arrays. Received: content "
            "that is no zip archive"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            tensors = {name: archive[name] for name in archive.files}
    # A damaged archive raises whatever its broken fields lead zipfile into.
    except Exception as error:
        raise CheckpointError(
            f"{path} is damaged or no .npz of plain arrays. Received: "
            + ("Python objects" if "pickle" in str(error) else str(error))
        ) from error
    return Checkpoint(tensors, {}, {})


def _reason(error):
    """Finds the reason in PyTorch's pages of advice."""
    text = str(error).strip()
    asked_for = re.search(r"GLOBAL (\S+)", text)
    if asked_for:
        return f"a file that asks for {asked_for[1]}"
    # Bytes of another format are no instructions of a pickle, or wrong ones.
    is_format = isinstance(error, (KeyError, EOFError))
    if is_format or not text or "Unsupported operand" in text:
        return "content that PyTorch does not write, or that is cut off"
    return text.splitlines()[0][:200]


_READERS = {
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".tar": _read_torch,
    ".bin": _read_torch,
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
}
