"""TensorRTNetwork: runs an ONNX artifact in TensorRT, caches on the device.

This code has never been run, because the project has no Jetson. It follows
NVIDIA's documentation of TensorRT 8.5 to 11. The engine cache, the session and
the same swap of buffers in `tsm_live.runtimes.onnx_network` are tested.
"""

import os
from collections.abc import Sequence

import numpy as np

from tsm_jetson.device_memory import DeviceMemory
from tsm_jetson.engine_cache import engine_path, load_or_build
from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec, TensorSpec
from tsm_live.runtimes.network import check_tensors

# Builder flags that let weakly typed networks use fewer bits (TensorRT 8).
_FLAGS = {"none": (), "float16": ("FP16",), "int8_tensorrt": ("INT8", "FP16")}


def import_tensorrt():
    """Returns the package `tensorrt`.

    Raises:
        ImportError: If TensorRT is not installed.
    """
    try:
        import tensorrt
    except ImportError as error:
        raise ImportError(
            "TensorRT is not installed. It is part of JetPack (apt install "
            "python3-libnvinfer). A virtual environment needs "
            "--system-site-packages to find it."
        ) from error
    return tensorrt


class TensorRTNetwork:
    """Runs an ONNX artifact and keeps its caches in two sets of GPU buffers.

    A step reads one set and writes the other, and then they swap. No cache is
    copied to the GPU or back.

    Args:
        spec: The spec of an artifact.
        model: The bytes of its model. Its engine is built at the first start,
            which takes minutes, and kept.
        engines: The folder for engines; see `engine_path`.

    Raises:
        ImportError: If TensorRT or CUDA's bindings are not installed.
        ArtifactError: If the file is for another runtime, TensorRT cannot
            parse it, or its tensors differ from the spec.
        RuntimeError: If CUDA or TensorRT fails.
    """

    accelerator = "tensorrt"

    def __init__(
        self,
        spec: ArtifactSpec,
        model: bytes,
        *,
        engines: str | os.PathLike | None = None,
    ):
        if spec.quantization not in _FLAGS:
            raise ArtifactError(
                "TensorRT takes artifacts exported with --quantize="
                f"{'|'.join(_FLAGS)}. Received: {spec.quantization}"
            )
        trt = import_tensorrt()
        self._memory = DeviceMemory()
        self._logger = trt.Logger(trt.Logger.WARNING)
        self._runtime = trt.Runtime(self._logger)
        self._engine = load_or_build(
            engine_path(
                engines,
                model_hash=spec.model_hash,
                tensorrt_version=trt.__version__,
                device=self._memory.device,
            ),
            load=self._runtime.deserialize_cuda_engine,
            build=lambda: _build(trt, self._logger, spec, model),
        )
        check_tensors(spec.tensors, _tensor_specs(trt, self._engine))
        self._context = self._engine.create_execution_context()
        self._caches = [(each, zero_state(each).nbytes) for each in spec.caches]
        self._sets = [
            [self._memory.allocate(nbytes) for _, nbytes in self._caches]
            for _ in range(2)
        ]
        self._host = [zero_state(tensor) for tensor in spec.fed]
        self._fed = [self._memory.allocate(x.nbytes) for x in self._host]
        for tensor, pointer in zip(spec.fed, self._fed, strict=True):
            self._context.set_tensor_address(tensor.name, pointer)
        self._results = [zero_state(result) for result in spec.results]
        self._device_results = [
            self._memory.allocate(result.nbytes) for result in self._results
        ]
        for result, pointer in zip(
            spec.results, self._device_results, strict=True
        ):
            self._context.set_tensor_address(result.name, pointer)

    def frame(self) -> np.ndarray:
        """Returns the memory that the next `run` copies to the GPU."""
        return self._host[0]

    def valid(self) -> np.ndarray:
        """Returns the memory of `spec.valid`; see `Network`."""
        return self._host[1]

    def run(self) -> list[np.ndarray]:
        """Takes the next frame of every stream; see `Network`."""
        for pointer, value in zip(self._fed, self._host, strict=True):
            self._memory.upload(pointer, value)
        old, new = self._sets
        for (cache, _), read, written in zip(
            self._caches, old, new, strict=True
        ):
            self._context.set_tensor_address(cache.name, read)
            self._context.set_tensor_address(cache.fed_by, written)
        if not self._context.execute_async_v3(self._memory.stream):
            raise RuntimeError("TensorRT could not run the network.")
        for value, pointer in zip(
            self._results, self._device_results, strict=True
        ):
            self._memory.download(value, pointer)
        self._sets = [new, old]
        return [value.copy() for value in self._results]

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache."""
        state = [zero_state(cache) for cache, _ in self._caches]
        for value, pointer in zip(state, self._sets[0], strict=True):
            self._memory.download(value, pointer)
        return state

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
        for pointer, value in zip(self._sets[0], state, strict=True):
            self._memory.upload(pointer, np.ascontiguousarray(value))


def _build(trt, logger, spec, model) -> bytes:
    """Builds an engine that computes in the types of the file.

    TensorRT 10 does so if the network is strongly typed, and TensorRT 11
    always does. TensorRT 8 needs the builder flags in `_FLAGS`.
    """
    builder = trt.Builder(logger)
    config = builder.create_builder_config()
    major = int(trt.__version__.split(".")[0])
    if major >= 11:
        network = builder.create_network(0)
    elif major == 10:
        strongly_typed = trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
        network = builder.create_network(1 << int(strongly_typed))
    else:
        explicit_batch = trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH
        network = builder.create_network(1 << int(explicit_batch))
        for flag in _FLAGS[spec.quantization]:
            config.set_flag(getattr(trt.BuilderFlag, flag))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        errors = [
            str(parser.get_error(index)) for index in range(parser.num_errors)
        ]
        raise ArtifactError(
            f"TensorRT cannot parse the model: {'; '.join(errors)}"
        )
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RuntimeError(
            "TensorRT cannot build the model; with TSM_VERBOSE=1 it prints why."
        )
    return bytes(plan)


def _tensor_specs(trt, engine) -> dict[str, TensorSpec]:
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    dtypes = {
        name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))).name
        for name in names
    }
    return {
        name: TensorSpec(
            name=name,
            shape=tuple(engine.get_tensor_shape(name)),
            dtype=dtypes[name],
            # A uint8 pixel has the scale 1.
            scale=1.0 if dtypes[name] == "uint8" else 0.0,
        )
        for name in names
    }
