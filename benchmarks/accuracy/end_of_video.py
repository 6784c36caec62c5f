"""Shared by benchmarks of accuracy: what is known at the end of a video.

A bidirectional network can answer from a clip that is spread over the video,
from the last frames at the pace of a stream, computed anew for each frame, or
frame by frame with lookahead. A causal network answers frame by frame.
"""

import pathlib
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
from tensorflow import keras

from benchmarks.accuracy.clip_accuracy import spread
from tsm_cli.predictors import ArtifactPredictor
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.augment.crops import center_box
from tsm_keras.data.readers.clip_reader import ClipReader
from tsm_live.sessions.open_session import open_session

WAYS = {
    "clip": "TSM, clip of 8 frames spread over the video",
    "window": "TSM, clip of the last 8 frames, anew for each frame",
    "lookahead": "TSM, stream with lookahead",
    "causal": "causal TSM, stream",
}


def at_the_end(
    model: keras.Model, clips: ClipReader, *, seed: int = 0
) -> dict[str, float]:
    """Returns the top-1 at the end of videos, by the way of running a network.

    An answer is the class with the highest mean logits of the last
    `num_segments` frames. The ways are those of `WAYS` that the network can
    run. Streams are measured twice: with a reset before each video, and
    (`"lookahead_after"`, `"causal_after"`) after another video without a
    reset, so that the stream is longer than the clips of training.

    Args:
        model: A clip model, bidirectional or causal.
        clips: The test videos, with one head.
        seed: Seed of which video precedes which.
    """
    config = model.video_config
    right: dict[str, list[bool]] = {}
    causal = config.can_stream
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "stream.tflite"
        export_tflite(model, path, kind="stream", lookahead=not causal)
        stream = open_session(path)
        if not causal:
            path = path.with_name("clip.tflite")
            export_tflite(model, path, kind="clip")
            clip = ArtifactPredictor(path)
    before = np.random.default_rng(seed).permutation(clips.num_clips)
    name = "causal" if causal else "lookahead"
    for number in range(clips.num_clips):
        frames = _frames(clips, number, config)
        last = _last(frames, config.clip.num_segments)
        found = {
            name: _streamed(stream, [frames], config),
            f"{name}_after": _streamed(
                stream,
                [_frames(clips, before[number], config), frames],
                config,
            ),
        }
        if not causal:
            whole = _frames(clips, number, config, whole=True)
            found["clip"] = clip(whole[None])[0]
            found["window"] = clip(last[None])[0]
        label = int(np.ravel(clips.describe(number)["label"])[0])
        for way, logits in found.items():
            right.setdefault(way, []).append(logits.argmax() == label)
    return {way: float(np.mean(found)) for way, found in right.items()}


def print_ends(lines: Sequence[Mapping[str, float]]) -> None:
    """Prints a Markdown table of results of `at_the_end`.

    Args:
        lines: The results of all runs.
    """
    print("\nTop-1 at the end of a video, in percent.\n")
    print("| network | top-1 | after another video, without a reset |")
    print("|---|---|---|")
    for way, text in WAYS.items():
        cells = [
            spread([line[key] for line in lines if key in line])
            for key in (way, f"{way}_after")
            if any(key in line for line in lines)
        ]
        if cells:
            print(f"| {text} | {' | '.join([*cells, '–'][:2])} |")


def _streamed(session, videos, config):
    """Streams videos without a reset; returns the mean of the last logits."""
    session.reset()
    answers = [
        answer
        for frame in np.concatenate(videos)
        if (answer := session.step_squares([frame])[0]) is not None
    ]
    answers += session.finish()
    last = [answer.logits for answer in answers[-config.clip.num_segments :]]
    return np.mean(last, axis=0)


def _frames(clips, number, config, *, whole=False):
    """Returns frames of a video, `[T, S, S, 3]` uint8.

    They have the pace of training, or are `num_segments` frames spread evenly.
    """
    about = clips.describe(number)
    count = int(about["num_frames"])
    step = config.clip.frame_interval * float(about["frame_rate"])
    indices = np.arange(0, count, step)
    if whole:
        segments = config.clip.num_segments
        indices = (np.arange(segments) + 0.5) * count / segments
    frames = clips.iterate(
        int(number),
        indices.astype(np.int32),
        config.input.resize_size,
        lambda shape: center_box(shape, config.input.image_size),
    )
    return np.stack(list(frames))


def _last(frames, length):
    """Returns the last frames; the first one is repeated if there are few."""
    first = np.repeat(frames[:1], max(0, length - len(frames)), axis=0)
    return np.concatenate([first, frames])[-length:]
