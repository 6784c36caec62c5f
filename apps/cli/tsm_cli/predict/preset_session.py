"""preset_session: runs a preset as a session of tsm-live, in Keras."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_export.description import describe
from tsm_export.heads import artifact_outputs, expect_labels
from tsm_keras.models.streaming import cache_shapes, to_streaming
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import TensorSpec
from tsm_live.sessions.base_session import Session


def preset_session(model: keras.Model, *, lookahead: bool = False) -> Session:
    """Returns a session of one stream for a clip model.

    It decides by the same rules as an artifact of this model would.

    Args:
        model: A clip model whose classes have names.
        lookahead: Whether to wait for later frames, if the model needs them.

    Raises:
        ValueError: If the model cannot stream, takes optical flow or has no
            class names.
    """
    model.video_config.input.expect_rgb()
    expect_labels(model.video_config)
    network = to_streaming(model, streams=1, lookahead=lookahead)
    spec = _describe(network)
    return Session(spec, lambda: _KerasNetwork(network, spec))


def _describe(network) -> ArtifactSpec:
    config = network.video_config
    size, caches = config.input.image_size, cache_shapes(network)
    time = network.stream_time
    inputs = {"frame": (size, size, 3), **caches}
    if time.entries:
        inputs["valid"] = (1, 1, len(time.entries))
    outputs = {
        **{head.output: (head.num_classes,) for head in config.heads},
        **{f"{name}_out": shape for name, shape in caches.items()},
    }
    return describe(
        _tensors(inputs),
        _tensors(artifact_outputs(outputs, softmax=False)),
        config,
        kind="stream",
        quantization="none",
        cache_frames=network.cache_frames,
        stream_time=time,
    )


def _tensors(shapes):
    return {
        name: TensorSpec(name, (1, *shape), "float32")
        for name, shape in shapes.items()
    }


class _KerasNetwork:
    """A streaming model as a `tsm_live.runtimes.network.Network`."""

    accelerator = "keras"

    def __init__(self, network: keras.Model, spec: ArtifactSpec):
        self._run = tf.function(network, jit_compile=False)
        self._heads = [head.output for head in network.video_config.heads]
        self._fed = {x.name: np.zeros(x.shape, np.float32) for x in spec.fed}
        self._names = [cache.name for cache in spec.caches]
        self._state = [np.zeros(x.shape, np.float32) for x in spec.caches]

    def frame(self) -> np.ndarray:
        return self._fed["frame"]

    def valid(self) -> np.ndarray:
        return self._fed["valid"]

    def run(self) -> list[np.ndarray]:
        caches = dict(zip(self._names, self._state, strict=True))
        outputs = self._run({**self._fed, **caches})
        self._state = [outputs[f"{name}_out"].numpy() for name in self._names]
        return [outputs[name].numpy() for name in self._heads]

    def read_state(self) -> list[np.ndarray]:
        return [cache.copy() for cache in self._state]

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        self._state = [np.array(cache) for cache in state]
