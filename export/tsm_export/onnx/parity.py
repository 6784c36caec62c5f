"""check_parity: an ONNX artifact says what the Keras network says."""

import os

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_export.calibration import streamed_states, whole_clips
from tsm_export.description import ExportError
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.replay import classify_clip, replay
from tsm_live.runtimes.runner import open_runner

# How far the outputs may be off, relative to their size (in the L2 norm over
# all frames): rounding for floats; for int8 what a wrong scale, layout or cache
# exceeds by far (how good it is, a data set must say).
_TOLERANCES = {
    "none": 1e-4,
    "float16": 5e-2,
    "int8": 0.5,
    "int8_tensorrt": 0.5,
}


def check_parity(
    path: str | os.PathLike,
    spec: ArtifactSpec,
    network: keras.Model,
    clips: np.ndarray,
) -> float:
    """Runs clips in Keras and in ONNX Runtime, each with its own caches.

    Args:
        path: The artifact.
        spec: Its spec.
        network: The Keras network that it was converted from.
        clips: `[B, T, S, S, 3]` uint8 RGB; of a stream artifact each stream
            takes one.

    Returns:
        The difference of all outputs, relative to their L2 norm.

    Raises:
        ExportError: If it is larger than the precision explains.
    """
    run = open_runner(path)
    if spec.kind == "stream":
        clips = clips[np.arange(spec.streams) % len(clips)]
        feeds = streamed_states(network, clips)
        found = np.array(list(replay(run, spec, clips.swapaxes(0, 1))))
    else:
        feeds = whole_clips(clips)
        found = np.array([[classify_clip(run, spec, clip)] for clip in clips])
    infer = tf.function(network, jit_compile=False)
    expected = [infer(feed)["logits"] for feed in feeds]
    if spec.logits.role == "probabilities":
        expected, found = tf.nn.softmax(expected), np.exp(found)
    error = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    tolerance = _TOLERANCES[spec.quantization]
    if not error <= tolerance:  # NaN is no parity either.
        raise ExportError(
            "The ONNX model does not compute what the Keras network computes. "
            f"Expected: a relative difference of at most {tolerance:g}. "
            f"Received: {error:g}"
        )
    return error
