"""Shared by benchmarks of accuracy: generated gestures, training, streaming."""

import dataclasses
import functools
import os
import pathlib

import numpy as np
import tensorflow as tf

from tsm_export.clips import video_clips
from tsm_keras.atomic_file import atomic_folder
from tsm_keras.data.gestures.generate import write_gestures
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.readers.folder import VideoFolder, scan_folder
from tsm_keras.data.readers.video_reader import VideoReader
from tsm_keras.models.config import VideoClassifierConfig
from tsm_live.sessions.open_session import open_session


@dataclasses.dataclass(frozen=True)
class Gestures:
    """Generated videos to train on and to test on."""

    training: VideoFolder
    test: VideoFolder

    def config(self, **fields) -> VideoClassifierConfig:
        """Returns the config of a network for gestures, causal by default."""
        fields = {"shift": "causal", "num_segments": 8, **fields}
        return VideoClassifierConfig(
            num_classes=len(self.training.label_names),
            labels=self.training.label_names,
            frame_interval=self.training.frame_interval(fields["num_segments"]),
            **fields,
        )

    def training_data(self, config, *, batch_size, seed) -> tf.data.Dataset:
        """Returns training batches; the decoded videos stay in memory."""
        return make_dataset(
            self.training,
            config,
            batch_size=batch_size,
            training=True,
            seed=seed,
            cache=True,
        )

    def calibration_clips(self, config, *, seed) -> np.ndarray:
        """Returns training clips of about 400 frames."""
        return video_clips(
            self.training, config, 400 // config.clip.num_segments, seed
        )

    def test_clips(self, config) -> tuple[np.ndarray, np.ndarray]:
        """Returns `[N, T, S, S, 3]` uint8 clips and their `[N]` labels."""
        dataset = make_dataset(self.test, config, batch_size=64, training=False)
        clips, labels = zip(*dataset.as_numpy_iterator(), strict=True)
        return np.concatenate(clips), np.concatenate(labels)


def gestures(
    folder: str | os.PathLike, *, training_clips: int, test_clips: int
) -> Gestures:
    """Opens generated videos, and writes them if an earlier run has not.

    Args:
        folder: The folder of the videos.
        training_clips: The number of training videos per class.
        test_clips: The number of test videos per class.
    """
    splits = []
    for seed, (split, count) in enumerate(
        (("train", training_clips), ("test", test_clips))
    ):
        path = pathlib.Path(folder) / f"{split}_{count}"
        if not path.exists():
            with atomic_folder(path) as partial:
                write_gestures(partial, clips_per_class=count, seed=seed)
        splits.append(scan_folder(path))
    return Gestures(*splits)


@functools.cache
def gestures_in_memory(
    folder: str, training_clips: int, test_clips: int
) -> tuple[Gestures, VideoReader, VideoReader]:
    """Returns `gestures`, and readers that keep their frames in memory.

    The readers are of the videos to train on and of those to test on. A
    process that asks again gets the same readers.
    """
    videos = gestures(
        folder, training_clips=training_clips, test_clips=test_clips
    )
    return (
        videos,
        VideoReader(videos.training, cache=True),
        VideoReader(videos.test, cache=True),
    )


def stream(path: str | os.PathLike, clips: np.ndarray) -> np.ndarray:
    """Streams clips through an artifact, with a reset before each.

    Returns:
        `[N, T, num_classes]` float32 logits of every frame.
    """
    session = open_session(path)
    logits = []
    for clip in clips:
        session.reset()
        steps = [session.step_squares([square])[0] for square in clip]
        logits.append([step.logits for step in steps])
    return np.array(logits)


def top1(logits: np.ndarray, labels: np.ndarray) -> float:
    """Returns the top-1 accuracy of clips by their mean `[N, T, K]` logits."""
    return float((logits.mean(axis=1).argmax(-1) == labels).mean())


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the share of frames of `[N, T, K]` logits with equal top-1."""
    return float((first.argmax(-1) == second.argmax(-1)).mean())
