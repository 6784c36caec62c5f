"""starting_model: builds the network to train, with its first weights.

Training starts from random weights, a preset, a PyTorch file, or published
ImageNet weights.
"""

import dataclasses
import os
import pathlib
from typing import Any

from tensorflow import keras

from tsm_keras.data.pipeline.sampling import SamplingConfig, dense_stride
from tsm_keras.data.readers.clip_reader import ClipReader
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import (
    ClipConfig,
    HeadConfig,
    InputConfig,
    NetworkConfig,
    TemporalConfig,
    VideoClassifierConfig,
    VideoDetectorConfig,
)
from tsm_keras.models.config.detector import DETECTION_FIELDS
from tsm_keras.models.config.detector import TASK as DETECTION
from tsm_keras.models.config.parts import FLAT, PARTS
from tsm_keras.models.presets import load_preset
from tsm_keras.training.recipes import Recipe
from tsm_keras.training.start_weights import (
    StartReport,
    start_from,
    start_from_imagenet,
)

# The fields in which a network may differ from the source of its weights. With
# another shift, or in other stages, the weights fit worse at first, and added
# non-local blocks start untrained; all this is allowed, and the report says so.
CHANGEABLE = (
    *("num_segments", "image_size", "resize_size", "dropout", "shift"),
    *("stages", "non_local", "operator", "causal", "kernels", "dilations"),
    *("context", "causal_stages", "frame_interval"),
)
# Intervals that differ by more than this factor are reported.
_SAME_PACE = 1.25

# Values that a weights file may not tell, and that a start does not need: the
# classifier is replaced, and the other settings are those of the training.
_OF_NO_MATTER = {
    "dataset": "unknown",
    "num_classes": 2,
    "shift_div": 8,
    "non_local": True,
}


def read_source(path: str | os.PathLike, recipe: Recipe) -> keras.Model:
    """Loads a preset, or a PyTorch state dict file.

    Args:
        path: A preset folder, or a file that `tsm import-weights` can read.
        recipe: Its network fills in what a file does not say itself.

    Raises:
        FileNotFoundError: If `path` does not exist.
        ValueError, ImportError: For the same reasons as in `load_preset` and
            `import_state_dict`.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        return load_preset(path)
    if not path.is_file():
        raise FileNotFoundError(
            "--init must name a preset folder or a weights file. "
            f"Received: {path}, which does not exist"
        )
    from tsm_keras.checkpoints.files import read_checkpoint
    from tsm_keras.checkpoints.importing import import_state_dict

    network = {
        "num_segments": ClipConfig().num_segments,
        "image_size": InputConfig().image_size,
        "shift": TemporalConfig().shift,
        **recipe.network,
    }
    checkpoint = read_checkpoint(path)
    model, _ = import_state_dict(
        checkpoint.tensors,
        name=path.name,
        metadata=checkpoint.metadata,
        force=True,  # The network will be trained, so any shift is allowed.
        assumed=_OF_NO_MATTER,
        num_segments=network["num_segments"],
        image_size=network["image_size"],
        shift=network["shift"],
    )
    return model


def starting_model(
    recipe: Recipe,
    given: dict[str, Any],
    clips: ClipReader,
    *,
    source: keras.Model | None = None,
    name: str = "",
    pretrained: str | None = None,
) -> tuple[keras.Model, StartReport | None]:
    """Builds the network to train, with the weights it starts from.

    Args:
        recipe: Its network is built, changed by the other arguments.
        given: The fields of the network's config that the user sets; they must
            fit the weights.
        clips: The training clips. They give the heads and their classes, or the
            classes of objects, and the interval between frames if neither
            `given` nor `source` has it.
        source: The model to start from, or None.
        name: The name of the source, for the report.
        pretrained: `"imagenet"` to start from published weights, else None.
            Padding, epsilon and input range of the network then become those
            of the weights.

    Returns:
        The clip model and the report on its weights. The report is None if
        all weights are random.

    Raises:
        ValueError: If a given field or a weight does not fit the network.
        ImportError: If a package that brings the weights is missing.
        OSError: If the weights cannot be downloaded.
    """
    before = source.video_config if source else None
    config = _config(recipe, given, clips, before)
    if not config.clip.frame_interval:
        interval = sampled_interval(config, clips, recipe.sampling)
        config = config.changed(frame_interval=interval)
    if pretrained:
        return start_from_imagenet(config)
    model = build_clip_model(config)
    if source is None:
        return model, None
    return model, start_from(model, source, name)


def _config(recipe, given, clips, source):
    """Returns the config of the network to train.

    Args:
        recipe: As in `starting_model`.
        given: As in `starting_model`.
        clips: As in `starting_model`.
        source: The config of the network to start from, or None.
    """
    build: type = VideoClassifierConfig
    own: dict[str, Any] = {
        "heads": tuple(
            HeadConfig(len(head.label_names), head.label_names, head.name)
            for head in clips.heads
        )
    }
    if recipe.task == DETECTION:
        build, own = VideoDetectorConfig, {"labels": clips.label_names}
    if source is None:
        return build(**recipe.network, **own)
    changes = _changes(source, recipe.network, given)
    if isinstance(source, build):
        return source.changed(**changes, **own)
    if build is VideoClassifierConfig:
        raise ValueError(
            "--init must name a classifier to start a classifier from. "
            "Received: the preset of a detector"
        )
    # A detector has all parts of a classifier except the heads.
    parts = {name: getattr(source, name) for name in PARTS}
    network = {
        field: recipe.network[field]
        for field in DETECTION_FIELDS
        if field in recipe.network
    }
    return build(**parts, **network, **changes, **own)


def _changes(source, recipe, given):
    """Returns the fields in which a network may differ from its source."""
    had = {
        name: getattr(getattr(source, part), field)
        for name, (part, field) in FLAT.items()
    } | {"shift": source.temporal.shift}
    if isinstance(source, VideoDetectorConfig):
        had |= dataclasses.asdict(source.detection)
    for field, value in given.items():
        # A classifier has no stride that a detector must have.
        same = value == had.get(field, value)
        if field not in CHANGEABLE and not same:
            raise ValueError(
                "With --init the network is the one that the weights were "
                f"trained in, with {field}={had[field]!r}: leave "
                "this setting out. "
                f"Received: {field}={value!r}"
            )
    changes = {k: v for k, v in recipe.items() if k in CHANGEABLE}
    if "image_size" in changes:
        resized = source.with_image_size(changes["image_size"])
        changes.setdefault("resize_size", resized.input.resize_size)
    return changes


def sampled_interval(
    config: NetworkConfig, clips: ClipReader, sampling: SamplingConfig
) -> float:
    """Returns the seconds between two frames of a clip, 0 if unknown.

    The clips of a detector are windows with its own interval, or if that is
    unknown, with that of the videos.

    Args:
        config: The network, whose own interval `"interval"` sampling takes.
        clips: The training clips.
        sampling: How their frames are chosen.
    """
    segments = config.clip.num_segments
    if isinstance(config, VideoDetectorConfig):
        interval = config.clip.frame_interval
        return interval or round(1 / clips.frame_rate, 4)
    if sampling.method == "interval" and config.clip.frame_interval:
        return config.clip.frame_interval
    if sampling.method != "dense":
        return clips.frame_interval(segments)
    stride = dense_stride(segments, sampling.window)
    return round(stride / clips.frame_rate, 4) if clips.frame_rate else 0.0


def pace_warning(
    config: NetworkConfig, clips: ClipReader, sampling: SamplingConfig
) -> str:
    """Returns a warning if a stream will be faster or slower than the training.

    Args:
        config: The network that is trained.
        clips: As in `sampled_interval`.
        sampling: As in `sampled_interval`.

    Returns:
        The warning, or an empty text.
    """
    stream = config.clip.frame_interval
    trained = sampled_interval(config, clips, sampling)
    known = stream > 0 and trained > 0
    if not known or max(stream, trained) <= _SAME_PACE * min(stream, trained):
        return ""
    return (
        f"warning: a stream of this network takes a frame every {stream:g} s, "
        f"but with --sampling={sampling.method} the frames of training clips "
        f"are {trained:g} s apart. Add --sampling=interval to train at the "
        f"pace of the stream, or --frame_interval={trained:g} to stream at "
        "that of the training."
    )
