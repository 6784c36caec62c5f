"""open_runner: an artifact's network as a function of named arrays."""

import os
import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from tsm_live.artifact.file import ONNX_SUFFIX
from tsm_live.runtimes.gpu_network import AcceleratorError, open_gpu_model
from tsm_live.runtimes.interpreter_network import load_interpreter
from tsm_live.runtimes.onnx_runner import open_onnx_runner

__all__ = ["ACCELERATORS", "AcceleratorError", "Runner", "open_runner"]

Runner = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]

ACCELERATORS = ("cpu", "gpu")


def open_runner(
    path: str | os.PathLike,
    *,
    accelerator: str = "cpu",
    threads: int = 1,
    enforce_float32: bool = False,
) -> Runner:
    """Loads a `.tflite` file with one signature, or an `.onnx` artifact.

    Args:
        path: The file. Read its spec first: that notices a damaged one, on
            which LiteRT may crash.
        accelerator: `"cpu"`, or `"gpu"` for LiteRT's GPU accelerator alone,
            with nothing left to the CPU.
        threads: On the CPU.
        enforce_float32: On the GPU, which by default computes in float16.

    Returns:
        A function from all inputs to all outputs, by the signature's names.
        Images are `[N, S, S, 3]` whatever the file's layout. The arrays it
        returns are the caller's to keep.

    Raises:
        ValueError: If the accelerator is unknown or the runtime cannot load
            the file.
        ImportError: If the file is `.onnx` and ONNX Runtime is missing.
        AcceleratorError: If there is no GPU, or it leaves out a part.
    """
    if accelerator not in ACCELERATORS:
        raise ValueError(
            f"`accelerator` must be one of {ACCELERATORS}. "
            f"Received: accelerator={accelerator!r}"
        )
    if pathlib.Path(path).suffix == ONNX_SUFFIX:
        if accelerator != "cpu":
            raise AcceleratorError("Only .tflite files run on the accelerator.")
        return open_onnx_runner(path, threads=threads)
    if accelerator == "gpu":
        return _gpu_runner(os.fspath(path), enforce_float32)
    return _cpu_runner(os.fspath(path), threads)


def _cpu_runner(path, threads):
    signature = load_interpreter(path, threads=threads).get_signature_runner()
    return lambda inputs: signature(**inputs)


def _gpu_runner(path, enforce_float32):
    model = open_gpu_model(path, enforce_float32=enforce_float32)
    (signature,) = model.get_signature_list()
    inputs = {
        name: model.create_input_buffer_by_name(signature, name)
        for name in model.get_input_tensor_details(signature)
    }
    outputs = {
        name: (
            model.create_output_buffer_by_name(signature, name),
            tuple(detail["shape"]),
            np.dtype(detail["dtype"]),
        )
        for name, detail in model.get_output_tensor_details(signature).items()
    }
    buffers = {name: buffer for name, (buffer, _, _) in outputs.items()}

    def run(values):
        for name, buffer in inputs.items():
            buffer.write(np.ascontiguousarray(values[name]))
        model.run_by_name(signature, inputs, buffers)
        return {
            name: buffer.read(int(np.prod(shape)), dtype).reshape(shape)
            for name, (buffer, shape, dtype) in outputs.items()
        }

    return run
