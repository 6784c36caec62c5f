"""check_parity: compares the outputs of an artifact and its Keras network."""

import os

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_export.description import ExportError
from tsm_export.heads import keras_outputs, values_of
from tsm_export.verify.trial import clip_predictions, stream_clips
from tsm_keras.models.streaming_classifier import StreamingClassifier
from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.tensors import PROBABILITIES, TensorSpec
from tsm_live.runtimes.open_network import open_network
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.clip_session import ClipSession

# The allowed differences of the outputs relative to their L2 norm over all
# frames. Floats may differ by rounding. For int8 the limit only detects wrong
# scales, layouts and caches, which exceed it by far. The accuracy of an int8
# network has to be measured on a data set.
_TOLERANCES = {
    "none": 1e-4,
    "float16": 5e-2,
    "dynamic": 0.5,
    "int8": 0.5,
    "int8_qat": 0.5,
    "int8_tensorrt": 0.5,
}
_CLIPS = 4  # The number of clips to compare for a clip artifact.


def check_parity(
    path: str | os.PathLike,
    network: keras.Model,
    clips: np.ndarray | None = None,
) -> float:
    """Runs clips in Keras and in a session, and compares the outputs.

    Args:
        path: The artifact.
        network: The Keras network that it was converted from.
        clips: `[B, T, S, S, 3]` uint8 RGB, of which a few are used; None for
            random noise.

    Returns:
        The difference of all values of an output, relative to their L2 norm;
        the largest of all heads, or of all outputs of a detector.

    Raises:
        ExportError: If the difference is larger than the quantization allows.
    """
    spec, model = load_artifact(path)
    clips = _noise(network) if clips is None else clips.astype(np.uint8)

    def open_it():
        return open_network(path, spec, model)

    if spec.kind == "stream":
        clips = clips[np.arange(spec.streams) % len(clips)]
        # Tracing a function would take longer than a few eager frames.
        keras_streams = StreamingClassifier.of_network(network, compiled=False)
        session = Session(spec, open_it)
        steps = [keras_streams.step(x) for x in clips.swapaxes(0, 1)]
        steps += keras_streams.finish()
        answers = stream_clips(session, clips)
        pairs = list(zip(steps[keras_streams.delay :], answers, strict=True))
    else:
        clip_session = ClipSession(spec, open_it)
        pairs = [
            (
                network({"clip": clip.astype(np.float32)}),
                clip_predictions(clip_session, clip),
            )
            for clip in clips[:_CLIPS]
        ]
    errors = []
    names = keras_outputs(network.video_config)
    for result, name in zip(spec.results, names, strict=True):
        errors.append(_difference(result, name, pairs))
        tolerance = _TOLERANCES[spec.quantization]
        if not errors[-1] <= tolerance:  # NaN must fail, too.
            raise ExportError(
                "The artifact does not compute what the Keras network "
                f"computes. Expected: a relative difference of at most "
                f"{tolerance:g}. "
                f"Received: {errors[-1]:g} for the output `{result.name}`"
            )
    return max(errors)


def _noise(network):
    config, rng = network.video_config, np.random.default_rng(0)
    size = config.input.image_size
    shape = (1, config.clip.num_segments, size, size, config.input.channels)
    return rng.integers(0, 256, shape, np.uint8)


def _difference(result: TensorSpec, output: str, pairs) -> float:
    expected = np.array(
        [
            outputs[output] if isinstance(outputs, dict) else outputs
            for outputs, _ in pairs
        ]
    )
    found = np.array(
        [
            [values_of(prediction)[result.name] for prediction in predictions]
            for _, predictions in pairs
        ]
    )
    if result.role == PROBABILITIES:
        expected, found = tf.nn.softmax(expected).numpy(), np.exp(found)
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
