"""open_onnx_runner: an ONNX artifact's network as a function of arrays."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tsm_live.artifact.spec import TensorSpec
from tsm_live.runtimes.threads import check_threads

_IMAGES = ("frame", "clip")
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
}


def import_onnxruntime() -> Any:
    """Returns the package.

    Raises:
        ImportError: If it is not installed, with the line that mends this.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "ONNX Runtime runs .onnx files and is not installed: pip install "
            '"tsm-live[onnx]", or "tsm-keras[onnx]" where that is installed.'
        ) from error
    return onnxruntime


def load_onnx(
    path: str | os.PathLike,
    *,
    threads: int = 1,
    providers: Sequence[str] | None = None,
) -> Any:
    """Returns an `onnxruntime.InferenceSession`.

    Args:
        path: A `.onnx` file.
        threads: On the CPU.
        providers: Names of ONNX Runtime's execution providers, first choice
            first; None for the CPU.

    Raises:
        ImportError: If ONNX Runtime is not installed.
        ValueError: If it cannot load the file, or `threads` is not an integer
            from 1 to 256.
    """
    check_threads(threads)
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # Errors.
    try:
        return onnxruntime.InferenceSession(
            os.fspath(path),
            options,
            providers=list(providers or ["CPUExecutionProvider"]),
        )
    # Its exceptions share no base class of their own.
    except Exception as error:
        raise ValueError(
            f"ONNX Runtime cannot load {os.fspath(path)}: {error}"
        ) from error


def open_onnx_runner(
    path: str | os.PathLike, *, threads: int = 1
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """Loads a `.onnx` artifact.

    Returns:
        As `open_runner`: images go in as `[N, S, S, 3]` here too.

    Raises:
        ImportError: If ONNX Runtime is not installed.
        ValueError: If it cannot load the file.
    """
    session = load_onnx(path, threads=threads)
    names = [output.name for output in session.get_outputs()]

    def run(inputs):
        fed = {
            name: value.transpose(0, 3, 1, 2) if name in _IMAGES else value
            for name, value in inputs.items()
        }
        return dict(zip(names, session.run(names, fed), strict=True))

    return run


def onnx_tensor_specs(session: Any) -> dict[str, TensorSpec]:
    """Returns the inputs and outputs of an `InferenceSession`, by name."""
    return {
        tensor.name: TensorSpec(
            name=tensor.name,
            shape=tuple(tensor.shape),
            dtype=_DTYPES.get(tensor.type, tensor.type),
            # A byte of an image is what it counts.
            scale=1.0 if tensor.type == "tensor(uint8)" else 0.0,
        )
        for tensor in (*session.get_inputs(), *session.get_outputs())
    }
