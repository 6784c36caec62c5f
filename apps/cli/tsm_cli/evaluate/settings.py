"""The settings of an evaluation, and the clips that they name."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from tsm_keras.data.augment.crops import center_box
from tsm_keras.data.pipeline.sampling import clip_indices
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.readers.clip_reader import (
    ClipReader,
    open_clips,
    read_frames,
)
from tsm_keras.data.readers.flow_reader import holds_flow
from tsm_keras.data.storage.prepared_dataset import is_prepared
from tsm_keras.data.video.class_folders import split_folders
from tsm_keras.evaluation.evaluate import heads_of_model
from tsm_keras.models.config import VideoClassifierConfig

_SHOWN = 10  # The largest number of classes without clips that are named.


@dataclasses.dataclass(frozen=True)
class Settings:
    """The values of the flags of `tsm evaluate`, under their names.

    Attributes:
        models: Paths of presets and artifacts.
        views: The views that are taken from each video.
    """

    models: tuple[str, ...]
    views: ViewConfig
    data: str
    split: str
    flow_data: str | None
    max_bad_fraction: float
    average: str | None
    batch_size: int
    weights: tuple[float, ...] | None
    against: str | None
    to: str | None
    saliency: tuple[str, ...]
    embedding: bool
    lookahead: bool
    frame_interval: float | None
    seed: int
    flip_pairs: str | None = None


class Data:
    """The clips of `--data`, and of `--flow_data` for models of optical flow.

    Args:
        settings: The values of the flags.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._readers: dict[Any, ClipReader] = {}

    def reader(self, config: VideoClassifierConfig) -> ClipReader:
        """Returns the clips for a model with this config."""
        settings = self._settings
        key = config.input.channels, config.heads
        if key not in self._readers:
            flow_data = None if config.input.is_rgb else settings.flow_data
            _check_kind(config, settings.data, flow_data)
            reader = open_clips(
                flow_data or settings.data,
                settings.split,
                heads=heads_of_model(
                    config.heads, settings.data, settings.split
                ),
                may_lack=True,
                max_bad_fraction=settings.max_bad_fraction,
                verbose=True,
                flip_pairs=None if flow_data else settings.flip_pairs,
                flow_pairs=max(config.input.channels // 2, 1),
            )
            _report_absent(reader)
            self._readers[key] = reader
        return self._readers[key]

    def clip(self, config: VideoClassifierConfig, number: int) -> np.ndarray:
        """Returns the central one of the views that are evaluated.

        Args:
            config: The config of the model that sees it.
            number: The number of the video.

        Returns:
            `[T, S, S, C]` uint8.
        """
        reader = self.reader(config)
        video = reader.describe(number)
        clips = clip_indices(
            video["num_frames"],
            config.clip.num_segments,
            self._settings.views.sampling,
            interval=config.clip.frame_interval * video["frame_rate"],
        )
        indices = clips[len(clips) // 2]
        return read_frames(
            reader,
            number,
            indices.numpy(),
            config.input.resize_size,
            lambda shape: center_box(shape, config.input.image_size),
        )


def _report_absent(reader):
    """Prints which classes of the model have no clips."""
    for head in reader.heads:
        absent = [
            name
            for name, clips in zip(
                head.label_names, head.clips_per_label, strict=True
            )
            if not clips
        ]
        if absent:
            of_head = f" of {head.name}" if head.name else ""
            more = ", ..." if len(absent) > _SHOWN else ""
            print(
                f"{len(absent)} of {len(head.label_names)} classes{of_head} "
                f"have no clips here: {', '.join(absent[:_SHOWN])}{more}"
            )


def _check_kind(config, data, flow_data):
    """Refuses RGB for a model of flow, and flow for a model of RGB."""
    flag, typed = ("flow_data", flow_data) if flow_data else ("data", data)
    folder = pathlib.Path(typed)
    if not folder.is_dir():
        return  # `open_clips` raises the error about it.
    found = not is_prepared(folder) and any(
        holds_flow(split) for _, split in split_folders(folder)
    )
    if found != config.input.is_rgb:
        return
    if found:
        raise ValueError(
            "`data` must be videos or a data set of `tsm prepare`. "
            f"Received: --data={typed}, which has optical flow"
        )
    raise ValueError(
        "A network that takes optical flow needs a folder of `tsm flow`: add "
        f"--flow_data=FOLDER. Received: --{flag}={typed}, which has no flow"
    )
