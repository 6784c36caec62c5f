"""TSMClassifier: classifies video files and frames with a trained preset."""

import os

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.data.pipeline.sampling import segment_indices
from tsm_keras.data.video.decoding import probe_video, read_video
from tsm_keras.data.video.resizing import center_crop, resize_short_side
from tsm_keras.models.presets import load_preset
from tsm_keras.models.streaming_classifier import StreamingClassifier
from tsm_keras.models.summary import describe


class TSMClassifier:
    """A clip model with its labels and the preprocessing of videos.

    Example:
    >>> classifier = TSMClassifier.from_preset("presets/tsm")
    >>> classifier.classify("clip.mp4")[0]
    ('swipe_left', 0.98)

    Args:
        model: A clip model from `build_clip_model` or `load_preset`.

    Attributes:
        model: The clip model.
        config: The `VideoClassifierConfig` of the model.
        labels: Class names in the order of the logits. If the config has none,
            they are the class numbers as text.

    Raises:
        ValueError: If the model takes optical flow.
    """

    def __init__(self, model: keras.Model):
        model.video_config.input.expect_rgb()
        self.model = model
        self.config = model.video_config
        self.labels = self.config.head.labels or tuple(
            map(str, range(self.config.head.num_classes))
        )

    @classmethod
    def from_preset(cls, path: str | os.PathLike) -> "TSMClassifier":
        """Loads a preset folder; raises the errors of `load_preset`."""
        return cls(load_preset(path))

    def classify(self, path: str | os.PathLike) -> list[tuple[str, float]]:
        """Classifies a video file by T frames that are spread over it.

        Args:
            path: The video file.

        Returns:
            Every class with its probability, the most probable first.

        Raises:
            VideoError: If the video cannot be read.
        """
        info = probe_video(path)
        indices = segment_indices(
            info.num_frames, self.config.clip.num_segments
        )
        return self.classify_frames(read_video(path, indices.numpy()))

    def classify_frames(self, frames: np.ndarray) -> list[tuple[str, float]]:
        """Classifies one clip.

        Args:
            frames: `[T, H, W, 3]` uint8 RGB of any height and width; T is the
                config's `num_segments`.

        Returns:
            Every class with its probability, the most probable first.

        Raises:
            ValueError: If the frames have another shape or dtype.
        """
        if (
            frames.ndim != 4
            or frames.shape[0] != self.config.clip.num_segments
            or frames.shape[3] != 3
            or frames.dtype != np.uint8
        ):
            raise ValueError(
                f"`frames` must be [{self.config.clip.num_segments}, H, W, 3] "
                f"uint8. Received: shape {frames.shape}, dtype {frames.dtype}"
            )
        clip = resize_short_side(frames, self.config.input.resize_size)
        clip = center_crop(clip, self.config.input.image_size)
        scores = tf.nn.softmax(self.model(clip[None], training=False))[0]
        named = zip(self.labels, scores.numpy().tolist(), strict=True)
        return sorted(named, key=lambda pair: -pair[1])

    def streaming(
        self, *, streams: int = 1, lookahead: bool = False
    ) -> StreamingClassifier:
        """Returns a classifier that takes one frame at a time per stream.

        Args:
            streams: The number of streams; see `StreamingClassifier`.
            lookahead: Whether to wait for later frames, if the model needs
                them.
        """
        return StreamingClassifier(
            self.model, streams=streams, lookahead=lookahead
        )

    def summary(self) -> None:
        """Prints a table of the network with one row per block."""
        print(describe(self.model))
