"""StreamLatency: the cost of a network that streams on this machine."""

import pathlib

import numpy as np

from tsm_export.tflite.export import export_tflite
from tsm_export.verify.interleave import interleave
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.multiply_adds import multiply_adds
from tsm_keras.training.expansion.folder import Candidate
from tsm_live.runtimes.dry_run import dry_step

_CALIBRATION_CLIPS = 2
_CALIBRATION_FRAMES = 4


class StreamLatency:
    """Milliseconds of computing per second of video, streamed in int8.

    A network is timed side by side with its parent, and only the ratio of the
    two is used, so other programs on the machine hardly matter. Weights are
    random, because the time does not depend on them.

    Args:
        folder: A folder for temporary files.
        threads: The number of threads of LiteRT.
        rounds: The number of timed steps per network.
    """

    unit = "ms per second of video"
    streams = True

    def __init__(
        self, folder: pathlib.Path, *, threads: int = 1, rounds: int = 100
    ):
        self._folder, self._threads, self._rounds = folder, threads, rounds
        self._files: dict[str, pathlib.Path] = {}

    def size(self, config: VideoClassifierConfig) -> float:
        """Returns 10^9 multiply-adds per second of video."""
        per_frame = multiply_adds(config) / config.clip.num_segments
        return per_frame / config.clip.frame_interval / 1e9

    def cost(
        self, config: VideoClassifierConfig, parent: Candidate | None
    ) -> float:
        """Returns the milliseconds, measured against the parent."""
        configs = [config] if parent is None else [config, parent.config]
        times = interleave(
            {
                str(index): dry_step(self._file(found), threads=self._threads)
                for index, found in enumerate(configs)
            },
            rounds=self._rounds,
            untimed_calls=1,
        )
        interval = config.clip.frame_interval
        if parent is None:
            return float(np.median(times["0"])) * 1e3 / interval
        ratio = float(np.median(times["0"] / times["1"]))
        return (
            ratio * parent.cost * parent.config.clip.frame_interval / interval
        )

    def _file(self, config):
        """Returns the int8 artifact of a network with random weights."""
        # The number of frames per clip and their interval change no step.
        key = config.changed(num_segments=1, frame_interval=0.0).to_json()
        if key not in self._files:
            size = config.input.image_size
            clips = np.random.default_rng(0).integers(
                256,
                size=(_CALIBRATION_CLIPS, _CALIBRATION_FRAMES, size, size, 3),
                dtype=np.uint8,
            )
            path = self._folder / f"{len(self._files)}.tflite"
            export_tflite(
                build_clip_model(config),
                path,
                quantize="int8",
                calibration_clips=clips,
                # Random weights are not worth a comparison.
                check=lambda path: None,
            )
            self._files[key] = path
        return self._files[key]


def expect_stream(config: VideoClassifierConfig) -> None:
    """Checks that a network can stream.

    Raises:
        ValueError: If it cannot.
    """
    if not config.can_stream:
        raise ValueError(
            "`objective` latency measures streams, which need a network that "
            "does not look ahead: add --causal. "
            "Received: objective='latency' for a network that looks ahead"
        )
