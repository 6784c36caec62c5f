"""Measures `stream_protocol` on short and on long videos, without a network.

    python -m benchmarks.scale.streams

Streams 8 videos of L frames and 8 of 8 L frames, at every frame. The bar: the
time per frame of the long ones is at most 1.3 times that of the short ones. The
exit status is 1 if it is missed.
"""

import pathlib
import resource
import tempfile
import time

import numpy as np
from absl import app, flags

from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.data.video.encoding import write_video
from tsm_keras.evaluation.streaming import stream_protocol
from tsm_keras.models.config import ClipConfig, ClipFormat, InputConfig

FLAGS = flags.FLAGS
flags.DEFINE_integer("frames", 250, "Frames of a short video.", lower_bound=8)

_RATIO = 1.3
_RATE = 25.0


class _Streamer:
    """Returns the mean of each frame as logits."""

    streams = 4
    delay = 0

    def step(self, frames):
        mean = frames.mean((1, 2, 3), keepdims=True)[:, 0, 0]
        return np.concatenate([mean, 255 - mean], 1).astype(np.float32)

    def reset(self, stream=None):
        pass


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    _measure(16)  # The first call loads libraries.
    short = _measure(FLAGS.frames)
    long = _measure(8 * FLAGS.frames)
    print(f"ratio {long / short:.2f}, bar <= {_RATIO}")
    return 0 if long <= _RATIO * short else 1


def _measure(count):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (count // 4 + 1, 8, 8, 3), np.uint8)
    frames = frames.repeat(4, 0)[:count].repeat(8, 1).repeat(8, 2)
    config = ClipFormat(InputConfig(32), ClipConfig(8, 1 / _RATE))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number in range(8):
            path = folder / f"class{number % 2}" / f"{number}.mp4"
            path.parent.mkdir(exist_ok=True)
            write_video(path, frames, fps=_RATE)
        clips = open_clips(folder)
        start = time.perf_counter()
        results = stream_protocol(_Streamer(), clips, config)
        seconds = time.perf_counter() - start
    assert len(results["frame"].by_frames) == count
    per_frame = seconds / (2 * 8 * count)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"{count} frames: {per_frame * 1e3:.3f} ms per frame, {memory:.0f} MB"
    )
    return per_frame


if __name__ == "__main__":
    app.run(main)
