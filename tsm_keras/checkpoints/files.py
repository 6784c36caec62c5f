"""read_checkpoint: reads a weights file as arrays without running code."""

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

# The keys under which training scripts store weights beside other state.
_WRAPPERS = ("state_dict", "model", "model_state")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The content of a weights file.

    Attributes:
        tensors: The weights by name, in the layout of the file.
        metadata: The text fields of a safetensors file; empty for others.
        ignored: Other entries of the file by name, with the reason why each is
            left out.
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]
    ignored: dict[str, str]


def read_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Reads `.pth`, `.pyth`, `.pt`, `.tar`, `.bin`, `.safetensors` or `.npz`.

    PyTorch files are pickles, which can contain code. They are read by the
    restricted unpickler of PyTorch, which accepts only tensors and plain values
    and runs nothing.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If the file does not exist.
        CheckpointError: If the file is damaged, contains Python objects other
            than tensors, or has another suffix.
        ImportError: If the package that reads the format is missing; the
            message says how to install it.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint file at {path}.")
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise CheckpointError(
            "The name of a checkpoint must end in one of "
            f"{', '.join(_READERS)} (so .pth.tar is valid too). "
            f"Received: {path}"
        )
    return read(path)


def import_extra(module: str, extra: str) -> Any:
    """Imports an optional package.

    Raises:
        ImportError: If it is missing. The message says how to install it.
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
            "or it contains Python objects other than tensors, which could run "
            "any code. If you trust its origin, save only the tensors where it "
            "was made: torch.save(checkpoint['state_dict'], 'weights.pth'). "
            f"Received: {_reason(error)}"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or not a PyTorch file. "
            f"Received: {_reason(error)}"
        ) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"{path} must hold a state dict. Received: {type(content).__name__}"
        )
    ignored = {}
    for name in _WRAPPERS:
        if isinstance(content.get(name), Mapping):
            ignored = {
                str(other): "state of the training, not a weight"
                for other in content
                if other != name
            }
            content = content[name]
            break
    tensors = {}
    for key, value in content.items():
        name = str(key)
        if isinstance(value, torch.Tensor):
            # NumPy has no bfloat16; float32 can represent all of its values.
            half = value.dtype == torch.bfloat16
            try:
                array = (value.float() if half else value).detach().numpy()
            except (TypeError, RuntimeError) as error:
                raise CheckpointError(
                    f"{path} must hold dense tensors of NumPy's types. "
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
            f"{path} is damaged or not an .npz of plain arrays. Received: "
            "content that is not a zip archive"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            tensors = {name: archive[name] for name in archive.files}
    # zipfile can raise any error for a damaged archive.
    except Exception as error:
        raise CheckpointError(
            f"{path} is damaged or not an .npz of plain arrays. Received: "
            + ("Python objects" if "pickle" in str(error) else str(error))
        ) from error
    return Checkpoint(tensors, {}, {})


def _reason(error):
    """Returns the reason from a long message of PyTorch, in one line."""
    text = str(error).strip()
    asked_for = re.search(r"GLOBAL (\S+)", text)
    if asked_for:
        return f"a file that asks for {asked_for[1]}"
    # A file of another format looks like a pickle with invalid opcodes.
    is_format = isinstance(error, (KeyError, EOFError))
    if is_format or not text or "Unsupported operand" in text:
        return "content that PyTorch does not write, or that is cut off"
    return text.splitlines()[0][:200]


_READERS = {
    ".pth": _read_torch,
    ".pyth": _read_torch,
    ".pt": _read_torch,
    ".tar": _read_torch,
    ".bin": _read_torch,
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
}
