"""StreamingClassifier: runs streams in Keras and keeps their caches."""

import os

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.presets import load_preset
from tsm_keras.models.streaming import cache_shapes, to_streaming


class StreamingClassifier:
    """Runs N streams frame by frame and keeps their caches.

    It takes detectors of objects too, whose step returns a dictionary of
    `heatmap`, `box_size` and `box_offset`, each `[N, h, w, channels]`.

    Example:
    >>> classifier = StreamingClassifier(model, streams=2)
    >>> logits = classifier.step(frames)  # [2, H, W, 3] -> [2, num_classes]
    >>> classifier.reset(stream=1)  # Stream 0 keeps its caches.

    Args:
        model: A clip model. Without lookahead, it must be causal.
        streams: N, the number of streams that run side by side.
        lookahead: Whether to wait for later frames, if the model needs them.

    Attributes:
        config: The config of the model.
        streams: N, the number of streams.
        delay: The number of steps by which the logits are later than their
            frames; 0 unless the model looks ahead.

    Raises:
        ValueError: If the model cannot stream.
    """

    def __init__(
        self, model: keras.Model, *, streams: int = 1, lookahead: bool = False
    ):
        network = to_streaming(model, streams=streams, lookahead=lookahead)
        self._start(network, compiled=True)

    @classmethod
    def of_network(
        cls, network: keras.Model, *, compiled: bool = True
    ) -> "StreamingClassifier":
        """Wraps a streaming network.

        Args:
            network: From `build_streaming_model`, with a fixed number of
                streams.
            compiled: Whether to trace the network first, which takes seconds
                and makes each step faster.
        """
        classifier = cls.__new__(cls)
        classifier._start(network, compiled=compiled)
        return classifier

    def _start(self, network, *, compiled):
        self.config = network.video_config
        self.streams = network.inputs[0].shape[0]
        self.delay = network.stream_time.late
        self._entries = np.array(network.stream_time.entries, int)
        self._frames = np.zeros(self.streams, int)  # Per stream, so far.
        caches = {f"{name}_out" for name in cache_shapes(network)}
        self._results = [x for x in network.output if x not in caches]
        self._run = (
            tf.function(network, jit_compile=False) if compiled else network
        )
        self._caches = {
            name: tf.zeros((self.streams, *shape))
            for name, shape in cache_shapes(network).items()
        }

    @property
    def caches(self) -> dict[str, np.ndarray]:
        """The caches after the frames so far, by name, each `[N, H, W, C]`."""
        return {name: cache.numpy() for name, cache in self._caches.items()}

    @classmethod
    def from_preset(
        cls,
        path: str | os.PathLike,
        *,
        streams: int = 1,
        lookahead: bool = False,
    ) -> "StreamingClassifier":
        """Loads a preset folder; raises what `load_preset` raises."""
        return cls(load_preset(path), streams=streams, lookahead=lookahead)

    def step(self, frames: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:
        """Takes the next frame of every stream.

        Args:
            frames: `[N, image_size, image_size, C]` in 0..255, any dtype: RGB,
                or the optical flow that the model takes.

        Returns:
            `[N, num_classes]` float32 logits of these frames. For several
            heads, a dictionary of them, by the name of the head's output. With
            a delay they are the logits of the frame that came `delay` steps
            earlier; they are NaN for a stream that had not started then.

        Raises:
            ValueError: If the shape is wrong. The caches are unchanged then.
        """
        size = self.config.input.image_size
        expected = (self.streams, size, size, self.config.input.channels)
        if np.shape(frames) != expected:
            raise ValueError(
                f"`frames` must have the shape {expected} (streams, height, "
                f"width, channels). Received: shape {np.shape(frames)}"
            )
        self._frames += 1
        return self._logits(frames, self._frames - 1)

    def finish(
        self, stream: int | None = None
    ) -> list[np.ndarray | dict[str, np.ndarray]]:
        """Ends every stream, or the stream with this index, and resets it.

        Returns:
            The logits of the last `delay` frames, in order, each as `step`
            returns them. They are NaN for a stream that had no such frame, and
            have no meaning for a stream that goes on.

        Raises:
            ValueError: If `stream` is out of range.
        """
        self._only(stream)
        before = self._caches
        size = self.config.input.image_size
        blank = np.zeros((self.streams, size, size, self.config.input.channels))
        rest = [
            self._logits(blank, self._frames + step)
            for step in range(self.delay)
        ]
        self._caches = before
        self.reset(stream)
        return rest

    def _logits(self, frames, steps):
        """Runs the network; `steps` counts the earlier ones, per stream."""
        outputs = self._run(
            {
                "frame": tf.cast(frames, tf.float32),
                **self._valid(steps),
                **self._caches,
            }
        )
        self._caches = {name: outputs[f"{name}_out"] for name in self._caches}
        missing = ~self._exists(steps - self.delay)
        results = {name: np.array(outputs[name]) for name in self._results}
        for values in results.values():
            values[missing] = np.nan
        if len(results) > 1:
            return results
        (only,) = results.values()
        return only

    def _valid(self, steps):
        """Returns the input `valid`, if the network has it."""
        if not self._entries.size:
            return {}
        exists = self._exists(steps[:, None] - self._entries)
        return {"valid": tf.cast(exists[:, None, None, :], tf.float32)}

    def _exists(self, frames):
        """Tells which frames, one row of numbers per stream, exist."""
        counts = self._frames.reshape(-1, *[1] * (frames.ndim - 1))
        return (frames >= 0) & (frames < counts)

    def reset(self, stream: int | None = None) -> None:
        """Starts every stream anew, or the stream with this index.

        Raises:
            ValueError: If `stream` is out of range.
        """
        which = self._only(stream)
        self._frames[which] = 0
        self._caches = {
            name: tf.where(
                which[:, None, None, None], tf.zeros_like(cache), cache
            )
            for name, cache in self._caches.items()
        }

    def _only(self, stream):
        """Returns a mask of one stream, or of all streams for None."""
        if stream is not None and (
            type(stream) is not int or stream not in range(self.streams)
        ):
            raise ValueError(
                f"`stream` must be None or in 0..{self.streams - 1}. "
                f"Received: stream={stream!r}"
            )
        which = np.zeros(self.streams, bool)
        which[slice(None) if stream is None else stream] = True
        return which
