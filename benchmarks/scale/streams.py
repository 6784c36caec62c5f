"""Measures `stream_protocol` on long and on many videos, without a network.

    python -m benchmarks.scale.streams

Streams 8 and 400 videos of a tenth of L frames at every frame, and then 8 of L
and 8 of 8 L frames. The bars: streaming 400 videos adds at most 20 MB to the
largest memory of the process, and the time per frame of the long videos is at
most 1.3 times that of the short ones. The exit status is 1 if a bar is missed.
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
_MEGABYTES = 20
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
    few_frames = FLAGS.frames // 10 + 8
    _measure(few_frames)
    _, memory = _measure(few_frames, videos=400)
    short, _ = _measure(FLAGS.frames)
    long, _ = _measure(8 * FLAGS.frames)
    print(f"ratio {long / short:.2f}, bar <= {_RATIO}")
    print(f"memory for 400 videos {memory:.1f} MB, bar <= {_MEGABYTES}")
    return 0 if long <= _RATIO * short and memory <= _MEGABYTES else 1


def _measure(count, videos=8):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (count // 4 + 1, 8, 8, 3), np.uint8)
    frames = frames.repeat(4, 0)[:count].repeat(8, 1).repeat(8, 2)
    config = ClipFormat(InputConfig(32), ClipConfig(8, 1 / _RATE))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number in range(videos):
            path = folder / f"class{number % 2}" / f"{number}.mp4"
            path.parent.mkdir(exist_ok=True)
            write_video(path, frames, fps=_RATE)
        clips = open_clips(folder)
        before = _largest_memory()
        start = time.perf_counter()
        results = stream_protocol(_Streamer(), clips, config)
        seconds = time.perf_counter() - start
    assert len(results["frame"].by_frames) == count
    per_frame = seconds / (2 * videos * count)
    memory = _largest_memory() - before  # The files were written before.
    print(
        f"{videos} videos of {count} frames: {per_frame * 1e3:.3f} ms per "
        f"frame, {memory:+.1f} MB"
    )
    return per_frame, memory


def _largest_memory():
    """Returns the largest memory of this process so far, in MB (on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    app.run(main)
